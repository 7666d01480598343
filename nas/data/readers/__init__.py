"""Data sets as they lie there: official archives, embedded ones, and a user's own files; one reader a file."""

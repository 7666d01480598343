"""Ready studies: one file, one question, each with a STUDY that runs as it is."""

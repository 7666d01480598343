"""What differs between databases of a run: a file of SQLite in its folder, or a server of PostgreSQL."""

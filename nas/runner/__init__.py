"""The commands that train: a run, an audit, the export of a network whose weights weren't kept."""

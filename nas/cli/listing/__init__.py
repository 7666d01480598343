"""The verbs that list what there is before a run: studies, and spaces with networks."""

"""The commands of `incident`, one file a subject."""

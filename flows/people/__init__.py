"""Telling people what waits and how it ended, and what they do with an incident besides deciding."""

"""The run around an incident: what its process was given, opening and cancelling one, its errors without secrets."""

"""How an incident comes to be opened: by whoever asks, once."""

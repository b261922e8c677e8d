"""Who may approve what, and the proof of it."""

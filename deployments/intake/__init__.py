"""The webhook receiver: what monitoring systems send becomes exactly one incident. One file a source."""

"""What can go wrong when servers are started; one kind, so that the command line shows all of it the same way."""


class CannotStart(Exception):
    """Something did not come up. The message says what, where, and what to do; nothing it started is left running."""

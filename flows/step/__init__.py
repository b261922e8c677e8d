"""From a plan to its outcome, and back again."""

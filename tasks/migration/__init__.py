"""A database's schema, changed by the team's own tool."""

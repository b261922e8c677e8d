"""One incident as its process lives it, and what it is made of: questions, standing approvals, bodies of entries."""

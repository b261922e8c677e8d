"""Findings, plans and whole incidents as people read them."""

"""How long people wait for machinery, and what it costs: `python -m tests.benchmarks.pace`."""

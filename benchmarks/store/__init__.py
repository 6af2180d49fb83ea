"""What kills, and what resuming costs: ``python -m benchmarks.store``."""

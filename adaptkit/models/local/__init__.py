"""Models that run on this machine through transformers."""

"""Several strategies on the same rows: planned, run, stored, summarised."""

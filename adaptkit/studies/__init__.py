"""Made of comparisons: pilot, learning curves, robustness, freshness, and what changed between two."""

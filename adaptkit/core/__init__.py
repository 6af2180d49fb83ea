"""Types, results, errors, registry and codec: standard library only, imported by everything else."""

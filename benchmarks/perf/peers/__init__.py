"""One worker a peer: a script that the peers' own Python runs, and that answers lines of a small protocol."""

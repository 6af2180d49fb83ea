"""Speed beside peers: adaptkit and other engines run each workload in turn, on the same requests."""

"""The main job: ``python -m benchmarks.run [SUITE.toml] [--task T ...]``; see ``--help``."""

import sys

from adaptkit.cli.run import main

if __name__ == "__main__":
    sys.exit(main())

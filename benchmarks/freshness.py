"""Change, add and delete documents: ``python -m benchmarks.freshness --task T --out DIR``; see ``--help``."""

import sys

from adaptkit.cli.freshness import main

if __name__ == "__main__":
    sys.exit(main())

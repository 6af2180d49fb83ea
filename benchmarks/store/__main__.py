"""``python -m benchmarks.store``: kill comparisons at random moments and resume them; see ``--help``."""

import sys

from benchmarks.store.kill_and_resume import main

if __name__ == "__main__":
    sys.exit(main())

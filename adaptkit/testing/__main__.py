"""The other process of :mod:`adaptkit.testing.new_process`."""

from adaptkit.testing.new_process import main

if __name__ == "__main__":
    main()

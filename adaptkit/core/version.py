"""The library's version; part of every trial's key."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("adaptkit-llm")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

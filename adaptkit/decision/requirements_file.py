"""Requirements as a TOML file: a table ``[requirements]`` whose keys are the attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptkit.core.errors import AdaptKitError, DataError, UnknownNameError
from adaptkit.core.reading import Unreadable, read_toml
from adaptkit.decision.requirements import Requirements, names

TABLE = "requirements"


def load_requirements(path: Path | str) -> Requirements:
    """Read requirements from a TOML file.

    The table ``[requirements]`` holds them; ``requests_per_month`` is a number, ``[low, high]`` or
    ``"unknown"``. Other tables are left to whom they concern.

    Raises:
        DataError: the file cannot be read, is no TOML, has no such table, or a key or value of it is wrong;
            ``.path`` names it.
    """
    path = Path(path)
    try:
        data = read_toml(path)
    except Unreadable as error:
        raise DataError(
            f"The requirements cannot be read: {error.reason}.", path=path, line=error.line
        ) from None
    table = data.get(TABLE)
    if not isinstance(table, Mapping):
        raise DataError(f"There is no table [{TABLE}]. Put the requirements under that line.", path=path)
    try:
        return requirements_of(table)
    except AdaptKitError as error:
        raise DataError(str(error), path=path) from error


def requirements_of(table: Mapping[str, Any]) -> Requirements:
    """Make requirements of a table, e.g. that of a suite.

    Raises:
        UnknownNameError: a key that is no requirement, with the closest one.
        ConfigError: a value that the requirement cannot have.
    """
    for name in table:
        if name not in names():
            raise UnknownNameError.for_name("requirement", name, names())
    return Requirements(**table)


def to_toml(requirements: Requirements) -> str:
    """Write what is stated as a table that :func:`load_requirements` reads.

    Examples:
        >>> print(to_toml(Requirements(missing="both", requests_per_month=(100, 2000))), end="")
        [requirements]
        requests_per_month = [100, 2000]
        missing = "both"
    """
    lines = [f"{name} = {_written(value)}" for name, value in requirements.stated().items()]
    return "\n".join([f"[{TABLE}]", *lines]) + "\n"


def _written(value: object) -> str:
    # Booleans, numbers, lists of numbers and plain words stand in TOML as in JSON.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)

"""What ``generate()`` is given: texts, and what is to be said of anything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adaptkit.core.errors import ConfigError


def listed(inputs: object) -> list[str]:
    """The inputs of a call; members that are no texts are among them, see :func:`fault_of_input`.

    Raises:
        ConfigError: it is no sequence.
    """
    if not isinstance(inputs, Iterable) or isinstance(inputs, bytes | bytearray | Mapping):
        raise ConfigError.for_parameter("generate()", "inputs", "a text or a list of texts", inputs)
    return list(inputs)


def fault_of_input(text: object) -> ConfigError | None:
    """Why an input cannot be answered; None where it can."""
    if not isinstance(text, str):
        return ConfigError.for_parameter("generate()", "inputs", "a text or a list of texts", text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return ConfigError("The input holds half of a surrogate pair, which is no text. Leave it out.")
    return None


def require_text(text: object) -> None:
    """Raise what :func:`fault_of_input` finds.

    Raises:
        ConfigError: it cannot be answered.
    """
    fault = fault_of_input(text)
    if fault:
        raise fault

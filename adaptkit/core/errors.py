"""Every error that the library raises on purpose.

    AdaptKitError
      ConfigError (ValueError)              a parameter is out of range
      UnknownNameError (LookupError)        a name that no registry knows
      MissingDependencyError (ImportError)  an optional package is not installed
      PluginError (ImportError)             another package's strategy, metric, .. that breaks at import
      NotFittedError (RuntimeError)         generate() before fit()
      CapabilityError                       a strategy and a model or task that do not go together
      DataError (ValueError)                bad task data; .path, .line
        LeakageError                        test rows stand in what a strategy learns from
      ModelError                            a model could not be loaded or called; .retryable
      AnswerError                           a strategy failed on one input; the others are unharmed
      ScoringError                          a metric failed on one answer, which counts as wrong
      TrainingError                         training went wrong; .step
      StoreError                            a run folder that cannot be read or written; .path, .line
        OlderRunError                       an earlier version left out what is needed

A message says what happened, the value found, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def shown(value: object, *, most: int = 200) -> str:
    """A value as an error names it: in one line and of bounded length, whatever it is.

    Examples:
        >>> shown("a"), shown("x" * 300, most=10)
        ("'a'", "'xxxxxxxxx...")
    """
    try:
        text = repr(value)
    except Exception:  # more digits than Python writes, nested too deeply, a type with a fault of its own
        text = f"a value of type {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}..."


class AdaptKitError(Exception):
    """Base class: catch this one to catch everything that the library raises on purpose."""


class ConfigError(AdaptKitError, ValueError):
    """A parameter has a value that it cannot have."""

    @classmethod
    def for_parameter(cls, owner: str, name: str, expected: str, got: object) -> ConfigError:
        """Build the standard sentence, e.g. for ``FewShot(k=0)``."""
        return cls(f"The '{name}' parameter of {owner} must be {expected}. Got {shown(got)} instead.")


class UnknownNameError(AdaptKitError, LookupError):
    """A name that the registry asked does not hold."""

    @classmethod
    def for_name(cls, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """Build the standard sentence with the closest known name and the list of all of them."""
        names = sorted(known)
        close = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        return cls(f"Unknown {kind} '{name}'.{hint} Known: {', '.join(names)}.")


class MissingDependencyError(AdaptKitError, ImportError):
    """An optional package is needed and not installed."""

    @classmethod
    def for_extra(cls, what: str, package: str, extra: str) -> MissingDependencyError:
        """Name the package and the extra that brings it."""
        return cls(
            f"{what} needs the package '{package}'. Install it with: pip install 'adaptkit-llm[{extra}]'"
        )


class PluginError(AdaptKitError, ImportError):
    """What another package registers cannot be imported."""


class NotFittedError(AdaptKitError, RuntimeError):
    """``generate()`` or ``save()`` was called before ``fit()``."""


class CapabilityError(AdaptKitError):
    """A strategy was given a model or task that cannot serve it."""


class DataError(AdaptKitError, ValueError):
    """Task data that cannot be used, with the place where it stands.

    Attributes:
        path: the file at fault, or None for data built in memory.
        line: its 1-based line, or None where the whole file is at fault.
    """

    def __init__(self, message: str, *, path: Path | None = None, line: int | None = None) -> None:
        self.path = path
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path} line {line}: "
        super().__init__(where + message)


class LeakageError(DataError):
    """Test rows stand in train, demonstrations or documents, so that a score would measure memory."""


class ModelError(AdaptKitError):
    """A model could not be loaded, fetched or called.

    Attributes:
        retryable: whether the same call may succeed later.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        self.retryable = retryable
        super().__init__(message)


class ContextLengthError(ModelError):
    """A request is longer than the model's context window.

    Attributes:
        tokens: tokens that the request needs, completion included.
        limit: tokens that the model can hold.
    """

    def __init__(self, tokens: int, limit: int) -> None:
        self.tokens = tokens
        self.limit = limit
        super().__init__(
            f"The request needs {tokens} tokens (prompt and completion) and the model holds {limit}. "
            "Use fewer demonstrations or passages, or a model with a longer context."
        )


class TrainingError(AdaptKitError):
    """Training failed in a way that makes its result useless.

    Attributes:
        step: the optimiser step at which it was seen, or None.
    """

    def __init__(self, message: str, *, step: int | None = None) -> None:
        self.step = step
        super().__init__(message)


class AnswerError(AdaptKitError):
    """A strategy failed on one input, by no fault that it names itself."""


class ScoringError(AdaptKitError):
    """A metric failed on one answer."""


class StoreError(AdaptKitError):
    """A run folder that cannot be read or written.

    Attributes:
        path: the file at fault.
        line: its 1-based line, or None.
        reason: the message without the place.
    """

    def __init__(self, message: str, *, path: Path, line: int | None = None) -> None:
        self.path = path
        self.reason = message
        self.line = line
        super().__init__(f"{path}{'' if line is None else f' line {line}'}: {message}")


class OlderRunError(StoreError):
    """A run folder in which an earlier version of the library left out what is needed."""

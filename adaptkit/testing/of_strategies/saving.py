"""Saving: what was learnt comes back, here and elsewhere, and nothing else is taken for it."""

from __future__ import annotations

import dataclasses
import pickletools
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from adaptkit.core.codec import to_json
from adaptkit.core.errors import AdaptKitError
from adaptkit.core.types import ModelInfo
from adaptkit.models.base import Model
from adaptkit.strategies.seal import STATE_FILE
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect, first_difference, shown_short
from adaptkit.testing.of_strategies.fitting import expect_untouched
from adaptkit.testing.strategy_case import StrategyCase

N_OPCODES = 4
PICKLED = (".pkl", ".pickle", ".pt", ".pth", ".joblib")


def a_saved_strategy_answers_as_before(case: StrategyCase) -> None:
    """Loaded on a model like its own, it is equal, answers alike and tells the same notes."""
    remedy = "Return from save_state() what generate() needs, and set it in load_state()."
    expect(case.loaded == case.make(), f"{shown_short(case.make())} to be loaded", case.loaded, remedy)
    found, expected = case.loaded_answers, case.together
    expect(
        found == expected, "the answers from before it was saved", first_difference(expected, found), remedy
    )
    notes = (to_json(case.loaded.fit_notes_), to_json(case.strategy.fit_notes_))
    expect(notes[0] == notes[1], "the notes of the fit", notes[0], remedy)


def a_saved_strategy_answers_alike_in_a_new_process(case: StrategyCase) -> None:
    """Loaded in another process it answers as here: nothing depends on hashes of strings or on memory."""
    expected, found = case.loaded_answers, case.answers_elsewhere
    expect(
        found == expected,
        "the same answers in another process",
        first_difference(expected, found),
        "Depend on no hash() and no order of a set; save all that is learnt.",
    )


def a_loaded_strategy_can_be_saved_again(case: StrategyCase) -> None:
    """It holds all that was saved: a second folder says the same."""
    second = case.new_folder()
    remedy = "Set in load_state() whatever save_state() writes, and write it in one order."
    try:
        returned: object = case.loaded.save(second)
    except Exception as error:
        raise CheckFailed(f"Expected it to be saved. Found {shown_short(error)}. {remedy}") from error
    expect(returned == second, f"save() to return its folder {second}", returned, "Return Path(folder).")
    one, other = ((folder / STATE_FILE).read_text(encoding="utf-8") for folder in (case.saved, second))
    expect(
        one == other,
        f"the same {STATE_FILE} when it is saved again",
        first_difference(one.splitlines(), other.splitlines()),
        remedy,
    )


def a_loaded_strategy_leaves_the_model_alone(case: StrategyCase) -> None:
    """The model on which a strategy is loaded serves others too."""
    expect_untouched(case.loading.model_before, case.loading.model_after, "loading")


def a_saved_folder_holds_no_pickle(case: StrategyCase) -> None:
    """Loading a folder from somebody else runs none of their code."""
    found = [p.name for p in case.saved.rglob("*") if p.is_file() and is_pickle(p)]
    expect(
        not found,
        "no pickled file",
        ", ".join(found),
        "Write JSON, safetensors or an index in a format of its own.",
    )


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, or an archive that holds one."""
    if path.suffix in PICKLED or _begins_as_pickle(path):
        return True
    if not zipfile.is_zipfile(path):  # torch and numpy pack theirs into one
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(PICKLED) for name in archive.namelist())


def _begins_as_pickle(path: Path) -> bool:
    """Whether a file begins with the mark of protocol 2 or later and with opcodes.

    The mark alone says little: a safetensors file whose header has 640 bytes begins with it too.
    """
    with path.open("rb") as f:
        if f.read(1) != b"\x80":
            return False
        f.seek(0)
        try:
            return bool(list(zip(range(N_OPCODES), pickletools.genops(f), strict=False)))
        except ValueError:
            return False


class _Renamed:
    """A model under another revision."""

    def __init__(self, model: Model, info: ModelInfo) -> None:
        self._model, self.info = model, info

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)


def a_strategy_of_another_model_is_refused(case: StrategyCase) -> None:
    """What was learnt for one model is not served by another: its revision is compared."""
    info = dataclasses.replace(case.fresh_model.info, revision="another-revision")
    other = _Renamed(case.fresh_model, info)
    remedy = "Leave restore() to Strategy: it compares the revisions."
    try:
        case.load(case.saved, other)  # type: ignore[arg-type]
    except AdaptKitError:
        return
    except Exception as error:
        raise CheckFailed(
            f"Expected the model to be refused. Found {shown_short(error)}. {remedy}"
        ) from error
    raise CheckFailed(f"Expected the model to be refused. Found that the strategy was loaded on it. {remedy}")


def a_damaged_file_is_refused(case: StrategyCase) -> None:
    """A file that is cut, missing, or has one other bit is found out: no answer is silently wrong."""
    folder = case.new_folder(case.saved)
    for name, harm, content in _damages(case.saved):
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        _expect_refused(case, folder, f"{name} was {harm}")
        shutil.copyfile(case.saved / name, folder / name)


def _damages(folder: Path) -> Iterator[tuple[Path, str, bytes | None]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, content = path.relative_to(folder), path.read_bytes()
        middle = len(content) // 2
        yield name, "removed", None
        yield name, "cut in half", content[:middle]
        yield name, "emptied", b""
        if content:
            turned = bytes([content[middle] ^ 1])
            yield name, "changed in one bit", content[:middle] + turned + content[middle + 1 :]


def files_of_another_strategy_are_refused(case: StrategyCase) -> None:
    """A file that another strategy of the kind saved is found out, whole as it is."""
    mine, other = case.saved, case.saved_other
    shared = [
        name
        for name in sorted(p.relative_to(mine) for p in mine.rglob("*") if p.is_file())
        if (other / name).is_file() and (other / name).read_bytes() != (mine / name).read_bytes()
    ]
    if shared in ([], [Path(STATE_FILE)]):
        raise NotApplicable(f"It saves nothing beside {STATE_FILE} that depends on the task.")
    folder = case.new_folder(mine)
    for name in shared:
        shutil.copyfile(other / name, folder / name)
        _expect_refused(case, folder, f"{name} came from another one")
        shutil.copyfile(mine / name, folder / name)


def _expect_refused(case: StrategyCase, folder: Path, damage: str) -> None:
    remedy = "Leave save() and restore() to Strategy: strategy.json holds a hash of every file."
    try:
        case.load(folder, case.fresh_model)
    except AdaptKitError:
        return
    except Exception as error:
        raise CheckFailed(
            f"Expected an AdaptKitError from a saved strategy of which {damage}. Found {shown_short(error)}. "
            f"{remedy}"
        ) from error
    raise CheckFailed(
        f"Expected a saved strategy of which {damage} to be refused. Found that it was loaded. {remedy}"
    )


CHECKS = (
    a_saved_strategy_answers_as_before,
    a_saved_strategy_answers_alike_in_a_new_process,
    a_loaded_strategy_can_be_saved_again,
    a_loaded_strategy_leaves_the_model_alone,
    a_saved_folder_holds_no_pickle,
    a_strategy_of_another_model_is_refused,
    a_damaged_file_is_refused,
    files_of_another_strategy_are_refused,
)

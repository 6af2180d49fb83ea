"""Whether a checkpoint fills a model: transformers draws what is missing at random, and only logs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adaptkit.core.errors import AdaptKitError, ModelError
from adaptkit.models.folder import shown

# Tensors that a module makes itself, whatever the checkpoint holds.
_MADE = re.compile(r"(^|\.)(position_ids|token_type_ids|inv_freq|masked_bias|attn\.bias)$")


def outline(automatic: Any, where: Any, **options: Any) -> tuple[Any, Mapping[str, Any]]:
    """Compare a model with its checkpoint without loading the weights: names and shapes only.

    A model whose sizes are wrong is found out before memory is taken for it.

    Args:
        automatic: class with ``from_pretrained``.
        where: folder or Hub id.
        options: of ``from_pretrained``.

    Returns:
        The module, without weights, and what did not fit, for :func:`check_tensors`.
    """
    module, info = automatic.from_pretrained(
        where,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        device_map={"": "meta"},
        trust_remote_code=False,
        **options,
    )
    return module, info


def check_tensors(
    what: str, module: Any, info: Mapping[str, Any], *, unused: Callable[[list[str]], bool] = lambda _: False
) -> tuple[str, ...]:
    """Refuse a model that its checkpoint does not fill, or whose tensors have no place in it.

    Tied weights and buffers are filled by the model itself and count as there. Tensors for parts that the
    model does not have, such as a head for another task, are passed over and noted.

    Args:
        what: the model, to begin a sentence with.
        module: as it was loaded.
        info: what ``from_pretrained`` says with ``output_loading_info``.
        unused: whether missing tensors are of parts that no answer comes through.

    Returns:
        Notes for the reader of results.

    Raises:
        ModelError: with the names of some tensors.
    """
    missing = sorted(info.get("missing_keys") or ())
    shapes = sorted(f"{name} {tuple(a)} for {tuple(b)}" for name, a, b in info.get("mismatched_keys") or ())
    spare = sorted(n for n in info.get("unexpected_keys") or () if not _MADE.search(n))
    lost = [n for n in spare if _belongs(n, module)]
    if missing and not shapes and not lost and unused(missing):
        return (f"tensors that the checkpoint lacks and no answer uses: {shown(missing)}",)
    faults = [
        f"{len(names)} {text} ({shown(names)})"
        for names, text in (
            (missing, "are missing"),
            (shapes, "have another shape than config.json says"),
            (spare if missing else lost, "have no place in the model"),
        )
        if names
    ]
    if info.get("error_msgs"):
        faults.append(str(info["error_msgs"][0])[:200])
    if faults:
        raise ModelError(
            f"{what} is not complete. Of its {sum(1 for _ in module.state_dict())} tensors, "
            f"{'; '.join(faults)}. Nothing is filled in at random: export or copy the model again."
        )
    return (f"tensors of the checkpoint that the model has no part for: {shown(spare)}",) if spare else ()


def _belongs(name: str, module: Any) -> bool:
    """Whether a tensor without a place is of a part that the model has, or of one more of its layers."""
    own = [n for n, _ in module.named_parameters()]
    patterns = {re.sub(r"\d+", "*", n) for n in own}
    owners = {n.rpartition(".")[0] for n in own}
    prefix = f"{getattr(module, 'base_model_prefix', '')}."
    for candidate in (name, name.removeprefix(prefix), prefix + name):
        parts = candidate.split(".")
        if re.sub(r"\d+", "*", candidate) in patterns:
            return True
        if any(".".join(parts[:i]) in owners for i in range(1, len(parts))):
            return True
    return False


def check_finite(what: str, module: Any) -> None:
    """Refuse weights that are no numbers; reads all of them once.

    Raises:
        ModelError: with the names of some tensors.
    """
    import torch

    # A sum is not finite where one of its terms is not; one transfer from the device for all of them.
    kinds = {torch.float64, torch.float32, torch.bfloat16, torch.float16}
    named = [(n, p) for n, p in module.named_parameters() if p.dtype in kinds and p.numel()]
    if not named:
        return
    with torch.inference_mode():
        sums = torch.stack([p.sum(dtype=torch.float32) for _, p in named])
        suspects = [named[i] for i in (~sums.isfinite()).nonzero().flatten().tolist()]
        broken = [n for n, p in suspects if not bool(p.isfinite().all())]
    if broken:
        raise ModelError(
            f"{what} has weights that are no numbers (NaN or infinite) in {len(broken)} of {len(named)} "
            f"tensors: {shown(broken)}. Copy or export it again; with float16, try dtype='float32'."
        )


@contextmanager
def load_errors(error_of: Callable[[BaseException], AdaptKitError]) -> Iterator[None]:
    """Turn whatever a library raises on a damaged model into one error of ours.

    Args:
        error_of: makes it.

    Raises:
        AdaptKitError: what ``error_of`` makes; the library's own errors pass.
    """
    try:
        yield
    except (AdaptKitError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # what panics in Rust is no Exception
        raise error_of(error) from error

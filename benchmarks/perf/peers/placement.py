"""Where and in which dtype a torch peer runs at its best."""

from __future__ import annotations

from typing import Any


def place(wanted: str) -> tuple[str, Any]:
    """Device and torch dtype; ``auto`` is bfloat16 where the device has it natively, else float32.

    Emulated bfloat16 is slower than float32 on every CPU without the instructions.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted != "auto":
        return device, getattr(torch, wanted)
    if device == "cuda":
        return device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    capabilities = torch.cpu.get_capabilities()
    native = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return device, torch.bfloat16 if native else torch.float32


def dtype_name(dtype: Any) -> str:
    """``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def wait_for_device() -> None:
    """Return once what was asked of a GPU is done, so that a clock read next tells the truth."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()

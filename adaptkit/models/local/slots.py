"""Keys and values of the rows under way: one preallocated slot a row, and how new tokens attend to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from adaptkit.models.local.cascade import attention_part
from adaptkit.models.local.tree import Segment

MAX_PADDING = 0.25
"""Share of filler that rows of unlike lengths may bring into one attention call of a prefill."""


class Slots:
    """Keys and values [n_slots, capacity, G, D] a layer, allocated when a layer first writes.

    Args:
        capacity: most tokens of a row, completion included.
    """

    def __init__(self, n_slots: int, capacity: int) -> None:
        self.n_slots, self.capacity = n_slots, capacity
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def write(self, layer: int, places: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> None:
        """Store tokens [T, G, D] at ``slot * capacity + position``."""
        if layer not in self._layers:
            # Zeros, not whatever memory holds: a hidden key has no weight, but nothing times NaN is NaN.
            self._layers[layer] = (
                k.new_zeros(self.n_slots * self.capacity, k[0].numel()),
                v.new_zeros(self.n_slots * self.capacity, v[0].numel()),
            )
        keys, values = self._layers[layer]
        keys.index_copy_(0, places, k.flatten(1))
        values.index_copy_(0, places, v.flatten(1))

    def read(self, layer: int, n_rows: int, width: int, n_heads: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first ``width`` tokens of the first ``n_rows`` slots: [n_rows, G, width, D] views."""
        keys, values = self._layers[layer]
        shape = (self.n_slots, self.capacity, n_heads, -1)
        return (
            keys.view(shape)[:n_rows, :width].transpose(1, 2),
            values.view(shape)[:n_rows, :width].transpose(1, 2),
        )

    def move(self, source: int, target: int, n_tokens: int) -> None:
        """Copy one slot's tokens to another slot."""
        a, b = source * self.capacity, target * self.capacity
        for tensors in self._layers.values():
            for t in tensors:
                t[b : b + n_tokens] = t[a : a + n_tokens]


@dataclass
class Stored:
    """A shared segment with its keys and values, [G, n, D] a layer."""

    segment: Segment
    layers: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def keys_values(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Of one layer."""
        return self.layers[layer]

    @property
    def n_bytes(self) -> int:
        """Memory that it holds."""
        return sum(t.numel() * t.element_size() for pair in self.layers for t in pair)

    def cropped(self, n_tokens: int) -> Stored:
        """The first ``n_tokens`` of it, as views."""
        s = self.segment
        part = Segment(s.ids[:n_tokens], s.parent, s.start)
        return Stored(part, [(k[:, :n_tokens], v[:, :n_tokens]) for k, v in self.layers])


@dataclass(frozen=True)
class _Group:
    """Segments of like lengths, attended in one call.

    Attributes:
        index: [B, S] positions in the pass, filler repeating the first; None for one segment alone.
        real: [B, S] where ``index`` is no filler.
        tokens: the slice of a segment alone.
    """

    tokens: slice
    index: torch.Tensor | None = None
    real: torch.Tensor | None = None


class Prefill:
    """Own attention of whole segments: causal within each, no filler between them.

    Args:
        spans: each segment's slice of the pass.
        slots, places: where the tokens ``stored`` of the pass go; None when no row's token is in it.
        kept: segments whose keys and values are to be kept, with their slices.
    """

    def __init__(
        self,
        spans: Sequence[slice],
        *,
        device: torch.device,
        slots: Slots | None = None,
        places: torch.Tensor | None = None,
        kept: Sequence[tuple[Stored, slice]] = (),
    ) -> None:
        self._groups = list(_groups(spans, device))
        self._slots, self._places, self._kept = slots, places, kept

    def attend(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`adaptkit.models.local.cascade.Own`."""
        if self._slots is not None and self._places is not None:
            self._slots.write(layer, self._places, k, v)
        for stored, at in self._kept:
            # Copied: a view would keep the keys of the whole pass in memory.
            stored.layers.append((k[at].transpose(0, 1).clone(), v[at].transpose(0, 1).clone()))
        out = v.new_empty(*q.shape[:3], v.shape[-1])
        lse = q.new_empty(q.shape[:3], dtype=torch.float32)
        for group in self._groups:
            _attend_group(group, (q, k, v), scale, (out, lse))
        return out, lse


def _attend_group(
    group: _Group,
    qkv: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    scale: float,
    into: tuple[torch.Tensor, torch.Tensor],
) -> None:
    q, k, v = qkv
    r = q.shape[2]
    if group.index is None:
        at = group.tokens
        found, lse = attention_part(
            q[at].permute(2, 1, 0, 3),
            k[at].transpose(0, 1).expand(r, -1, -1, -1),
            v[at].transpose(0, 1).expand(r, -1, -1, -1),
            scale,
            causal=True,
        )
        into[0][at], into[1][at] = found.permute(2, 1, 0, 3), lse.permute(2, 1, 0)
        return
    assert group.real is not None
    # Filler stands on the right, where no real token looks.
    queries = q[group.index].permute(0, 2, 3, 1, 4).flatten(1, 2)  # [B, G * R, S, D]
    keys = k[group.index].transpose(1, 2).repeat_interleave(r, 1)
    values = v[group.index].transpose(1, 2).repeat_interleave(r, 1)
    found, lse = attention_part(queries, keys, values, scale, causal=True)
    at_real = group.index[group.real]
    into[0][at_real] = found.transpose(1, 2)[group.real].reshape(len(at_real), -1, r, v.shape[-1])
    into[1][at_real] = lse.transpose(1, 2)[group.real].reshape(len(at_real), -1, r)


def _groups(spans: Sequence[slice], device: torch.device) -> list[_Group]:
    """Put segments of like lengths together, longest first."""
    found: list[_Group] = []
    batch: list[slice] = []
    n_tokens = 0
    for span in sorted(spans, key=lambda s: s.start - s.stop):
        length = span.stop - span.start
        if batch:
            full = (len(batch) + 1) * (batch[0].stop - batch[0].start)
            if full - n_tokens - length > MAX_PADDING * full:
                found.append(_group(batch, device))
                batch, n_tokens = [], 0
        batch.append(span)
        n_tokens += length
    return [*found, _group(batch, device)]


def _group(spans: Sequence[slice], device: torch.device) -> _Group:
    if len(spans) == 1:
        return _Group(spans[0])
    starts = torch.tensor([s.start for s in spans], device=device)[:, None]
    lengths = torch.tensor([s.stop - s.start for s in spans], device=device)[:, None]
    at = torch.arange(int(lengths.max()), device=device)[None]
    real = at < lengths
    return _Group(spans[0], torch.where(real, starts + at, starts), real)


class Extension:
    """Own attention of up to ``n_new`` tokens a row, behind what its slot holds.

    Args:
        lengths: tokens in each of the first B slots, at least one in each.
        among: boolean [n_new, n_new]: which new tokens each new token sees, itself included.
        counts: new tokens of each row; None where each has ``n_new``.
    """

    def __init__(
        self,
        slots: Slots,
        lengths: Sequence[int],
        among: torch.Tensor,
        dtype: torch.dtype,
        counts: Sequence[int] | None = None,
    ) -> None:
        self._slots = slots
        self._n_rows, self._n_new = len(lengths), len(among)
        held = np.asarray(lengths)
        new = np.full(len(held), self._n_new) if counts is None else np.asarray(counts)
        self._width = int((held + new).max())
        # [B, n_new]; a row of fewer new tokens has filler, whose results are dropped.
        real = np.arange(self._n_new) < new[:, None]
        places = np.arange(self._n_rows)[:, None] * slots.capacity + held[:, None] + np.arange(self._n_new)
        device = among.device
        self._places = torch.from_numpy(places[real]).to(device)
        self._padded = self._real = None
        if not real.all():
            at = np.cumsum(real).reshape(real.shape) - 1
            self._padded = torch.from_numpy(at.flatten()).to(device)
            self._real = torch.from_numpy(np.flatnonzero(real)).to(device)
        self._mask = self._make_mask(held, among, dtype)

    def _make_mask(self, held: np.ndarray, among: torch.Tensor, dtype: torch.dtype) -> torch.Tensor | None:
        """Additive [B, 1, n_new, width]; None where every row sees all."""
        if self._n_new == 1 and held.min() == held.max():
            return None
        lengths = torch.from_numpy(held).to(among.device)
        after = torch.arange(self._width, device=among.device) - lengths[:, None]  # [B, width]
        seen = (after < 0)[:, None, :].expand(-1, self._n_new, -1)
        inside = (after >= 0) & (after < self._n_new)
        new_seen = among.T[after.clamp(0, self._n_new - 1)].transpose(1, 2)  # [B, n_new, width]
        seen = seen | (inside[:, None, :] & new_seen)
        hidden = torch.zeros(seen.shape, dtype=dtype, device=among.device)
        return hidden.masked_fill_(~seen, float("-inf"))[:, None]

    def attend(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`adaptkit.models.local.cascade.Own`."""
        self._slots.write(layer, self._places, k, v)
        keys, values = self._slots.read(layer, self._n_rows, self._width, k.shape[1])
        if self._padded is not None:
            q = q[self._padded]
        _, g, r, d = q.shape
        # The query heads of a key-value head stand behind one another: its keys are read once.
        queries = q.reshape(self._n_rows, self._n_new, g, r, d).permute(0, 2, 3, 1, 4).flatten(2, 3)
        mask = self._mask
        if mask is not None and r > 1:
            mask = mask.repeat(1, 1, r, 1)
        out, lse = attention_part(queries, keys, values, scale, mask=mask)
        shape = (self._n_rows, g, r, self._n_new)
        out = out.view(*shape, -1).permute(0, 3, 1, 2, 4).flatten(0, 1)
        lse = lse.reshape(shape).permute(0, 3, 1, 2).flatten(0, 1)
        return (out, lse) if self._real is None else (out[self._real], lse[self._real])

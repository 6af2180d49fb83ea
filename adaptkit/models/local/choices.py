"""The tokens of all choices as one tree, so that common beginnings are computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class ChoiceTree:
    """Prefix tree over the choices' token ids.

    The last token of a choice (its end token) is only ever predicted, never fed, so it is no node.

    Args:
        choices: token ids of each choice, end token included.

    Attributes:
        nodes: the token fed at each node, parents before children.
        depths: number of tokens before each node within its choice.
    """

    def __init__(self, choices: Sequence[Sequence[int]]) -> None:
        self.nodes: list[int] = []
        self.depths: list[int] = []
        self._parents: list[int] = []
        # For each choice, (node that predicts it, token) for each of its tokens; node -1 is the prompt.
        self._steps: list[list[tuple[int, int]]] = []
        children: dict[tuple[int, int], int] = {}
        for ids in choices:
            node, steps = -1, []
            for depth, token in enumerate(ids):
                steps.append((node, token))
                if depth == len(ids) - 1:
                    break
                key = (node, token)
                if key not in children:
                    children[key] = len(self.nodes)
                    self.nodes.append(token)
                    self.depths.append(depth)
                    self._parents.append(node)
                node = children[key]
            self._steps.append(steps)

    def ancestors(self, device: torch.device) -> torch.Tensor:
        """Boolean [nodes, nodes]: which nodes each node may attend to, itself included."""
        seen = torch.zeros(len(self.nodes), len(self.nodes), dtype=torch.bool)
        for i, parent in enumerate(self._parents):
            if parent >= 0:
                seen[i] = seen[parent]
            seen[i, i] = True
        return seen.to(device)

    def gather(self, first: torch.Tensor, logits: torch.Tensor | None) -> torch.Tensor:
        """Sum each choice's token log-probabilities.

        Args:
            first: log-probabilities after the prompt, [B, V].
            logits: at the nodes, [B, nodes, V]; None when every choice is a single token.

        Returns:
            [B, n_choices], float32.
        """
        totals = []
        for b in range(len(first)):
            # One row at a time: [nodes, V] in float32 is large.
            inner = None if logits is None else torch.log_softmax(logits[b].float(), -1)
            row = []
            for steps in self._steps:
                parts = [
                    first[b, token] if node < 0 or inner is None else inner[node, token]
                    for node, token in steps
                ]
                row.append(torch.stack(parts).sum())
            totals.append(torch.stack(row))
        return torch.stack(totals)

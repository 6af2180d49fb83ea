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
        steps = [(c, *step) for c, choice in enumerate(self._steps) for step in choice]
        choice, node, token = torch.tensor(steps, device=first.device).T
        inside = node >= 0
        totals = first.new_zeros(len(first), len(self._steps))
        for b in range(len(first)):
            found = first[b, token]
            if logits is not None:
                # One row at a time, and the sum of exponentials only: [nodes, V] in float32 is large.
                rows = logits[b].float()
                at = node[inside]
                found[inside] = rows[at, token[inside]] - rows.logsumexp(-1)[at]
            totals[b].index_add_(0, choice, found)
        return totals

"""Quality as a power law of the number of labels: ``quality(n) = ceiling - amplitude * n ** -rate``.

The error of learnt models falls as a power of the number of examples, towards what no number of them removes
(J. Hestness et al. 2017, arXiv:1712.00409; J. Rosenfeld et al. 2020, arXiv:1909.12673).

For one rate the law is a straight line in ``n ** -rate``, whose least squares have a closed form, bounds
included. So rates are tried on a grid, which is made finer around the best one: no start values, no local
minimum missed, and thousands of resampled curves are fitted at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from adaptkit.core.errors import ConfigError
from adaptkit.stats.scores import Floats

MIN_RATE, MAX_RATE = 0.02, 3.0
N_RATES = 48
_FINER_RATES = 11
_ROUNDS = 24
_ROUNDS_OF_MANY = 1


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """A fitted law.

    Attributes:
        ceiling: what no number of labels exceeds, at most 1.
        amplitude: how far below the ceiling one label leaves it, at least 0.
        rate: how fast the gap closes, ``MIN_RATE`` to ``MAX_RATE``; four times the labels leave
            ``4 ** -rate`` of it.

    Examples:
        >>> law = PowerLaw(ceiling=0.9, amplitude=0.8, rate=0.5)
        >>> round(law.at(64), 3), round(law.at(256), 3)
        (0.8, 0.85)
    """

    ceiling: float
    amplitude: float
    rate: float

    def at(self, n_labels: float) -> float:
        """The quality with so many labels, 0..1."""
        return float(qualities_at(np.array([[self.ceiling, self.amplitude, self.rate]]), [n_labels])[0, 0])


def qualities_at(parameters: Floats, n_labels: ArrayLike) -> Floats:
    """Qualities of several laws, ``[n_laws, len(n_labels)]``, cut off at 0 and 1.

    Args:
        parameters: ``[n_laws, 3]``, ceiling, amplitude and rate of each.
        n_labels: numbers of labels, above 0.
    """
    logs = np.log(np.asarray(n_labels, dtype=np.float64))
    ceiling, amplitude, rate = (parameters[:, [i]] for i in range(3))
    return np.clip(ceiling - amplitude * np.exp(-rate * logs), 0.0, 1.0)


def fit_power_law(n_labels: ArrayLike, qualities: ArrayLike, weights: ArrayLike | None = None) -> PowerLaw:
    """Fit the law by weighted least squares.

    Args:
        n_labels: at least 3 different numbers of labels, above 0.
        qualities: one a number, 0..1.
        weights: of the squares, e.g. 1 over the variance of each quality; None for equal ones.

    Raises:
        ConfigError: fewer than 3 different numbers, which leave three parameters open.
    """
    values = np.asarray(qualities, dtype=np.float64)[None]
    (found,) = fit_many(n_labels, values, weights, rounds=_ROUNDS)
    return PowerLaw(ceiling=float(found[0]), amplitude=float(found[1]), rate=float(found[2]))


def fit_many(
    n_labels: ArrayLike,
    qualities: Floats,
    weights: ArrayLike | None = None,
    *,
    rounds: int = _ROUNDS_OF_MANY,
    max_ceiling: float = 1.0,
) -> Floats:
    """Fit a law to each of several curves over the same numbers of labels.

    Args:
        n_labels: see ``fit_power_law``.
        qualities: ``[n_curves, n_sizes]``; what lies outside 0..1 is cut off.
        weights: of the sizes, the same for every curve.
        rounds: how often the grid of rates is made finer; each time 5 times.
        max_ceiling: the highest ceiling, at least 1.

    Returns:
        ``[n_curves, 3]``: ceiling, amplitude and rate.
    """
    logs = np.log(np.asarray(n_labels, dtype=np.float64))
    if len(set(logs.tolist())) < 3 or not np.isfinite(logs).all():
        raise ConfigError.for_parameter("fit_power_law", "n_labels", "at least 3 numbers above 0", n_labels)
    given = np.ones(len(logs)) if weights is None else np.asarray(weights, dtype=np.float64)
    shares = given / given.sum()
    values = np.clip(qualities, 0.0, 1.0)
    log_rates = np.linspace(np.log(MIN_RATE), np.log(MAX_RATE), N_RATES)[None]
    step = float(log_rates[0, 1] - log_rates[0, 0])
    best = _best_of(log_rates, logs, values, shares, max_ceiling)
    for _ in range(rounds):
        finer = best[:, [2]] + np.linspace(-step, step, _FINER_RATES)
        within = np.clip(finer, np.log(MIN_RATE), np.log(MAX_RATE))
        best = _best_of(within, logs, values, shares, max_ceiling)
        step /= _FINER_RATES // 2
    return np.column_stack([best[:, :2], np.exp(best[:, 2])])


def _best_of(log_rates: Floats, logs: Floats, values: Floats, shares: Floats, max_ceiling: float) -> Floats:
    """The best of some rates for each curve: ceiling, amplitude and log of the rate.

    Args:
        log_rates: ``[1 or n_curves, n_rates]``.
        logs: of the numbers of labels, ``[n_sizes]``.
        values: ``[n_curves, n_sizes]``, 0..1.
        shares: weights that add up to 1, ``[n_sizes]``.
        max_ceiling: see ``fit_many``.
    """
    x = np.exp(-np.exp(log_rates)[..., None] * logs)  # [1 or n_curves, n_rates, n_sizes]
    y = values[:, None, :]
    ceiling, amplitude = _line(x, y, shares, max_ceiling)
    misses = y - ceiling[..., None] + amplitude[..., None] * x
    best = (np.square(misses) @ shares).argmin(axis=1)
    rows = np.arange(len(values))
    rates = np.broadcast_to(log_rates, ceiling.shape)
    return np.column_stack([ceiling[rows, best], amplitude[rows, best], rates[rows, best]])


def _line(x: Floats, y: Floats, shares: Floats, most: float) -> tuple[Floats, Floats]:
    """Least squares of ``y = ceiling - amplitude * x`` with ``amplitude >= 0`` and ``ceiling <= most``.

    The squares are convex, so where a bound does not hold the best lies on it; with y in 0..1 both never
    fail at once.
    """
    x_mean, y_mean = x @ shares, y @ shares
    apart = x - x_mean[..., None]
    spread = np.square(apart) @ shares
    slope = (apart * y) @ shares / np.maximum(spread, np.finfo(float).tiny)
    amplitude = np.maximum(0.0, -slope)
    ceiling = y_mean + amplitude * x_mean
    # On the bound: y = most - amplitude * x.
    at_most = np.maximum(0.0, (x * (most - y)) @ shares / (np.square(x) @ shares))
    over = ceiling > most
    return np.where(over, most, ceiling), np.where(over, at_most, amplitude)

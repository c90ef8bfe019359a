"""How cost grows with size: an exponent with its interval, by least squares of logarithms.

    value = constant * words ^ exponent

A fixed cost makes an exponent smaller. So the exponent between the two largest sizes, where a fixed
cost weighs least, stands beside that of all sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
SMALLEST = 1_000_000
"""Words; smaller sizes are not fitted."""
TIME_LIMIT, MEMORY_LIMIT = 1.05, 0.1


class Exponent(NamedTuple):
    """Fitted exponent; NaN where there are too few sizes.

    Attributes:
        low, high: ends of the Student interval; three sizes at least have one.
        last: exponent between the means of the two largest sizes.
    """

    value: float
    low: float
    high: float
    last: float

    def __str__(self) -> str:
        if not np.isfinite(self.value):
            return "-"
        ends = f" ({two(self.low)} to {two(self.high)})" if np.isfinite(self.low) else ""
        return f"{two(self.value)}{ends}"

    def within(self, limit: float) -> bool:
        """Whether both exponents, of all sizes and of the last two, are at most the limit."""
        return bool(max(self.value, self.last) <= limit)


def two(value: float) -> str:
    """Two decimals, and no minus before a zero."""
    return f"{value:z.2f}" if np.isfinite(value) else "-"


def exponent(words: Sequence[float], values: Sequence[float]) -> Exponent:
    """Of the sizes of at least `SMALLEST` words."""
    chosen = [(w, v) for w, v in zip(words, values, strict=True) if w >= SMALLEST and v > 0]
    sizes = sorted({w for w, _ in chosen})
    if len(sizes) < 2:
        return Exponent(*[float("nan")] * 4)
    x_N, y_N = np.log(np.array(chosen, dtype=float)).T
    fitted = stats.linregress(x_N, y_N)
    freedom = len(chosen) - 2
    half = float("nan")
    if freedom and len(sizes) > 2:
        half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * fitted.stderr)
    before, after = (np.mean([v for w, v in chosen if w == size]) for size in sizes[-2:])
    last = float(np.log(after / before) / np.log(sizes[-1] / sizes[-2]))
    slope = float(fitted.slope)
    return Exponent(slope, slope - half, slope + half, last)


def per_word(words: Sequence[float], values: Sequence[float]) -> float:
    """What each further word adds between the smallest and the largest fitted size; NaN for one."""
    chosen = sorted((w, v) for w, v in zip(words, values, strict=True) if w >= SMALLEST)
    if not chosen or chosen[0][0] == chosen[-1][0]:
        return float("nan")
    return (chosen[-1][1] - chosen[0][1]) / (chosen[-1][0] - chosen[0][0])

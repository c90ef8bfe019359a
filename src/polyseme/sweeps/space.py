"""Where a value may lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyseme.config import config
from polyseme.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 12
"""To which steps are added up: 3 * 0.1 is 0.3."""
Scalar = bool | int | float | str | None


@config
class Domain:
    """A range of numbers, or choices.

    Two whole numbers, without `log` or with a whole `step`, are a range of whole numbers; so are
    those with `log` where `integer` says so.
    """

    low: int | float | None = None
    """Smallest value, itself possible."""
    high: int | float | None = None
    """Largest value, itself possible."""
    log: bool = False
    """Whether equal ratios are equally likely."""
    step: int | float | None = None
    """Distance of two values; null: any value of the range, or any whole number."""
    choices: tuple[Scalar, ...] | None = None
    """Values themselves."""
    integer: bool | None = None
    """null: whether low and high are written as whole numbers."""

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        if self.integer is not None:
            return self.integer
        return isinstance(self.low, int) and isinstance(self.high, int)

    def check(self, key: str, file: Path) -> None:
        """That it holds a value, and that Optuna can draw from it.

        Raises:
            ConfigError: an empty range, a logarithmic scale over zero, ...
        """
        what, mend = self._wrong()
        if what:
            raise ConfigError(f"{key}: {what}", where=file, mend=mend)

    def _wrong(self) -> tuple[str, str]:  # noqa: PLR0911 - one rule a line
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.log or self.step is not None:
                return "choices beside a range", "give either"
            if not self.choices:
                return "no choices", "name at least one"
            if len(set(map(repr, self.choices))) < len(self.choices):
                return f"choices repeat themselves: {list(self.choices)}", "name each once"
            return "", ""
        if self.low is None or self.high is None:
            return "no range", "give low and high, or choices"
        if self.low > self.high:
            return f"empty range: low {self.low} is above high {self.high}", "exchange them"
        if self.log and self.low <= 0:
            return f"log scale over zero: low = {self.low}", "start above 0, or log: false"
        if self.step is not None and (self.log or self.step <= 0):
            return "step has to be above 0, and without log", "leave out one of them"
        if self.is_whole and not all(
            float(each).is_integer() for each in (self.low, self.high, self.step or 1)
        ):
            return "fractions in a range of whole numbers", "integer: false"
        return "", ""

    def distribution(self) -> BaseDistribution:
        """As Optuna draws from it."""
        from optuna import distributions as of

        if self.choices is not None:
            return of.CategoricalDistribution(self.choices)
        low, high = self._bounds()
        if self.is_whole:
            return of.IntDistribution(int(low), int(high), log=self.log, step=int(self.step or 1))
        return of.FloatDistribution(low, high, log=self.log, step=self.step)

    def _bounds(self) -> tuple[float, float]:
        """low, and the last value that steps reach."""
        low, high = float(self.low or 0), float(self.high or 0)
        if self.step:
            high = round(low + self.step * int((high - low) / self.step + 1e-9), DIGITS)
        return low, high

    def ends(self) -> Sequence[Any]:
        """Values whose being allowed says most about the others."""
        if self.choices is not None:
            return self.choices
        low, high = self._bounds()
        return [int(low), int(high)] if self.is_whole else [low, high]

    def grid(self) -> list[Any] | None:
        """All its values; None where there is no end to them."""
        if self.choices is not None:
            return list(self.choices)
        low, high = self._bounds()
        step = self.step or (1 if self.is_whole and not self.log else None)
        if low == high:
            return list(self.ends())[:1]
        if step is None:
            return None
        steps = range(int((high - low) / step + 1e-9) + 1)
        values = [round(low + step * n, DIGITS) for n in steps]
        return [int(v) for v in values] if self.is_whole else values

    def at(self, share: float) -> Any:
        """The value at a share of the range, 0 <= share < 1, as evenly as its scale has it."""
        values = self.grid()
        if values is not None:
            return values[min(len(values) - 1, int(share * len(values)))]
        low, high = self._bounds()
        if self.is_whole:  # logarithmic: each number has the room of its rounding
            low, high = low - 0.5, high + 0.5
        value = low * (high / low) ** share if self.log else low + share * (high - low)
        return min(max(round(value), int(low + 0.5)), int(high - 0.5)) if self.is_whole else value

"""Numbers as text, the same everywhere in a report."""

from __future__ import annotations

import math
from collections.abc import Mapping

from polyseme.stats.differences import Difference
from polyseme.stats.seeds import LEVEL, Summary

MISSING, ELSEWHERE = "–", "elsewhere"
ALONE = "†"
"""Mark of a difference that a test by itself would see, and the corrected one does not."""
_COUNTS = "num_"
_DECIMALS = {"perplexity": 1, "word_perplexity": 1, "pseudo_word_perplexity": 1, "kilobits": 2}
_NAMES = {
    "macro_f1": "macro F1",
    "f1": "F1 of spans",
    "relation_f1": "F1 of relations",
    "answered": "share with an answer",
    "bits_per_byte": "bits per byte",
    "spearman": "Spearman correlation",
    "pearson": "Pearson correlation",
    "matthews": "Matthews correlation",
    "detection_loss": "loss of detecting replaced tokens",
    "detection_accuracy": "accuracy of detecting replaced tokens",
    "replaced_share": "share of tokens that were replaced",
    "uuas": "UUAS",
    "self_similarity": "self-similarity",
    "intra_sentence_similarity": "intra-sentence similarity",
    "max_explained_variance": "maximum explainable variance",
    "opp": "outlier position",
    "pseudo_bits_per_byte": "pseudo bits per byte",
    "bits_per_gap": "bits a gap",
    "bits_per_gap_from_the_left": "bits a gap, from the left",
    "bits_per_gap_from_each_side": "bits a gap, from each side",
}
SMALLEST_P = 0.001
_MINUTE, _HOUR, _KIBI = 60.0, 3600.0, 1024.0


def value(metric: str, number: float | None, *, signed: bool = False) -> str:
    """A measurement with the decimals of its metric; a true minus sign."""
    if number is None:
        return MISSING
    if metric.startswith(_COUNTS):
        return count(number)
    decimals = _DECIMALS.get(metric, 3)
    text = f"{number:{'+' if signed else ''}.{decimals}f}"
    if float(text) == 0:
        text = f"{0:.{decimals}f}"
    return text.replace("-", "−")


def small(number: float | None) -> str:
    """A difference of any size, with two digits."""
    if number is None:
        return MISSING
    return "∞" if number == math.inf else f"{number:.2g}".replace("-", "−")


def spread(metric: str, summary: Summary | None) -> str:
    """Mean and standard deviation over seeds; the mean alone for a single value."""
    if summary is None:
        return MISSING
    mean = value(metric, summary.mean)
    return mean if summary.sd is None else f"{mean} ± {value(metric, summary.sd)}"


def interval(metric: str, summary: Summary | Difference | None, *, signed: bool = False) -> str:
    """Interval of a mean as `low to high`."""
    if summary is None or summary.low is None:
        return MISSING
    low, high = (value(metric, end, signed=signed) for end in (summary.low, summary.high))
    return f"{low} to {high}"


def tested(metric: str, found: Difference | None, p: float | None, *, signed: bool = True) -> str:
    """Interval of a difference; marked where it leaves 0 out, but p corrected says nothing."""
    own = found.p if found else None
    alone = own is not None and own <= 1 - LEVEL and (p is None or p > 1 - LEVEL)
    return interval(metric, found, signed=signed) + (f" {ALONE}" if alone else "")


def by_verdict(words: Mapping[str, str], names: Mapping[str, list[str]]) -> str:
    """`better on a and b; worse on c`: verdicts in words, those that nothing has left out."""
    return "; ".join(
        f"{told} on {listing(names[way])}" for way, told in words.items() if names.get(way)
    )


def p_value(p: float | None) -> str:
    """Three decimals, or below which bound."""
    if p is None:
        return MISSING
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.3f}"


def bounded(metric: str, number: float | None, low: float | None, high: float | None) -> str:
    """A measurement, with its interval where there is one."""
    text = value(metric, number)
    return (
        text
        if low is None or high is None
        else f"{text} ({value(metric, low)} to {value(metric, high)})"
    )


def count(number: float | None) -> str:
    """A whole number with separators."""
    return MISSING if number is None else f"{round(number):,}"


def latency(milliseconds: float | None) -> str:
    """Milliseconds with three digits."""
    return MISSING if milliseconds is None else f"{milliseconds:.3g} ms"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that reads best."""
    if seconds is None:
        return MISSING
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{seconds / _MINUTE:.1f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def memory(num_bytes: float | None) -> str:
    """Bytes in GiB."""
    return MISSING if num_bytes is None else f"{num_bytes / 2**30:.2f} GiB"


def size(num_bytes: float | None) -> str:
    """Bytes in the unit that reads best."""
    if num_bytes is None:
        return MISSING
    for unit in ("B", "KiB", "MiB"):
        if num_bytes < _KIBI:
            return f"{num_bytes:.{0 if unit == 'B' else 1}f} {unit}"
        num_bytes /= _KIBI
    return f"{num_bytes:.1f} GiB"


def name(identifier: str) -> str:
    """A metric, or a key of a card, in words."""
    words = identifier.replace("_", " ")
    return _NAMES.get(identifier, words.replace("num ", "number of "))


def some(names: list[str], limit: int = 3) -> str:
    """As `listing`, with a count instead of what goes beyond `limit`, if that is more than one."""
    if len(names) <= limit + 1:
        return listing(names)
    return listing([*names[:limit], f"{len(names) - limit} others"])


def listing(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:  # noqa: PLR2004
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"

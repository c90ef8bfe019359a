"""Rules of a grammar: as they are written, and with every argument replaced by its value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

START = "S"
SENSE_SYMBOLS = {
    "Cue": ("noun",),
    "Object": (None, "num"),
    "Noun_of": ("noun", "num"),
    "Verb_of": ("verb", None),
    "Topical": ("num",),
}
"""Lexical symbols about senses, and the feature of each argument (None: any value)."""
Symbol = tuple[str, tuple[str, ...]]
"""A ground symbol: name and values."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child of a rule as it is written; `word` is (form, UPOS, lemma, features) or None."""

    name: str
    args: tuple[str, ...]
    relation: str
    word: tuple[str, str, str, str] | None = None

    @property
    def is_head(self) -> bool:
        """Whether the other children depend on this one."""
        return self.relation == "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the grammar."""

    place: str
    name: str
    args: tuple[str, ...]
    weight: str
    children: tuple[Child, ...]
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class GroundRule:
    """A rule without variables; children are ground symbols, words are symbols `=form/...`."""

    probability: float
    children: tuple[Symbol, ...]
    head: int
    relations: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]


@dataclass
class Grammar:
    """A checked grammar.

    Attributes:
        features: feature -> value -> probability.
        signatures: symbol -> feature of each argument (None where any value goes).
        lexical: lexical symbol -> values that each argument may have.
    """

    features: dict[str, dict[str, float]] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    signatures: dict[str, list[str | None]] = field(default_factory=dict)
    lexical: dict[str, list[Collection[str]]] = field(default_factory=dict)

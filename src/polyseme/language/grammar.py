"""Reading grammar.txt, whose head explains the format: rules over symbols with arguments.

`read` parses and checks (checks.py); grounding.py then compiles the arguments away. Symbols that no
rule defines are lexical: classes of words, or words of a sense (source.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from pathlib import Path

from polyseme.errors import DataError
from polyseme.language.checks import check_symbols, infer
from polyseme.language.lexicon import Lexicon, lines
from polyseme.language.morphology import FEATURES
from polyseme.language.rules import START, Child, Grammar, Rule

GRAMMAR = "grammar.txt"
_SYMBOL = re.compile(r"^([A-Za-z_0-9]+)(?:\[([^\]]*)\])?$")


def read(folder: Path, lexicon: Lexicon) -> Grammar:
    """The grammar of the language in a folder.

    Raises:
        DataError: a line that cannot be used, an undefined or unreachable symbol, an undefined
            feature, probabilities that do not sum to 1.
    """
    grammar, path = Grammar(), folder / GRAMMAR
    for place, line in lines(path):
        if line.startswith("feature "):
            _feature(grammar, lexicon, place, line.split()[1:])
        else:
            rule = _rule(place, line)
            grammar.rules.setdefault(rule.name, []).append(rule)
    if START not in grammar.rules:
        raise DataError(f"no rule for {START}", where=path, mend=f"write `{START} 1 ...`")
    check_symbols(grammar, lexicon)
    grammar.lexical = _lexical_values(lexicon)
    infer(grammar, lexicon)
    return grammar


def _lexical_values(lexicon: Lexicon) -> dict[str, list[Collection[str]]]:
    senses = lexicon.senses.values()
    nouns = {s.name for s in senses if s.word.upos == "NOUN"}
    verbs = {s.name for s in senses if s.word.upos == "VERB"}
    number, verb = FEATURES["number"], FEATURES["verb"]
    found: dict[str, list[Collection[str]]] = {
        name: [FEATURES[inflection]] if inflection != "-" else []
        for name, (_, inflection) in lexicon.kinds.items()
    }
    return found | {
        "Cue": [nouns],
        "Object": [nouns | verbs, number],
        "Noun_of": [nouns, number],
        "Verb_of": [verbs, verb],
        "Topical": [number],
    }


def _feature(grammar: Grammar, lexicon: Lexicon, place: str, fields: list[str]) -> None:
    name, *rest = fields
    known = {value: f for f, values in grammar.features.items() for value in values}
    twice = [name, *rest] if name in grammar.features else [v for v in rest[::2] if v in known]
    if twice:
        raise DataError(f"{twice[0]!r} stands twice", where=place, mend="rename or remove one")
    if rest in (["@nouns"], ["@verbs"]):
        upos = rest[0][1:-1].upper()
        values = [s.name for s in lexicon.senses.values() if s.word.upos == upos]
        grammar.features[name] = dict.fromkeys(values, 1 / max(1, len(values)))
        return
    try:
        found = {v: float(w) for v, w in zip(rest[::2], rest[1::2], strict=True)}
    except ValueError:
        raise DataError(
            "is not `feature name value weight ...`", where=place, mend="a number after each value"
        ) from None
    if not math.isclose(sum(found.values()), 1, abs_tol=1e-9) or min(found.values()) < 0:
        raise DataError(
            f"probabilities of feature {name!r} sum to {sum(found.values()):g}",
            where=place,
            mend="they must not be negative and sum to 1",
        )
    grammar.features[name] = found


def _rule(place: str, line: str) -> Rule:
    left, weight, *rest = [*line.split(), "", ""]
    rest = [part for part in rest if part]
    name, args = _symbol(left, place)
    if not (weight.startswith("$") or _positive(weight)):
        raise DataError(f"weight {weight!r} is no positive number", where=place, mend="or $name")
    attributes = [part[1:].partition("=") for part in rest if part.startswith("@")]
    children = tuple(_child(part, place) for part in rest if not part.startswith("@"))
    if sum(child.is_head for child in children) != 1:
        raise DataError(
            f"has {sum(child.is_head for child in children)} heads",
            where=place,
            mend="mark one child with *, every other one with :relation",
        )
    return Rule(place, name, args, weight, children, tuple((k, v) for k, _, v in attributes))


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


def _symbol(text: str, place: str) -> tuple[str, tuple[str, ...]]:
    match = _SYMBOL.match(text)
    if not match:
        raise DataError(f"{text!r} is no symbol", where=place, mend="write Name or Name[a,b]")
    return match[1], tuple(match[2].split(",")) if match[2] else ()


def _child(text: str, place: str) -> Child:
    body, relation = text[:-1], "*"
    if not text.endswith("*"):
        body, _, relation = text.partition(":")
        if text.startswith("="):  # a written form may hold a colon
            body, _, relation = text.rpartition(":") if text.count(":") == 1 else _split(text)
    if not body or not relation:
        raise DataError(f"{text!r} has no relation", where=place, mend="end it in * or :relation")
    if body.startswith("="):
        word = (*body[1:].split("/"), "")[:4]
        if len(word) < 4 or not all(word[:3]):  # noqa: PLR2004
            raise DataError(f"{text!r} is no word", where=place, mend="write =form/UPOS/lemma")
        return Child(body, (), relation, word)  # type: ignore[arg-type]
    return Child(*_symbol(body, place), relation)


def _split(text: str) -> tuple[str, str, str]:
    """A word and its relation, which may have a subtype: `nmod:poss`."""
    head, tail = text.rsplit("/", 1)
    lemma, _, relation = tail.partition(":")
    return f"{head}/{lemma}", ":", relation

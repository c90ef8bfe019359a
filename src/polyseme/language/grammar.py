"""The grammar of a controlled language: features compiled away into a plain probabilistic grammar.

grammar.txt (its head explains the format) gives rules over symbols with arguments. `read` checks
them; `ground` replaces every argument by its values, which leaves a context-free grammar whose
rules for a symbol have probabilities that sum to 1 (Booth & Thompson 1973). Symbols that no rule
defines are lexical: classes of words, or words of a sense (source.py).
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from polyseme.errors import ConfigError, DataError
from polyseme.language.lexicon import Lexicon, lines
from polyseme.language.morphology import FEATURES

GRAMMAR, START = "grammar.txt", "S"
SENSE_SYMBOLS = {
    "Cue": ("noun",),
    "Object": (None, "num"),
    "Noun_of": ("noun", "num"),
    "Verb_of": ("verb", None),
    "Topical": ("num",),
}
"""Lexical symbols about senses, and the feature of each argument (None: any value)."""
DEEPEST, SETTLED = 200, 1e-6
"""Depth of trees at which the mean number of words must change by less than this share."""

_SYMBOL = re.compile(r"^([A-Za-z_0-9]+)(?:\[([^\]]*)\])?$")
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
    _check_symbols(grammar, lexicon)
    grammar.lexical = _lexical_values(lexicon)
    _infer(grammar, lexicon)
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


def _lexical(name: str, lexicon: Lexicon) -> bool:
    return name in SENSE_SYMBOLS or name in lexicon.kinds


def _check_symbols(grammar: Grammar, lexicon: Lexicon) -> None:
    """Every symbol is defined once in one way, and is reached from the start."""
    reached, open_ = {START}, [START]
    while open_:
        for rule in grammar.rules.get(open_.pop(), []):
            for child in rule.children:
                known = child.word or child.name in grammar.rules or _lexical(child.name, lexicon)
                if not known:
                    raise DataError(
                        f"symbol {child.name!r} is not defined",
                        where=rule.place,
                        mend="add a rule for it, or a class to words.txt",
                    )
                if child.word is None and child.name not in reached:
                    reached.add(child.name)
                    open_.append(child.name)
    for name, rules in grammar.rules.items():
        if name not in reached:
            raise DataError(
                f"symbol {name!r} is not reached from {START}",
                where=rules[0].place,
                mend="use it in a rule, or remove it",
            )
        if _lexical(name, lexicon):
            raise DataError(
                f"{name!r} is a class of words as well", where=rules[0].place, mend="rename one"
            )
    for name in lexicon.kinds:
        if name in SENSE_SYMBOLS:
            raise DataError(
                f"class {name!r} has the name of a symbol for senses",
                where=lexicon.places[name],
                mend=f"none may be called {', '.join(SENSE_SYMBOLS)}",
            )
        if name not in reached and name != "Mod":
            raise DataError(
                f"class {name!r} is not reached from {START}",
                where=lexicon.places[name],
                mend="use it in a rule of grammar.txt, or remove it",
            )


def _infer(grammar: Grammar, lexicon: Lexicon) -> None:
    """The feature of each argument: from its values, and from the arguments it is passed to.

    Only what is left then follows from arguments beside it, which may be more special than it is:
    `A[s] B[s]* C[s]` does not make the senses of C those of B.
    """
    owner = {value: f for f, values in grammar.features.items() for value in values}
    known: dict[tuple[str, int], str | None] = {}
    for name, signature in SENSE_SYMBOLS.items():
        known |= {(name, n): f for n, f in enumerate(signature)}
    for name, (_, inflection) in lexicon.kinds.items():
        known[name, 0] = "num" if inflection == "number" else None
    for upwards in (True, False):
        changed = True
        while changed:
            changed = False
            for rule in itertools.chain.from_iterable(grammar.rules.values()):
                for spot, feature in _arguments(rule, owner, known, upwards=upwards).items():
                    if known.get(spot) is None and feature is not None:
                        known[spot], changed = feature, True
    for name, rules in grammar.rules.items():
        grammar.signatures[name] = [known.get((name, n)) for n in range(len(rules[0].args))]
        for rule in rules:
            _check_arguments(grammar, rule, known)


def _arguments(
    rule: Rule,
    owner: Mapping[str, str],
    known: Mapping[tuple[str, int], str | None],
    *,
    upwards: bool,
) -> dict[tuple[str, int], str | None]:
    """What one rule tells of its symbols' arguments; upwards: only of its left side's."""
    spots: dict[str, list[tuple[str, int]]] = {}
    found: dict[tuple[str, int], str | None] = {}
    for name, args in [(rule.name, rule.args), *((c.name, c.args) for c in rule.children)]:
        for n, arg in enumerate(args):
            if arg in owner:
                found[name, n] = owner[arg]
            elif arg != "?":
                spots.setdefault(arg.removeprefix("?"), []).append((name, n))
    for places in spots.values():
        feature = next((known[s] for s in places if known.get(s)), None)
        told = [s for s in places if s not in known and (s[0] == rule.name or not upwards)]
        found |= {spot: found.get(spot) or feature for spot in told}
    return found


def _check_arguments(
    grammar: Grammar,
    rule: Rule,
    known: Mapping[tuple[str, int], str | None],
) -> None:
    first = grammar.rules[rule.name][0]
    if len(first.args) != len(rule.args):
        raise DataError(
            f"{rule.name!r} has {len(rule.args)} arguments, not {len(first.args)}",
            where=rule.place,
            mend=f"see {first.place}",
        )
    values = {value for feature in grammar.features.values() for value in feature}
    for arg in rule.args:
        if len(arg) > 1 and arg not in values:  # a variable is one letter
            raise DataError(
                f"undefined feature value {arg!r} in {rule.name!r}",
                where=rule.place,
                mend="add it to a `feature` line; a variable is one letter",
            )
    values |= {arg[1:] for child in rule.children for arg in child.args if arg.startswith("?")}
    for child in rule.children:
        defined = grammar.rules.get(child.name)
        if defined and len(defined[0].args) != len(child.args):
            raise DataError(
                f"{child.name!r} has {len(child.args)} arguments, not {len(defined[0].args)}",
                where=rule.place,
                mend=f"see {defined[0].place}",
            )
        allowed = grammar.lexical.get(child.name, [])
        if not (defined or child.word) and len(allowed) != len(child.args):
            raise DataError(
                f"{child.name!r} has {len(child.args)} arguments, not {len(allowed)}",
                where=rule.place,
                mend="see the head of grammar.txt",
            )
        for n, arg in enumerate(child.args):
            if arg.startswith("?") and known.get((child.name, n)) is None:
                what = f"feature of {arg!r} in {child.name!r} is not defined"
                raise DataError(what, where=rule.place, mend="add a `feature` line")
            bound = arg in rule.args or arg in values or arg.startswith("?")
            if not (bound or (not defined and arg in allowed[n])):
                raise DataError(
                    f"undefined feature value {arg!r} in {child.name!r}",
                    where=rule.place,
                    mend="add it to a `feature` line, or make it an argument of the left side"
                    if defined
                    else f"one of {', '.join(sorted(allowed[n]))}, or an argument of the left side",
                )


def ground(
    grammar: Grammar, parameters: Mapping[str, float], start: Symbol = (START, ())
) -> dict[Symbol, list[GroundRule]]:
    """All rules that can be reached, with values for variables and weights that sum to 1.

    Args:
        parameters: values of `$name` weights; a weight of 0 removes the rule.

    Raises:
        DataError: a ground symbol without a rule, a word without such a form, or sentences that
            never end.
        ConfigError: a parameter that is not given.
    """
    made: dict[Symbol, list[GroundRule]] = {}
    open_ = [(start, "the start")]
    while open_:
        symbol, place = open_.pop()
        if symbol in made or symbol[0].startswith("=") or symbol[0] not in grammar.rules:
            continue
        rules = [
            r
            for rule in grammar.rules[symbol[0]]
            for r in _expand(grammar, rule, symbol, parameters)
        ]
        total = sum(probability for _, probability, _ in rules)
        if not total:
            shown = f"{symbol[0]}[{','.join(symbol[1])}]"
            raise DataError(f"no rule for {shown}", where=place, mend="add one")
        for rule, _, children in rules:
            _check_lexical(grammar, rule.place, children)
        made[symbol] = [
            GroundRule(p / total, children, *_shape(rule), _attributes(rule, symbol))
            for rule, p, children in rules
        ]
        open_ += [(child, rule.place) for rule, _, children in rules for child in children]
    _check_ends(grammar, made)
    return made


def _check_lexical(grammar: Grammar, place: str, children: Sequence[Symbol]) -> None:
    """Classes and words of senses have the forms that are asked for."""
    for name, args in children:
        if name in grammar.rules or name.startswith("="):
            continue
        for arg, allowed in zip(args, grammar.lexical[name], strict=True):
            if arg not in allowed:
                raise DataError(
                    f"{name}[{','.join(args)}]: there is no {arg!r}",
                    where=place,
                    mend=f"one of {', '.join(sorted(allowed)) or 'none'}",
                )


def _check_ends(grammar: Grammar, rules: Mapping[Symbol, Sequence[GroundRule]]) -> None:
    """The mean number of words below each symbol settles, to one at least."""
    mean: dict[Symbol, float] = dict.fromkeys(rules, 0.0)
    growth = dict(mean)
    for _ in range(DEEPEST):
        before, mean = mean, {}
        for symbol, made in rules.items():
            lengths = (sum(before.get(child, 1.0) for child in rule.children) for rule in made)
            mean[symbol] = sum(r.probability * n for r, n in zip(made, lengths, strict=True))
        growth = {s: 1 - before[s] / n if n else 1.0 for s, n in mean.items()}
        if max(growth.values()) < SETTLED:
            break
    worst = max(growth, key=lambda symbol: growth[symbol])
    if growth[worst] >= SETTLED:
        name = worst[0]
        raise DataError(
            f"what {name!r} stands for never ends",
            where=grammar.rules[name][0].place,
            mend=f"lower the weights of rules in which {name!r} leads to itself",
        )


def _shape(rule: Rule) -> tuple[int, tuple[str, ...]]:
    relations = tuple(child.relation for child in rule.children)
    return relations.index("*"), relations


def _attributes(rule: Rule, symbol: Symbol) -> tuple[tuple[str, str], ...]:
    bound = dict(zip(rule.args, symbol[1], strict=True))
    return tuple((key, bound.get(value, value)) for key, value in rule.attributes)


def _expand(
    grammar: Grammar, rule: Rule, symbol: Symbol, parameters: Mapping[str, float]
) -> Iterator[tuple[Rule, float, tuple[Symbol, ...]]]:
    """The instances of a rule for one ground symbol, each with its weight."""
    values = {value for feature in grammar.features.values() for value in feature}
    bound: dict[str, str] = {}
    for arg, value in zip(rule.args, symbol[1], strict=True):
        if arg in values and arg != value:
            return
        bound[arg] = value
    weight = _weight(rule, parameters)
    draws = _draws(grammar, rule)
    for chosen in itertools.product(*(grammar.features[f].items() for _, f in draws)):
        probability = weight * math.prod(p for _, p in chosen)
        if probability:
            drawn = {name: value for (name, _), (value, _) in zip(draws, chosen, strict=True)}
            yield rule, probability, tuple(_children(rule, bound, drawn))


def _weight(rule: Rule, parameters: Mapping[str, float]) -> float:
    if not rule.weight.startswith("$"):
        return float(rule.weight)
    if rule.weight[1:] not in parameters:
        raise ConfigError(
            f"weight {rule.weight} is no parameter",
            where=rule.place,
            mend=f"one of {', '.join(sorted(parameters))}",
        )
    return parameters[rule.weight[1:]]


def _draws(grammar: Grammar, rule: Rule) -> list[tuple[str, str]]:
    """Names and features of what a rule draws; a lone `?` is named by its place."""
    found: dict[str, str] = {}
    for c, child in enumerate(rule.children):
        signature = _signature(grammar, child)
        for n, arg in enumerate(child.args):
            if arg.startswith("?"):
                feature = signature[n]
                if feature is None:  # checked when read
                    raise AssertionError(rule.place)
                found[_draw_name(arg, c, n)] = feature
    return list(found.items())


def _signature(grammar: Grammar, child: Child) -> Sequence[str | None]:
    if child.name in grammar.signatures:
        return grammar.signatures[child.name]
    return SENSE_SYMBOLS.get(child.name, ("num",))


def _draw_name(arg: str, child: int, n: int) -> str:
    return arg[1:] if len(arg) > 1 else f"?{child}.{n}"


def _children(rule: Rule, bound: Mapping[str, str], drawn: Mapping[str, str]) -> Iterator[Symbol]:
    for c, child in enumerate(rule.children):
        if child.word:
            yield child.name, ()
            continue
        args = []
        for n, arg in enumerate(child.args):
            if arg.startswith("?"):
                args.append(drawn[_draw_name(arg, c, n)])
            elif arg in bound:
                args.append(bound[arg])
            else:
                args.append(drawn.get(arg, arg))
        yield child.name, tuple(args)

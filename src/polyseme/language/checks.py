"""Whether the rules of a grammar fit together: symbols, their arguments, and values of features."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from polyseme.errors import DataError
from polyseme.language.lexicon import Lexicon
from polyseme.language.rules import SENSE_SYMBOLS, START, Grammar, Rule


def _lexical(name: str, lexicon: Lexicon) -> bool:
    return name in SENSE_SYMBOLS or name in lexicon.kinds


def check_symbols(grammar: Grammar, lexicon: Lexicon) -> None:
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


def infer(grammar: Grammar, lexicon: Lexicon) -> None:
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

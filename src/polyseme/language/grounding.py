"""Features compiled away: a grammar without variables, whose probabilities sum to 1.

What remains is a plain probabilistic context-free grammar (Booth & Thompson 1973).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from polyseme.errors import ConfigError, DataError
from polyseme.language.rules import SENSE_SYMBOLS, START, Child, Grammar, GroundRule, Rule, Symbol

DEEPEST, SETTLED = 200, 1e-6
"""Depth of trees at which the mean number of words must change by less than this share."""


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

"""One word, several senses: what the vectors of its occurrences make of them."""

from __future__ import annotations

from polyseme.reporting import explorer, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import polysemy as figure
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.polysemy import Polysemy, Word

METRIC, SHOWN = "accuracy", 4
NOTE = (
    "Separation is the leave-one-out accuracy of the nearest neighbour: how often the other "
    "occurrence whose full vector is nearest has the same sense. A static representation has one "
    "vector for each spelling, so that only inflected forms can tell senses apart. The best layer "
    "is chosen on the occurrences shown, which flatters representations with several layers. "
    "Nearest words are those whose mean vector over these sentences has the largest cosine, after "
    "the mean of all of them is taken off."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where no representation describes words with several senses."""
    drawn = figure.draw(evidence)
    if drawn is None:
        return None
    nearest = (_neighbors(evidence, name) for name in _words(evidence))
    tables = (_separations(evidence), *nearest, _gaps(evidence))
    return Section(
        "One word, several senses",
        "polysemy",
        paragraphs=(_first_word(evidence), _all_words(evidence)),
        figures=(drawn,),
        tables=tuple(each for each in tables if each.rows),
        notes=(NOTE,),
        explorer=explorer.build(evidence),
    )


def _words(evidence: Evidence) -> dict[str, Word]:
    """The words, of whose occurrences all systems have the same."""
    return next(iter(evidence.polysemy.values())).words


def _first_word(evidence: Evidence) -> str:
    name, word = next(iter(_words(evidence).items()))
    found = {system: each.words[name] for system, each in evidence.polysemy.items()}
    best = []
    for system, each in sorted(found.items(), key=lambda pair: -pair[1].best.separation):
        at = f" in layer {each.best.layer} of 0 to {len(each.layers) - 1}"
        shown = numbers.value(METRIC, each.best.separation)
        best.append(f"{system} {shown}{at if len(each.layers) > 1 else ''}")
    least = min(each.best.separation for each in found.values())
    shown = numbers.some(best, SHOWN)
    if len(best) > SHOWN + 1:
        shown += f", down to {numbers.value(METRIC, least)}"
    return (
        f"{name} has {len(word.senses)} senses here ({numbers.listing(word.senses)}), in "
        f"{numbers.count(len(word.occurrences))} sentences. How often does the nearest other "
        f"occurrence have the same sense? {shown}; always guessing the most frequent sense would "
        f"give {numbers.value(METRIC, word.majority)}."
    )


def _all_words(evidence: Evidence) -> str:
    """The best of each kind, in the mean over words."""
    words = _words(evidence)
    tops: dict[str, tuple[float, str]] = {}
    for system, found in evidence.polysemy.items():
        for layer, mean in _means(found).items():
            kind = "static" if found.is_static else "contextual"
            named = system if found.is_static else f"layer {layer} of {system}"
            if kind not in tops or mean > tops[kind][0]:
                tops[kind] = (mean, f"the best {kind} vectors ({named})")
    parts = [f"{named} {numbers.value(METRIC, mean)}" for mean, named in tops.values()]
    majority = sum(word.majority for word in words.values()) / len(words)
    return (
        f"In the mean over {len(words)} word{'s' if len(words) != 1 else ''} "
        f"({numbers.listing(list(words))}), separation is: {numbers.listing(parts)}; the most "
        f"frequent sense has a share of {numbers.value(METRIC, majority)}."
    )


def _means(found: Polysemy) -> dict[str, float]:
    """Separation of each layer that all words have, in the mean over words."""
    scores: dict[str, list[float]] = {}
    for word in found.words.values():
        for layer in word.layers:
            scores.setdefault(layer.layer, []).append(layer.separation)
    whole = {layer: values for layer, values in scores.items() if len(values) == len(found.words)}
    return {layer: sum(values) / len(values) for layer, values in whole.items()}


def _separations(evidence: Evidence) -> Table:
    """One line a word and representation, one column a layer."""
    systems = evidence.polysemy
    layers = list(
        dict.fromkeys(
            layer.layer
            for found in systems.values()
            for word in found.words.values()
            for layer in word.layers
        )
    )
    lines: list[list[Cell | str]] = []
    for name, word in _words(evidence).items():
        top = max(found.words[name].best.separation for found in systems.values())
        for system, found in systems.items():
            scores = {layer.layer: layer.separation for layer in found.words[name].layers}
            cells = [_score(scores.get(layer), top) for layer in layers]
            share = Cell(numbers.value(METRIC, word.majority), word.majority)
            sentences = Cell(numbers.count(len(word.occurrences)), len(word.occurrences))
            lines.append([name, system, *cells, share, sentences])
    columns = ["Word", "Representation", *(f"Layer {layer}" for layer in layers)]
    caption = "Separation of the senses by layer; static representations have one"
    columns += ["Most frequent sense", "Occurrences"]
    return table(caption, columns, lines, fold=("Occurrences",))


def _score(value: float | None, top: float) -> Cell:
    return Cell(numbers.value(METRIC, value), value, strong=value == top)


def _neighbors(evidence: Evidence, name: str) -> Table:
    """One line a representation, in its last layer; one column a context of the word."""
    systems = evidence.polysemy
    lines: list[list[Cell | str]] = []
    for system, found in systems.items():
        word = found.words[name]
        layer = "" if found.is_static else f", layer {word.layers[-1].layer}"
        nearest = [_nearest(word, n) for n in range(len(word.contexts))]
        lines.append([f"{system}{layer}", *nearest])
    contexts = _words(evidence)[name].contexts
    heads = [f"{context.sense}: {context.marked}" for context in contexts]
    caption = f"{name}: nearest words of the word in brackets, among the words of these sentences"
    return table(caption, ["Representation", *heads], lines)


def _nearest(word: Word, number: int) -> str:
    found = word.contexts[number].neighbors.get(word.layers[-1].layer, ())
    return ", ".join(neighbor for neighbor, _ in found) or numbers.MISSING


def _gaps(evidence: Evidence) -> Table:
    lines: list[list[Cell | str]] = []
    for system, found in evidence.polysemy.items():
        for gap in found.gaps:
            best = ", ".join(f"{word} {probability:.2f}" for word, probability in gap.fillings)
            lines.append([gap.text, system, best])
    columns = ["Sentence", "Representation", "Words, with their probability"]
    return table("Most probable words for a gap, of those that can fill one", columns, lines)

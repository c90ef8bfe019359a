"""How probable a text is under the source, and so the entropy of the source and the floor of a gap.

The inside algorithm (Baker 1979) sums over all trees of a sentence, and over all topics of a
document, so that ambiguity costs nothing: what is computed is the probability of the words, not of
a derivation.

    entropy    -E[log2 p(document)] / E[words], by sampling documents, with an error bar
    floor      -log2 p(word | all other words) of one gap; no model that sees these words can
               expect less

Shapes: K topics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from polyseme.language.rules import START, GroundRule, Symbol
from polyseme.language.source import Document, Source, Words, reachable

GAP = None
Text = Sequence[str | None]


class Entropy(NamedTuple):
    """An estimate in bits per word with its standard error."""

    bits_per_word: float
    error: float
    num_documents: int
    num_words: int


class Inside:
    """Probabilities of sentences for each topic.

    Args:
        rules: of a ground grammar.
        words: lexical distributions.
    """

    def __init__(
        self, rules: Mapping[Symbol, Sequence[GroundRule]], words: Words, topics: Sequence[str]
    ) -> None:
        self.num_topics = len(topics)
        symbols = reachable(rules)
        self._numbers = {symbol: n for n, symbol in enumerate(symbols)}
        self._start = self._numbers[START, ()]
        self._rules: list[list[tuple[int, float, tuple[int, ...]]]] = [[] for _ in symbols]
        self._needs: list[tuple[int, int]] = []  # of each rule: symbol, number of distinct children
        self._uses: list[list[int]] = [[] for _ in symbols]  # rules that a symbol is a child of
        self._tokens: dict[str, dict[int, np.ndarray]] = {}
        self._lexical = [n for symbol, n in self._numbers.items() if symbol not in rules]
        for symbol, n in self._numbers.items():
            for rule in rules.get(symbol, ()):
                self._add(n, rule)
            if symbol not in rules:
                self._add_words(n, [words.of(symbol, topic) for topic in topics])

    def _add(self, symbol: int, rule: GroundRule) -> None:
        children = tuple(self._numbers[child] for child in rule.children)
        number = len(self._needs)
        self._rules[symbol].append((number, rule.probability, children))
        self._needs.append((symbol, len(set(children))))
        for child in set(children):
            self._uses[child].append(number)

    def _add_words(self, symbol: int, per_topic: Sequence[Sequence[tuple[object, float]]]) -> None:
        for topic, options in enumerate(per_topic):
            for token, weight in options:
                form = token.form.lower()  # type: ignore[attr-defined]
                found = self._tokens.setdefault(form, {})
                vector = found.setdefault(symbol, np.zeros(self.num_topics))
                vector[topic] += weight

    def sentence(self, text: Text) -> np.ndarray:
        """Probability of a sentence in each topic, p_K; a GAP stands for any word."""
        words = [None if word is None else word.lower() for word in text]
        return _Chart(self, words).total()

    def _active(self, words: Sequence[str | None]) -> set[int]:
        """Rules whose lexical leaves may all be among the words: the others cannot take part."""
        if GAP in words:
            open_ = list(self._lexical)
        else:
            open_ = list({s for word in words for s in self._tokens.get(word or "", ())})
        seen, missing, active = set(open_), {}, set()  # type: ignore[var-annotated]
        while open_:
            for rule in self._uses[open_.pop()]:
                symbol, needs = self._needs[rule]
                missing[rule] = missing.get(rule, needs) - 1
                if not missing[rule]:
                    active.add(rule)
                    if symbol not in seen:
                        seen.add(symbol)
                        open_.append(symbol)
        return active


class _Chart:
    """One sentence: inside probabilities of (symbol, first word) by the place after the last."""

    def __init__(self, inside: Inside, words: Sequence[str | None]) -> None:
        self.inside, self.words = inside, words
        self.rules, self.active = inside._rules, inside._active(words)
        self.lexical = set(inside._lexical)
        self.any = np.ones(inside.num_topics)
        self.tokens = [{} if w is None else inside._tokens.get(w, {}) for w in words]
        self.known: dict[tuple[int, int], dict[int, np.ndarray]] = {}

    def total(self) -> np.ndarray:
        """p_K of the whole sentence."""
        found = self.spans(self.inside._start, 0).get(len(self.words))
        return np.zeros(self.inside.num_topics) if found is None else found

    def spans(self, symbol: int, first: int) -> dict[int, np.ndarray]:
        """Where the symbol may end, if it begins at `first`."""
        if symbol in self.lexical:
            if first >= len(self.words):
                return {}
            if self.words[first] is GAP:
                return {first + 1: self.any}
            vector = self.tokens[first].get(symbol)
            return {} if vector is None else {first + 1: vector}
        key = (symbol, first)
        if key not in self.known:
            found: dict[int, np.ndarray] = {}
            self.known[key] = found
            for number, probability, children in self.rules[symbol]:
                if number in self.active:
                    for end, vector in self._sequence(children, first).items():
                        scaled = probability * vector
                        found[end] = found[end] + scaled if end in found else scaled
        return self.known[key]

    def _sequence(self, children: tuple[int, ...], first: int) -> dict[int, np.ndarray]:
        states: dict[int, np.ndarray] = {}
        for n, child in enumerate(children):
            if n == 0:
                states = self.spans(child, first)
                continue
            following: dict[int, np.ndarray] = {}
            for middle, vector in states.items():
                for end, part in self.spans(child, middle).items():
                    product = vector * part
                    following[end] = following[end] + product if end in following else product
            states = following
            if not states:
                break
        return states


def make(source: Source, *, held_out: bool = False) -> Inside:
    """Inside probabilities of the splits without, or with, pairs that are held out."""
    return Inside(source.rules, source.words(held_out=held_out), source.topics)


def entropy(source: Source, inside: Inside, documents: Sequence[Document]) -> Entropy:
    """Entropy of the source, from documents that were drawn from it.

    The error is that of a ratio of means (delta method).
    """
    options = source.options
    lengths = math.log2(options.max_sentences - options.min_sentences + 1)
    bits, words = [], []
    for document in documents:
        texts = [[token.form for token in s.tokens] for s in document.sentences]
        bits.append(lengths + log_bits([inside.sentence(text) for text in texts]))
        words.append(sum(map(len, texts)))
    bits_N, words_N = np.array(bits), np.array(words, dtype=float)
    rate = float(bits_N.sum() / words_N.sum())
    spread = (bits_N - rate * words_N).std(ddof=1) / words_N.mean() if len(bits) > 1 else math.nan
    return Entropy(rate, float(spread / math.sqrt(len(bits))), len(bits), int(words_N.sum()))


def log_bits(sentences_K: Sequence[np.ndarray]) -> float:
    """-log2 of the probability of some sentences of one document; topics are equally likely."""
    with np.errstate(divide="ignore"):
        logs_K = np.sum(np.log2(np.stack(sentences_K)), axis=0)
    best = logs_K.max()
    return -float(best + np.log2(np.exp2(logs_K - best).mean()))


def floors(
    inside: Inside, sentences: Sequence[Sequence[str]], gaps: Sequence[tuple[int, int]]
) -> list[float]:
    """Bits of the word in each gap (sentence, word), given all other words of the text."""
    whole = [inside.sentence(sentence) for sentence in sentences]
    found = []
    for number, place in gaps:
        text: list[str | None] = list(sentences[number])
        text[place] = GAP
        open_ = [*whole]
        open_[number] = inside.sentence(text)
        found.append(max(0.0, log_bits(whole) - log_bits(open_)))
    return found

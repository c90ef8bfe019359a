"""The source: a ground grammar with words, from which documents are drawn.

A document has a topic, drawn uniformly, and a number of sentences, drawn uniformly from a range;
each sentence is drawn from the grammar, given the topic. In the splits `train` and `valid` a fixed
share of the pairs (word with senses, cue) never occurs; in `test` half of all cues come from them.

Every document has random numbers of its own, named by (seed, number of the document), so that any
document can be drawn alone, in any order, by any number of workers.
"""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Annotated, Any, NamedTuple

from pydantic import Field, model_validator

from polyseme.config import config
from polyseme.data.split import Split
from polyseme.errors import DataError
from polyseme.language import grammar as grammars
from polyseme.language import lexicon as lexicons
from polyseme.language.grounding import ground
from polyseme.language.lexicon import ANY, Lexicon, Sense, Word
from polyseme.language.rules import SENSE_SYMBOLS, START, GroundRule, Symbol

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
HELD_OUT_IN_TEST = 0.5
SMALL = 1e-9


@config
class Config:
    """Parameters of the source, among them those that make it hard."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of all draws."""
    num_words: Count = 2_000_000
    """About how many words; whole documents."""
    min_sentences: Count = 5
    """Of a document."""
    max_sentences: Count = 15
    """Of a document."""
    ambiguity: Share = 0.5
    """Share of sentences with a word that has several senses; the fewer, the harder."""
    next: Share = 0.3
    """Share of those in which the neighbouring word cues the sense."""
    clause: Share = 0.4
    """Share in which a noun of the same clause does; the rest is told by the document alone."""
    negation: Share = 0.3
    """Share of verdicts that `not` turns round: what a bag of words cannot see."""
    drift: Share = 0.1
    """Share of topical words that come from any topic."""
    held_out: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """Share of (word, cue) pairs that only the test split has."""

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.min_sentences > self.max_sentences:
            raise ValueError(f"max_sentences >= min_sentences = {self.min_sentences}")
        if self.next + self.clause > 1:
            raise ValueError("next + clause <= 1")
        return self


class Token(NamedTuple):
    """A word as the lexicon gives it."""

    form: str
    upos: str
    lemma: str
    features: str
    sense: str
    is_cue: bool


@dataclass(slots=True)
class Sentence:
    """A sentence and the truth about it.

    Attributes:
        heads: 0 for the root, else the number of the head, from 1.
        attributes: sentiment, negated, cue.
    """

    tokens: list[Token]
    heads: list[int]
    relations: list[str]
    attributes: dict[str, str]


@dataclass(slots=True)
class Document:
    """A document and the truth about it."""

    number: int
    split: Split
    topic: str
    sentences: list[Sentence]


Options = Sequence[tuple[Token, float]]


class Words:
    """What lexical symbols stand for.

    Args:
        held_out: whether pairs that training never has may occur.
    """

    def __init__(self, lexicon: Lexicon, options: Config, *, held_out: bool) -> None:
        self.lexicon, self.options, self.held_out = lexicon, options, held_out

    def of(self, symbol: Symbol, topic: str) -> Options:
        """Tokens and probabilities of a lexical symbol in documents of a topic.

        Raises:
            DataError: there are none.
        """
        name, args = symbol
        if name.startswith("="):
            return [(word_of(name), 1.0)]
        if name in SENSE_SYMBOLS:
            found = getattr(self, f"_{name.lower()}")(*args, topic=topic)
        else:
            found = self._class(name, args[0] if args else "", topic)
        total = sum(weight for _, weight in found)
        if not total:
            is_class = name in self.lexicon.kinds
            raise DataError(
                f"{name} has no word in documents of topic {topic!r}",
                where=self.lexicon.places[name if is_class else topic],
                mend=f"add a line `{name} {topic} ...`"
                if is_class
                else f"add a noun with a sense of topic {topic} to {lexicons.SENSES}",
            )
        return [(token, weight / total) for token, weight in found if weight]

    def _class(self, name: str, form: str, topic: str) -> list[tuple[Token, float]]:
        lists = self.lexicon.classes[name]
        general = _zipf(lists.get(ANY, []), form)
        if set(lists) <= {ANY}:
            return general
        drift = self.options.drift
        found = [
            (token, weight * (1 - drift)) for token, weight in _zipf(lists.get(topic, []), form)
        ]
        for other in self.lexicon.topics:
            share = drift / len(self.lexicon.topics)
            found += [
                (token, weight * share) for token, weight in _zipf(lists.get(other, []), form)
            ]
        return _merge(found + general)

    def _noun_of(self, sense: str, number: str, *, topic: str) -> list[tuple[Token, float]]:
        return [(self._token(self.lexicon.senses[sense], number), 1.0)]

    _verb_of = _noun_of

    def _topical(self, number: str, *, topic: str) -> list[tuple[Token, float]]:
        senses = [s for s in self.lexicon.senses.values() if s.topic == topic]
        return [(self._token(s, number), 1.0) for s in senses if s.word.upos == "NOUN"]

    def _cue(self, sense: str, *, topic: str) -> list[tuple[Token, float]]:
        chosen = self.lexicon.senses[sense]
        words = [
            Token(cue, "ADJ", cue, "", "", True) for cue in lexicons.modifiers(self.lexicon, chosen)
        ]
        return self._allowed(chosen, words)

    def _object(self, sense: str, number: str, *, topic: str) -> list[tuple[Token, float]]:
        chosen = self.lexicon.senses[sense]
        words = [_token(word, number) for word in lexicons.objects(self.lexicon, chosen)]
        return self._allowed(chosen, [word._replace(is_cue=True) for word in words])

    def _allowed(self, sense: Sense, cues: list[Token]) -> list[tuple[Token, float]]:
        """Cues of a sense with weights; those held out share half of the test split's mass."""
        weights = [1 / (rank + 2) for rank in range(len(cues))]
        out = [is_held_out(sense.word.lemma, cue.lemma, self.options.held_out) for cue in cues]
        seen = sum(w for w, held in zip(weights, out, strict=True) if not held)
        unseen = sum(weights) - seen
        if not seen:
            raise DataError(
                f"every cue of {sense.name!r} is held out",
                where=sense.word.place,
                mend="add cues, or lower held_out",
            )
        if not self.held_out or not unseen:
            return [(c, 0.0 if held else w) for c, w, held in zip(cues, weights, out, strict=True)]
        rest, mass = 1 - HELD_OUT_IN_TEST, HELD_OUT_IN_TEST
        return [
            (c, mass * w / unseen if held else rest * w / seen)
            for c, w, held in zip(cues, weights, out, strict=True)
        ]

    def _token(self, sense: Sense, form: str) -> Token:
        return _token(sense.word, form)._replace(sense=sense.name)


def _token(word: Word, form: str) -> Token:
    return Token(word.forms[form], word.upos, word.lemma, word.features(form), "", False)


def _zipf(words: Sequence[Word], form: str) -> list[tuple[Token, float]]:
    """Weights 1 / (rank + 1), from rank 1, that sum to 1."""
    total = sum(1 / (rank + 2) for rank in range(len(words)))
    return [(_token(w, form), 1 / (rank + 2) / total) for rank, w in enumerate(words)]


def _merge(found: list[tuple[Token, float]]) -> list[tuple[Token, float]]:
    joined: dict[Token, float] = {}
    for token, weight in found:
        joined[token] = joined.get(token, 0.0) + weight
    return list(joined.items())


def is_held_out(word: str, cue: str, share: float) -> bool:
    """Whether the pair never occurs in training: decided by its hash alone."""
    digest = hashlib.sha256(f"{word} {cue}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48 < share


def parameters(options: Config, lexicon: Lexicon) -> dict[str, float]:
    """Values of the `$name` weights of a grammar."""
    senses = lexicon.senses.values()
    verbs = sum(s.word.upos == "VERB" for s in senses) / max(1, len(senses))
    cued = {"next": options.next, "clause": options.clause}
    found = {"plain": 1 - options.ambiguity, "affirmed": 1 - options.negation}
    found["denied"] = options.negation
    rest = 1 - options.next - options.clause
    found["document"] = options.ambiguity * rest if rest > SMALL else 0.0  # 1 - 0.9 - 0.1 < 0
    for name, share in cued.items():
        found[name] = options.ambiguity * share * (1 - verbs)
        found[f"{name}verb"] = options.ambiguity * share * verbs
    return found


class Source:
    """Draws documents.

    Args:
        folder: words.txt, senses.txt, grammar.txt.

    Raises:
        DataError: a file that cannot be used.
    """

    def __init__(self, folder: Path, options: Config) -> None:
        self.options, self.lexicon = options, lexicons.read(folder)
        grammar = grammars.read(folder, self.lexicon)
        self.rules = ground(grammar, parameters(options, self.lexicon))
        self.topics = self.lexicon.topics
        self._samplers = {
            held_out: _Sampler(self.rules, self.words(held_out=held_out), self.topics)
            for held_out in (False, True)
        }

    def words(self, *, held_out: bool) -> Words:
        """Lexical distributions of the splits without, or with, pairs that are held out."""
        return Words(self.lexicon, self.options, held_out=held_out)

    def document(self, number: int, valid_fraction: float, test_fraction: float) -> Document:
        """The document of a number."""
        random = Random(f"{self.options.seed}:{number}")
        place = random.random()
        split: Split = "train"
        if place < test_fraction + valid_fraction:
            split = "test" if place < test_fraction else "valid"
        topic = int(random.random() * len(self.topics))
        low, high = self.options.min_sentences, self.options.max_sentences
        count = low + int(random.random() * (high - low + 1))
        sampler = self._samplers[split == "test"]
        sentences = [sampler.sentence(topic, random.random) for _ in range(count)]
        return Document(number, split, self.topics[topic], sentences)


def reachable(rules: Mapping[Symbol, Sequence[GroundRule]]) -> list[Symbol]:
    """All ground symbols, the start first."""
    found: dict[Symbol, None] = {(START, ()): None}
    queue: list[Symbol] = [(START, ())]
    for symbol in queue:
        for rule in rules.get(symbol, ()):
            for child in rule.children:
                if child not in found:
                    found[child] = None
                    queue.append(child)
    return queue


class _Sampler:
    """The grammar as tables: for each symbol its choices, and words for each topic."""

    def __init__(
        self, rules: Mapping[Symbol, Sequence[GroundRule]], words: Words, topics: Sequence[str]
    ) -> None:
        numbers = {symbol: n for n, symbol in enumerate(reachable(rules))}
        self._tables: list[Any] = []
        for symbol in numbers:
            if symbol in rules:
                cumulative = list(accumulate(rule.probability for rule in rules[symbol]))
                made = [
                    (tuple(numbers[c] for c in r.children), r.head, r.relations, r.attributes)
                    for r in rules[symbol]
                ]
                self._tables.append((True, cumulative, made))
            else:
                per_topic = []
                for topic in topics:
                    options = words.of(symbol, topic)
                    cumulative = list(accumulate(weight for _, weight in options))
                    per_topic.append((cumulative, [token for token, _ in options]))
                self._tables.append((False, per_topic, None))

    def sentence(self, topic: int, draw: Callable[[], float]) -> Sentence:
        """Draw a sentence; this is where generating a corpus spends its time."""
        tables = self._tables
        tokens: list[Token] = []
        heads: list[int] = []
        relations: list[str] = []
        attributes: dict[str, str] = {}

        def expand(symbol: int) -> int:
            """Draw what a symbol stands for; gives the place of its head."""
            is_rule, choices, made = tables[symbol]
            if not is_rule:
                cumulative, options = choices[topic]
                n = bisect(cumulative, draw()) if len(options) > 1 else 0
                tokens.append(options[n] if n < len(options) else options[-1])
                heads.append(0)
                relations.append("root")
                return len(tokens) - 1
            n = bisect(choices, draw()) if len(choices) > 1 else 0
            children, head, names, noted = made[n] if n < len(made) else made[-1]
            if noted:
                attributes.update(noted)
            if len(children) == 1:
                return expand(children[0])
            places = [expand(child) for child in children]
            top = places[head]
            for place, name in zip(places, names):  # noqa: B905
                if place != top:
                    heads[place] = top + 1
                    relations[place] = name
            return top

        expand(0)
        return Sentence(tokens, heads, relations, attributes)


def word_of(symbol: str) -> Token:
    """The token of a symbol `=form/UPOS/lemma/features`."""
    form, upos, lemma, features = (*symbol[1:].split("/"), "")[:4]
    return Token(form, upos, lemma, features, "", False)

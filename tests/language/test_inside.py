"""The inside algorithm against brute force: on a small grammar every text can be written down."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from pathlib import Path

import pytest

from polyseme.language import inside
from polyseme.language.rules import START, Symbol
from polyseme.language.source import Config, Document, Source

WORDS = """
class Noun NOUN number
class Mod ADJ -
class Verb VERB verb
Noun home wall:walls
Noun law judge
Mod home brick
Mod law stern
Verb home paint see:saw:seen
Verb law see:saw:seen
"""
SENSES = """
crack NOUN fissure home
crack NOUN drug law
"""
GRAMMAR = """
feature num sg 0.7 pl 0.3
feature noun @nouns
S 3 NP[?n]:nsubj Act[n]*
S 1 Cued[?]* =fell/VERB/fall:dep
NP[n] 2 Noun[n]*
NP[n] 1 Topical[n]*
Cued[s] 1 Cue[s]:amod Noun_of[s,sg]*
Cued[s] 1 Noun_of[s,?]*
Act[sg] 1 Verb[sg3]*
Act[pl] 1 Verb[plural]*
"""
OPTIONS = Config(min_sentences=1, max_sentences=2, held_out=0.0, drift=0.2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("toy")
    for name, text in (("words", WORDS), ("senses", SENSES), ("grammar", GRAMMAR)):
        (folder / f"{name}.txt").write_text(text)
    return Source(folder, OPTIONS)


def _texts(source: Source, symbol: Symbol, topic: str) -> dict[tuple[str, ...], float]:
    """Every text of a symbol and its probability, all derivations added up."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    if symbol not in source.rules:
        for token, weight in source.words(held_out=False).of(symbol, topic):
            found[token.form,] += weight
        return found
    for rule in source.rules[symbol]:
        parts = [_texts(source, child, topic).items() for child in rule.children]
        for chosen in itertools.product(*parts):
            text = tuple(itertools.chain.from_iterable(t for t, _ in chosen))
            found[text] += rule.probability * math.prod(p for _, p in chosen)
    return found


def _sentences(source: Source) -> dict[tuple[str, ...], list[float]]:
    """Of each sentence, its probability in every topic."""
    per_topic = [_texts(source, (START, ()), topic) for topic in source.topics]
    everything = set().union(*per_topic)
    return {text: [found.get(text, 0.0) for found in per_topic] for text in everything}


def _entropy(source: Source) -> float:
    """Bits a word, from every document."""
    sentences, topics = _sentences(source), len(source.topics)
    bits = words = 0.0
    for size in (1, 2):
        for texts in itertools.product(sentences, repeat=size):
            parts = [math.prod(p) for p in zip(*(sentences[t] for t in texts), strict=True)]
            probability = sum(parts) / topics / 2
            if probability:
                bits -= probability * math.log2(probability)
                words += probability * sum(map(len, texts))
    return bits / words


def test_the_probabilities_of_all_sentences_sum_to_one_in_every_topic(source: Source) -> None:
    made = inside.make(source)
    total = sum(made.sentence(text) for text in _sentences(source))
    assert total == pytest.approx([1.0] * len(source.topics))


def test_a_sentence_has_the_probability_that_enumeration_finds(source: Source) -> None:
    made = inside.make(source)
    for text, probabilities in _sentences(source).items():
        assert made.sentence(text) == pytest.approx(probabilities, abs=1e-15)
    assert not made.sentence(["wall", "wall"]).any()
    assert not made.sentence(["unheard"]).any()


def test_the_entropy_estimate_agrees_with_enumeration(source: Source) -> None:
    drawn: list[Document] = [source.document(n, 0.0, 0.0) for n in range(4000)]
    found = inside.entropy(source, inside.make(source), drawn)
    exact = _entropy(source)
    assert found.error < 0.02 * exact
    assert abs(found.bits_per_word - exact) < 3.5 * found.error


def test_the_floor_of_a_gap_is_that_of_the_best_possible_guess(source: Source) -> None:
    """Bayes: p(word | rest of the document), from the table of all sentences."""
    made, sentences = inside.make(source), _sentences(source)
    text = [["walls", "see"], ["crack", "fell"]]
    first, second = (sentences[tuple(sentence)] for sentence in text)
    others: defaultdict[str, float] = defaultdict(float)
    for (noun, *rest), probabilities in sentences.items():
        if rest == ["fell"]:
            others[noun] += sum(p * q for p, q in zip(first, probabilities, strict=True))
    right = sum(p * q for p, q in zip(first, second, strict=True)) / sum(others.values())
    assert len(others) > 1
    assert inside.floors(made, text, [(1, 0)]) == pytest.approx([-math.log2(right)])


def test_a_gap_that_only_one_word_fits_has_no_floor(source: Source) -> None:
    assert inside.floors(inside.make(source), [["brick", "crack", "fell"]], [(0, 2)]) == [0.0]


def test_the_lectures_sentence_belongs_to_the_language() -> None:
    folder = Path(__file__).parents[2] / "src" / "polyseme" / "language" / "english"
    made = inside.make(english := Source(folder, Config()))
    found = made.sentence("I was sad because my football team had lost .".split())
    assert found.argmax() == english.topics.index("sport")
    assert not made.sentence("I were sad because my football team had lost .".split()).any()

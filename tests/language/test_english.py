"""The English language of this project: its words and senses, and what a sample of it shows."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.language.conftest import ENGLISH, Damage, cues, sentences

from polyseme.language.morphology import inflect
from polyseme.language.source import (
    HELD_OUT_IN_TEST,
    Config,
    Document,
    Sentence,
    Source,
    is_held_out,
)

FORMS = """
see sees saw seen seeing
steal steals stole stolen stealing
kidnap kidnaps kidnapped kidnapped kidnapping
debug debugs debugged debugged debugging
overtake overtakes overtook overtaken overtaking
broadcast broadcasts broadcast broadcast broadcasting
build builds built built building
win wins won won winning
lose loses lost lost losing
forget forgets forgot forgotten forgetting
stop stops stopped stopped stopping
hum hums hummed hummed humming
cry cries cried cried crying
study studies studied studied studying
match matches matched matched matching
say says said said saying
pay pays paid paid paying
shoot shoots shot shot shooting
sit sits sat sat sitting
read reads read read reading
beat beats beat beaten beating
drive drives drove driven driving
like likes liked liked liking
visit visits visited visited visiting
cook cooks cooked cooked cooking
draw draws drew drawn drawing
miss misses missed missed missing
come comes came come coming
understand understands understood understood understanding
man men
woman women
child children
person people
mouse mice
wife wives
knife knives
thief thieves
wolf wolves
story stories
city cities
day days
key keys
match matches
virus viruses
bus buses
crash crashes
box boxes
tax taxes
potato potatoes
piano pianos
roof roofs
deer deer
""".strip().splitlines()
REGULAR = {
    "verb": [
        "agree agrees agreed agreed agreeing",
        "die dies died died dying",
        "go goes goed goed going",
        "play plays played played playing",
        "plan plans planned planned planning",
        "rain rains rained rained raining",
        "fix fixes fixed fixed fixing",
        "owe owes owed owed owing",
    ],
    "number": ["church churches", "party parties", "toy toys", "glass glasses", "idea ideas"],
}
SHARES = {"next": 0.3, "clause": 0.4, "document": 0.3}


def forms(source: Source) -> dict[tuple[str, str], dict[str, str]]:
    """(lemma, part of speech) -> forms."""
    classes = [w for topics in source.lexicon.classes.values() for w in topics.values()]
    words = [*(word for made in classes for word in made)]
    words += [sense.word for sense in source.lexicon.senses.values()]
    return {(word.lemma, word.upos): word.forms for word in words}


@pytest.mark.parametrize("line", FORMS, ids=str.split)
def test_words_inflect_as_in_english(source: Source, line: str) -> None:
    lemma, *others = line.split()
    known = forms(source)
    if len(others) == 1:
        made = known.get((lemma, "NOUN")) or inflect("number", lemma, [])
        assert made == {"sg": lemma, "pl": others[0]}
    else:
        made = known.get((lemma, "VERB")) or inflect("verb", lemma, [])
        names = ["sg3", "past", "part", "ing"]
        assert made == {"base": lemma, "plural": lemma} | dict(zip(names, others, strict=True))


@pytest.mark.parametrize("inflection", REGULAR)
def test_regular_words_follow_the_rules_of_spelling(inflection: str) -> None:
    for line in REGULAR[inflection]:
        lemma, *others = line.split()
        assert [*dict.fromkeys(inflect(inflection, lemma, []).values())] == [
            *dict.fromkeys([lemma, *others])
        ]


def test_every_word_has_one_paradigm(source: Source) -> None:
    """A lemma of two classes is inflected in the same way in both."""
    known = forms(source)
    for topics in source.lexicon.classes.values():
        for words in topics.values():
            for word in words:
                assert word.forms == known[word.lemma, word.upos], word.place


def test_crack_has_the_senses_of_the_lecture(source: Source) -> None:
    found = {s.name: s.word.upos for s in source.lexicon.senses.values() if s.word.lemma == "crack"}
    assert found == {"crack.fissure": "NOUN", "crack.drug": "NOUN", "crack.solve": "VERB"}


def test_the_size_of_the_language(source: Source, sample: list[Document]) -> None:
    senses = Counter(sense.word.lemma for sense in source.lexicon.senses.values())
    assert len(senses) >= 30
    assert set(senses.values()) == {2, 3, 4}
    assert len(source.topics) >= 8
    counts = Counter(t.form.lower() for _, s in sentences(sample) for t in s.tokens)
    lemmas = {t.lemma.lower() for _, s in sentences(sample) for t in s.tokens}
    assert 800 <= len(lemmas) <= 1200
    ranked = np.array(sorted(counts.values(), reverse=True))
    assert 0.6 < ranked[:100].sum() / ranked.sum() < 0.8  # a few words are most of the text


def test_shares_are_those_of_the_configuration(source: Source, sample: list[Document]) -> None:
    options, found = source.options, Counter[str]()
    for document, sentence in sentences(sample):
        kind = sentence.attributes.get("cue", "")
        found["sentences"] += 1
        found[kind or "plain"] += 1
        root = sentence.tokens[sentence.heads.index(0)]
        verdict = "sentiment" in sentence.attributes and "advcl" not in sentence.relations
        found["verdicts"] += verdict and root.upos == "ADJ"
        found["denied"] += verdict and "negated" in sentence.attributes
        if not kind:
            topical = source.lexicon.classes["Mod"][document.topic]
            for token in sentence.tokens:
                found["modifiers"] += any(
                    token.lemma == word.lemma and token.upos == "ADJ"
                    for words in source.lexicon.classes["Mod"].values()
                    for word in words
                )
                found["at home"] += token.upos == "ADJ" and token.lemma in {
                    word.lemma for word in topical
                }
    cued = found["sentences"] - found["plain"]
    assert cued / found["sentences"] == pytest.approx(options.ambiguity, abs=0.01)
    for name, share in SHARES.items():
        assert found[name] / cued == pytest.approx(share, abs=0.015)
    assert found["denied"] / found["verdicts"] == pytest.approx(options.negation, abs=0.05)
    at_home = 1 - options.drift * (1 - 1 / len(source.topics))
    assert found["at home"] / found["modifiers"] == pytest.approx(at_home, abs=0.01)
    topics = Counter(document.topic for document in sample)
    assert min(topics.values()) > len(sample) / len(source.topics) * 0.75
    lengths = Counter(len(document.sentences) for document in sample)
    assert sorted(lengths) == list(range(options.min_sentences, options.max_sentences + 1))


def pairs(source: Source, sentence: Sentence) -> set[tuple[str, str]]:
    """(word with senses, any other word that tells one of its senses) of a sentence."""
    found = set()
    for place, token in enumerate(sentence.tokens):
        if token.sense:
            told = set().union(*cues(source.lexicon, token.lemma, token.upos).values())
            others = {t.lemma for n, t in enumerate(sentence.tokens) if n != place}
            found |= {(token.lemma, cue) for cue in told & others}
    return found


def test_training_never_has_a_pair_that_is_held_out(source: Source, sample: list[Document]) -> None:
    seen: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for document, sentence in sentences(sample):
        seen[document.split].update(pairs(source, sentence))
    share = source.options.held_out
    for split in ("train", "valid"):
        assert sum(seen[split].values()) > 300
        assert not [pair for pair in seen[split] if is_held_out(*pair, share)]
    out = {pair: count for pair, count in seen["test"].items() if is_held_out(*pair, share)}
    assert len(out) > 100
    assert len({word for word, _ in out}) > 30
    assert sum(out.values()) / sum(seen["test"].values()) == pytest.approx(
        HELD_OUT_IN_TEST, abs=0.05
    )


def test_held_out_pairs_are_the_share_that_was_asked_for(source: Source) -> None:
    senses = source.lexicon.senses.values()
    words = {(sense.word.lemma, sense.word.upos) for sense in senses}
    every = {
        (lemma, cue)
        for lemma, upos in words
        for told in cues(source.lexicon, lemma, upos).values()
        for cue in told
    }
    for share in (0.0, 0.2, 0.5):
        found = sum(is_held_out(*pair, share) for pair in every) / len(every)
        assert found == pytest.approx(share, abs=0.03)


def test_no_cue_is_left_over_if_nothing_is_held_out() -> None:
    """In the test split of such a language the cues are those of training."""
    source = Source(ENGLISH, Config(held_out=0))
    symbol = ("Cue", ("crack.drug",))
    shown, unseen = (dict(source.words(held_out=h).of(symbol, "crime")) for h in (False, True))
    assert shown == unseen
    assert len(shown) == len(source.lexicon.classes["Mod"]["crime"])


Item = tuple[str, str, dict[str, int]]
"""Written form of the word, sense, and the other words that are no cue."""


def balanced(source: Source, sample: list[Document]) -> list[Item]:
    """Nouns with two senses and a cue in their sentence, both senses equally frequent.

    Of each written form (bank, banks) as many occurrences of each sense are kept as the rarer one
    has, drawn without replacement. Sentences that only the document tells are left out: there the
    rest of the document is the cue.
    """
    found: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for _, sentence in sentences(sample):
        if sentence.attributes.get("cue") in ("next", "clause"):
            token = next(t for t in sentence.tokens if t.sense)
            if token.upos == "NOUN" and len(cues(source.lexicon, token.lemma, "NOUN")) == 2:
                rest = {
                    f"{token.lemma} {t.form.lower()}": 1
                    for t in sentence.tokens
                    if not (t.sense or t.is_cue)
                }
                found[token.form][token.sense].append((token.form, token.sense, rest))
    drawn, items = random.Random(0), list[Item]()
    for senses in found.values():
        count = min(map(len, senses.values())) if len(senses) == 2 else 0
        for sense in sorted(senses):
            items += drawn.sample(senses[sense], count)
    drawn.shuffle(items)
    return items


def test_without_the_cue_nothing_tells_the_sense(source: Source, sample: list[Document]) -> None:
    """At chance: the majority of the type, and a classifier of the other words; not with cues."""
    items = balanced(source, sample)
    half = len(items) // 2
    train, test = items[:half], items[half:]
    assert len(test) > 800
    margin = 3 * 0.5 / len(test) ** 0.5
    majority = {
        form: Counter(s for f, s, _ in train if f == form).most_common(1)[0][0]
        for form in {form for form, _, _ in train}
    }
    right = [majority[form] == sense for form, sense, _ in test if form in majority]
    assert np.mean(right) < 0.5 + margin
    # a label that is 0 for the first sense of each word, so that one model serves all words
    first = {min(s for f, s, _ in items if f == form) for form in {form for form, _, _ in items}}
    model = make_pipeline(DictVectorizer(), LogisticRegression(max_iter=300))
    model.fit([rest for _, _, rest in train], [sense in first for _, sense, _ in train])
    told = model.score([rest for _, _, rest in test], [sense in first for _, sense, _ in test])
    assert abs(told - 0.5) < margin


def test_a_word_a_sense_and_a_construction_are_one_line_each(damaged: Damage) -> None:
    damaged("words.txt", "Noun house", "{} gazebo")
    damaged("senses.txt", "", "bank NOUN row sport")
    folder = damaged(
        "grammar.txt", "", "Plain 2 =what/DET/what:det Topic[sg]* =!/PUNCT/!:punct @mood=awe"
    )
    source = Source(folder, Config())
    found = [s for n in range(600) for s in source.document(n, 0.1, 0.1).sentences]
    tokens = [token for sentence in found for token in sentence.tokens]
    assert {t.form for t in tokens if t.lemma == "gazebo"} == {"gazebo", "gazebos"}
    assert {t.sense for t in tokens if t.lemma == "bank"} == {
        "bank.institution",
        "bank.shore",
        "bank.row",
    }
    calls = [sentence for sentence in found if sentence.attributes.get("mood") == "awe"]
    assert len(calls) > 50
    assert {(s.tokens[0].form, s.tokens[-1].form) for s in calls} == {("what", "!")}


def test_a_topic_is_three_lines(damaged: Damage) -> None:
    damaged("words.txt", "", "Noun farm cow field barn")
    damaged("words.txt", "", "Mod farm rural ploughed")
    damaged("senses.txt", "", "pitchfork NOUN tool farm\npitchfork NOUN rod music")
    source = Source(damaged("grammar.txt", "", ""), Config(held_out=0))
    drawn = [source.document(n, 0.1, 0.1) for n in range(100)]
    assert {document.topic for document in drawn} == set(source.topics)
    words = {t.lemma for d in drawn if d.topic == "farm" for s in d.sentences for t in s.tokens}
    assert {"cow", "field", "barn", "rural", "ploughed", "pitchfork"} <= words

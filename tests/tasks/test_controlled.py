"""Tasks of the controlled language: balanced, solvable from the cue, not from the word alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from polyseme import items
from polyseme.config import build
from polyseme.corpora.controlled import language
from polyseme.data import corpus
from polyseme.errors import DataError, PolysemeError
from polyseme.language import gold, lexicon
from polyseme.models import random as random_model
from polyseme.models import word2vec
from polyseme.models.base import SENTENCE, TEXT, Representation
from polyseme.tasks import base, wic
from polyseme.tasks.common import controlled as controlled_tasks
from polyseme.tasks.common import heads
from polyseme.tasks.families.base import get, is_trainable

ROOT = Path(__file__).parents[2]
TASKS = "senses wic cpos trees sentiment topic agreement gaps occurrences".split()
SMALL: dict[str, Any] = {
    "senses": {"num_items": {"train": 300, "valid": 30, "test": 120}},
    "wic": {"num_items": {"train": 200, "valid": 100, "test": 200}},
    "gaps": {"num_items": 30, "num_documents": 10},
    "occurrences": {"num_items": 12},
}


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 120,000 words, a third of them for testing."""
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/corpus/controlled.yaml"))
    values |= {"vocab_size": 1024, "valid_fraction": 0.3, "test_fraction": 0.3}
    values["source"] = str(ROOT / values["source"])
    values["reader_options"]["num_words"] = 120_000
    options, reader_options = corpus.check(values, file="test", key="corpus")
    out = tmp_path_factory.mktemp("corpus") / "controlled"
    out.mkdir()
    corpus.prepare(
        options,
        reader_options,
        name="controlled",
        source=Path(options.source),
        out=out,
        num_workers=1,
        progress=False,
    )
    return out


def _prepared(name: str, source: Path, **changes: Any) -> dict[str, base.Split]:
    raw = OmegaConf.load(ROOT / f"conf/task/{name}.yaml")
    raw.experiment = "test"
    values: Any = OmegaConf.to_container(raw, resolve=True)
    del values["experiment"]
    if isinstance(values.get("num_items"), dict):
        values["num_items"] = {"train": 100, "valid": 20, "test": 60}
    values |= SMALL.get(name, {}) | changes
    module = items.load("task", name)
    splits: dict[str, base.Split] = module.prepare(build(module.Config, values, file=name), source)
    return splits


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_prepared_the_same_twice_and_its_labels_fit_its_words(
    name: str, controlled: Path, tmp_path: Path
) -> None:
    first, second = (_prepared(name, controlled) for _ in range(2))
    assert first == second
    name_of_family = items.load("task", name).FAMILY
    family = get(name_of_family) if is_trainable(name_of_family) else None
    for split in first.values():
        assert len(split) > 0
        if family and family.level == "word":
            for words, labels in zip(split.sentences, split.labels, strict=True):
                assert len(words) == len(labels)
        for words, places in zip(split.sentences, split.places or [[]] * len(split), strict=True):
            assert all(words[place] not in (SENTENCE, TEXT) for place in places)
    base.write(tmp_path, first, {"name": name})
    for split_name, split in first.items():
        kept = base.read(tmp_path, split_name)
        assert list(kept.sentences) == list(split.sentences)
        assert kept.places == split.places


def test_senses_of_a_written_form_are_equally_frequent_in_every_split(controlled: Path) -> None:
    for split in _prepared("senses", controlled).values():
        by_form: dict[str, Counter[str]] = {}
        for words, labels in zip(split.sentences, split.labels, strict=True):
            for word, label in zip(words, labels, strict=True):
                if label:
                    by_form.setdefault(word, Counter())[label] += 1
        assert all(len(found) > 1 for found in by_form.values())
        assert all(len(set(found.values())) == 1 for found in by_form.values())


def test_pairs_of_every_split_are_as_often_the_same_as_different_for_each_form(
    controlled: Path,
) -> None:
    for split in _prepared("wic", controlled).values():
        counts: dict[str, Counter[str]] = {}
        for words, places, label in zip(
            split.sentences, split.places or [], split.labels, strict=True
        ):
            assert words[places[0]] == words[places[1]]
            counts.setdefault(words[places[0]], Counter())[label] += 1
        assert counts
        assert all(of["same"] == of["different"] for of in counts.values())


def test_pairs_of_a_small_corpus_are_of_both_kinds_form_by_form() -> None:
    def occurrence(form: str, sense: str) -> controlled_tasks.Occurrence:
        return controlled_tasks.Occurrence([form], 0, form, f"{form}.{sense}", "next")

    found = [occurrence(f"w{n}", s) for n in range(6) for s in "ab" for _ in range(2)]
    pairs = list(wic._halves(wic._by_form(found)))
    same = {a.lemma: set() for a, _ in pairs}
    for a, b in pairs:
        assert a is not b
        assert a.lemma == b.lemma
        same[a.lemma].add(a.sense == b.sense)
    assert all(len(kinds) == 1 for kinds in same.values())
    assert [True in kinds for kinds in same.values()].count(True) == 3
    assert len({id(one) for pair in pairs for one in pair}) == len(found)


def test_pairs_are_same_and_different_equally_often_and_of_one_word(controlled: Path) -> None:
    split = _prepared("wic", controlled)["test"]
    counts = Counter(split.labels)
    assert abs(counts["same"] - counts["different"]) <= 50
    for words, (first, second) in zip(split.sentences, split.places or [], strict=True):
        assert words[first] == words[second]
        assert first < list(words).index(TEXT) < second


def test_the_cue_tells_the_sense(controlled: Path) -> None:
    """An oracle: cue word, or topic of the document, and the word; nothing else."""
    known = language(controlled).lexicon
    topics: dict[str, set[str]] = {}
    for name in ("Mod", "Noun"):
        for topic, words in known.classes[name].items():
            for word in words:
                topics.setdefault(word.lemma, set()).add(topic)
    right = total = 0
    for row in gold.read(controlled, "test"):
        for place, sense in enumerate(row["senses"]):
            if sense:
                cue = row["cue_word"]
                told = topics[row["lemmas"][cue]] if cue >= 0 else {row["topic"]}
                fitting = [
                    s.name
                    for s in known.senses.values()
                    if s.topic in told
                    and (s.word.lemma, s.word.upos) == (row["lemmas"][place], row["upos"][place])
                ]
                right += fitting == [sense]
                total += 1
    assert total > 500
    assert right / total >= 0.95


def _type_features(model: Representation, words: list[str]) -> np.ndarray:
    return np.stack([model.encode([[word]])[0][0, 0].numpy() for word in words])


def test_no_type_level_representation_tells_senses_apart(controlled: Path) -> None:
    """Random vectors and word2vec, with every advantage: a classifier for each word."""
    made = [
        random_model.train(random_model.Config(dim=32), controlled, seed=0, progress=False)[0],
        word2vec.train(word2vec.Config(dim=32, budget=100_000), controlled, seed=0, progress=False)[
            0
        ],
    ]
    splits = _prepared("senses", controlled)
    found = {
        name: [
            (words[place], label)
            for words, labels in zip(splits[name].sentences, splits[name].labels, strict=True)
            for place, label in enumerate(labels)
            if label
        ]
        for name in ("train", "test")
    }
    senses: dict[str, set[str]] = {}
    for word, label in found["train"]:
        senses.setdefault(word, set()).add(label)
    for model in made:
        right, chance, total = 0, 0.0, 0
        for lemma in sorted({label.split(".")[0] for _, label in found["train"]}):
            train, test = (
                [pair for pair in found[name] if pair[1].split(".")[0] == lemma]
                for name in ("train", "test")
            )
            test = [pair for pair in test if pair[0] in senses]
            x, y = _type_features(model, [w for w, _ in train]), [s for _, s in train]
            guesses = (
                LogisticRegression(max_iter=300)
                .fit(x, y)
                .predict(_type_features(model, [w for w, _ in test]))
            )
            right += sum(g == s for g, (_, s) in zip(guesses, test, strict=True))
            chance += sum(1 / len(senses[word]) for word, _ in test)
            total += len(test)
        assert total > 50
        assert right <= binom.ppf(0.9999, total, chance / total)


def test_no_type_level_representation_tells_same_from_different(controlled: Path) -> None:
    """Each form is in as many pairs of one sense as of two, and a form is all that a type sees."""
    splits = _prepared("wic", controlled)
    model = random_model.train(random_model.Config(dim=64), controlled, seed=0, progress=False)[0]
    data = {}
    for name in ("train", "test"):
        split = splits[name]
        forms = [w[p[0]] for w, p in zip(split.sentences, split.places or [], strict=True)]
        by_form: dict[str, Counter[str]] = {}
        for form, label in zip(forms, split.labels, strict=True):
            by_form.setdefault(form, Counter())[label] += 1
        assert all(abs(c["same"] - c["different"]) <= 1 for c in by_form.values())
        vectors = _type_features(model, forms)
        data[name] = np.hstack([np.zeros_like(vectors), vectors**2]), split.labels
    guesses = LogisticRegression(max_iter=300).fit(*data["train"]).predict(data["test"][0])
    right = sum(g == label for g, label in zip(guesses, data["test"][1], strict=True))
    assert right <= binom.ppf(0.9999, len(guesses), 0.5)


def test_heads_survive_the_encoding_as_labels() -> None:
    upos = ["DET", "NOUN", "VERB", "DET", "ADJ", "NOUN", "PUNCT"]
    tree = [2, 3, 0, 6, 6, 3, 3]
    labels = heads.encode(tree, upos)
    assert labels[:3] == ["+1 NOUN", "+1 VERB", "root"]
    assert labels[3] == "+1 NOUN"
    assert heads.decode(labels, upos) == tree
    assert heads.decode(["-3 VERB"], ["NOUN"]) == [0]


def test_heads_of_drawn_sentences_survive_the_encoding(controlled: Path) -> None:
    for row in list(gold.read(controlled, "valid"))[:300]:
        assert heads.decode(heads.encode(row["heads"], row["upos"]), row["upos"]) == row["heads"]


def test_minimal_pairs_differ_in_one_word_and_the_grammatical_one_is_drawn(
    controlled: Path,
) -> None:
    split = _prepared("agreement", controlled)["test"]
    drawn = {tuple(row["words"]) for row in gold.read(controlled, "test")}
    assert {"simple", "attractor", "reflexive"} <= set(split.labels)
    for words in split.sentences:
        middle = list(words).index(TEXT)
        good, bad = words[:middle], words[middle + 1 :]
        assert tuple(good) in drawn
        assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1


def test_sentiment_is_turned_round_by_negation(controlled: Path) -> None:
    known = language(controlled).lexicon.classes
    good = {w.lemma for name in ("Good", "Glad") for w in known[name]["-"]}
    split = _prepared("sentiment", controlled)["train"]
    negated = 0
    for words, label in zip(split.sentences, split.labels, strict=True):
        is_good = any(word in good for word in words)
        assert label == ("good" if is_good != ("not" in words) else "bad")
        negated += "not" in words
    assert 0.1 < negated / len(split) < 0.5


def test_floors_are_finite_and_no_source_is_certain_of_everything(controlled: Path) -> None:
    split = _prepared("gaps", controlled)["test"]
    assert all(0 <= bits < 40 for bits in split.labels)
    assert np.mean(split.labels) > 0.5


def test_a_corpus_without_truth_is_refused_in_one_line(tmp_path: Path) -> None:
    for name in TASKS:
        with pytest.raises(DataError, match="controlled") as caught:
            _prepared(name, tmp_path)
        assert "\n" not in str(caught.value)


def test_a_gap_sentence_without_a_gap_is_refused(controlled: Path) -> None:
    with pytest.raises(PolysemeError, match="has not one ___"):
        _prepared("occurrences", controlled, gaps=["no gap here"])


def test_at_least_thirty_words_have_two_to_four_senses(controlled: Path) -> None:
    known = lexicon.read(controlled / "language")
    counts = Counter(sense.word.lemma for sense in known.senses.values())
    assert sum(2 <= count <= 4 for count in counts.values()) >= 30
    assert {"crack.fissure", "crack.drug", "crack.solve"} <= known.senses.keys()

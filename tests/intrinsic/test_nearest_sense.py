"""The nearest occurrence and centroid are those of scikit-learn; what has no answer is wrong."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import KNeighborsClassifier
from tests.intrinsic.given import Given
from tests.intrinsic.toy import Toy

from polyseme.data.tokenizer import WordPieces
from polyseme.errors import DataError
from polyseme.intrinsic import nearest_sense
from polyseme.models.base import Representation
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

FILL = [f"w{n}" for n in range(30)]
LEMMAS = {"bank.n": "bank", "match.n": "match", "run.v": "ran"}
CONFIG = nearest_sense.Config()


def _split(num_items: int, seed: int, lemmas: dict[str, str] = LEMMAS) -> Split:
    random = np.random.default_rng(seed)
    columns: list[list[Any]] = [[], [], [], []]
    for _ in range(num_items):
        words = [str(word) for word in random.choice(FILL, 5)]
        places, keys, labels = [1, 3][: len(lemmas)], [], []
        for place, chosen in zip(places, random.permutation(sorted(lemmas)), strict=False):
            key = str(chosen)
            words[place] = lemmas[key]
            keys.append(key)
            labels.append(f"{key}%{random.choice(3, p=[0.5, 0.3, 0.2])}")
        for column, value in zip(columns, (words, places, keys, labels), strict=True):
            column.append(value)
    sentences, all_places, all_keys, all_labels = columns
    return Split(sentences, all_labels, places=all_places, keys=all_keys)


def _given(train: Split, test: Split, family: str = "word_sense") -> Given:
    return Given({"train": train, "test": test}, card={"family": family})


def _one(words: str, place: int, label: str, key: str = "bank.n") -> Split:
    return Split([words.split()], [[label]], places=[[place]], keys=[[key]])


def _several(*parts: Split) -> Split:
    return Split(
        [part.sentences[0] for part in parts],
        [part.labels[0] for part in parts],
        places=[part.places[0] for part in parts if part.places],
        keys=[part.keys[0] for part in parts if part.keys],
    )


def _rows(
    representation: Representation, given: Given, config: nearest_sense.Config = CONFIG
) -> dict[tuple[str, str | None, str], float]:
    rows = nearest_sense.measure(config, representation, given)
    return {(row["variant"], row["layer"], row["metric"]): row["value"] for row in rows}


def _vectors(toy: Toy, split: Split, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    encoded = toy.encode(split.sentences)
    found = [
        h[layer, p].numpy() for h, at in zip(encoded, split.places or [], strict=True) for p in at
    ]
    keys = [key for of in split.keys or [] for key in of]
    return np.array(found), np.array(keys), np.array([x for of in split.labels for x in of])


@pytest.mark.parametrize("block", [3, 256])
def test_answers_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(nearest_sense, "BLOCK", block)
    toy = Toy([*FILL, *LEMMAS.values()])
    given = _given(_split(60, 0), _split(40, 1))
    found = _rows(toy, given)
    h_MD, key_M, label_M = _vectors(toy, given.split("train"), 1)
    h_ND, key_N, label_N = _vectors(toy, given.split("test"), 1)
    nearest, centroid = np.empty_like(label_N), np.empty_like(label_N)
    for key in LEMMAS:
        rows, of = key_N == key, key_M == key
        classifier = KNeighborsClassifier(n_neighbors=1, metric="cosine", algorithm="brute")
        nearest[rows] = classifier.fit(h_MD[of], label_M[of]).predict(h_ND[rows])
        senses = sorted(set(label_M[of]))
        means = np.array([h_MD[of & (label_M == sense)].mean(0) for sense in senses])
        centroid[rows] = np.array(senses)[cosine_similarity(h_ND[rows], means).argmax(1)]
    assert 0.2 < (nearest == label_N).mean() < 0.9
    assert (nearest != centroid).any()
    assert found["1nn", "1", "accuracy"] == pytest.approx((nearest == label_N).mean())
    assert found["centroid", "1", "accuracy"] == pytest.approx((centroid == label_N).mean())
    items = list(nearest_sense.kept(CONFIG, toy, given))
    kept = [i["value"] for i in items if i["variant"] == "1nn" and i["layer"] == "1"]
    assert kept == (nearest == label_N).astype(float).tolist()


def test_one_vector_a_form_gives_its_most_frequent_sense(pieces: WordPieces) -> None:
    vectors = np.eye(31, 8, dtype=np.float32) + 1
    table = Table([*FILL, "bank"], 8, pieces, "zero").set_vectors(vectors)
    train, test = _split(50, 0, {"bank.n": "bank"}), _split(30, 1, {"bank.n": "bank"})
    found = _rows(table, _given(train, test))
    most = Counter(label for of in train.labels for label in of).most_common(1)[0][0]
    share = np.mean([label == most for of in test.labels for label in of])
    assert found["most_frequent", None, "accuracy"] == pytest.approx(share)
    assert found["1nn", "0", "accuracy"] == pytest.approx(share)


def test_a_key_that_training_lacks_is_wrong_even_with_backoff() -> None:
    toy = Toy([*FILL, "bank", "match"])
    train = _one("w1 bank", 1, "bank.n%1")
    test = _several(train, _one("w1 match", 1, "match.n%1", "match.n"))
    found = _rows(toy, _given(train, test))
    for variant, layer in (("1nn", "0"), ("centroid", "1"), ("most_frequent", None)):
        assert found[variant, layer, "answered"] == 0.5
        assert found[variant, layer, "accuracy"] == 0.5
        assert found[variant, layer, "accuracy_with_backoff"] == 0.5
    other = _one("w1 match", 1, "match.n%1", "match.n")
    assert set(_rows(toy, _given(train, other)).values()) == {0.0}


def test_a_word_without_a_vector_falls_back_on_the_most_frequent_sense(pieces: WordPieces) -> None:
    table = Table(["bank"], 2, pieces, "zero").set_vectors(np.ones((1, 2), np.float32))
    train = _several(*[_one("bank", 0, "bank.n%2")] * 2, _one("bank", 0, "bank.n%1"))
    test = _several(_one("banker", 0, "bank.n%2"), _one("bank", 0, "bank.n%1"))
    given = _given(train, test)
    found = _rows(table, given)
    assert found["1nn", "0", "answered"] == found["centroid", "0", "answered"] == 0.5
    assert found["1nn", "0", "accuracy"] == 0
    assert found["1nn", "0", "accuracy_with_backoff"] == 0.5
    known = [i["known"] for i in nearest_sense.kept(CONFIG, table, given) if i["variant"] == "1nn"]
    assert known == [False, True]


def test_training_words_without_a_vector_are_no_neighbours(pieces: WordPieces) -> None:
    vectors = np.array([[1, 0], [-1, 0]], np.float32)
    table = Table(["bank", "shore"], 2, pieces, "zero").set_vectors(vectors)
    unknown = _one("banker", 0, "bank.n%0")
    train, test = _several(unknown, _one("shore", 0, "bank.n%1")), _one("bank", 0, "bank.n%1")
    found = _rows(table, _given(train, test))
    assert found["1nn", "0", "accuracy"] == found["centroid", "0", "accuracy"] == 1
    found = _rows(table, _given(unknown, test))
    assert found["1nn", "0", "answered"] == found["centroid", "0", "answered"] == 0


@pytest.mark.parametrize(("gold", "right"), [("bank.n%1|bank.n%2", 1), ("bank.n%2|bank.n%3", 0)])
def test_any_of_several_right_senses_is_right(gold: str, right: float) -> None:
    train, test = _one("w1 bank", 1, "bank.n%1"), _one("w2 bank", 1, gold)
    found = _rows(Toy([*FILL, "bank"]), _given(train, test))
    assert found["1nn", "1", "accuracy"] == found["most_frequent", None, "accuracy"] == right


def test_tagging_tasks_of_one_label_an_item_ask_for_a_sense() -> None:
    train = Split([["w1", "Bank"], ["match", "w1"]], [[None, "shore"], ["fire", None]])
    test = Split([["w2", "bank"], ["match", "w2"]], [[None, "shore"], ["game", None]])
    found = _rows(Toy(["w1", "w2", "Bank", "bank", "match"]), _given(train, test, "tagging"))
    assert found["1nn", "1", "accuracy"] == 0.5
    assert found["1nn", "1", "answered"] == 1


def test_other_tagging_tasks_give_no_rows() -> None:
    every = Split([["w1", "w2"]], [["NOUN", "VERB"]])
    given = _given(every, every, "tagging")
    toy = Toy(["w1", "w2"])
    assert _rows(toy, given) == {}
    assert list(nearest_sense.kept(CONFIG, toy, given)) == []


def test_a_probed_task_without_lemmas_gives_no_rows() -> None:
    """Any supersense may be right, whatever the word."""
    every = Split([["w1", "w2"]], [["noun.animal"]], [[0]])
    given = _given(every, every, "word_sense")
    given.card["probed_only"] = True
    assert _rows(Toy(["w1", "w2"]), given) == {}


def test_fewer_training_words_keep_some_of_each_key() -> None:
    toy = Toy([*FILL, *LEMMAS.values()])
    few = nearest_sense.Config(max_items=3)
    train, test = _split(200, 0), _split(20, 1)
    found = _rows(toy, _given(train, test), few)
    assert found["1nn", "1", "answered"] == 1
    assert len({tuple(words) for words in toy.encoded}) <= 3 + len(test)
    assert found == _rows(toy, _given(train, test), few)


@pytest.mark.parametrize("missing", ["places", "keys"])
def test_a_split_without_marked_words_is_refused(missing: str) -> None:
    there = _one("w1 bank", 1, "bank.n%1")
    columns: dict[str, Any] = {"places": there.places, "keys": there.keys} | {missing: None}
    given = _given(Split(there.sentences, there.labels, **columns), there)
    with pytest.raises(DataError, match=f"task given: split 'train' lacks {missing}; "):
        _rows(Toy(["w1", "bank"]), given)

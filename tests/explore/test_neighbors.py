"""Samples, indexes and nearest neighbours, against gensim and scikit-learn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from gensim.models import KeyedVectors
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from polyseme import paths
from polyseme.explore import index as indexes
from polyseme.explore import nearest
from polyseme.explore import sample as sampling
from polyseme.explore.explorer import Explorer
from polyseme.explore.sample import Sample
from polyseme.models.common.table import Table


def test_static_neighbours_are_those_of_gensim(explorer: Explorer) -> None:
    lens = explorer.open("random")
    assert lens.vocabulary is not None and isinstance(lens.representation, Table)
    theirs = KeyedVectors(5)
    vectors = lens.representation.table.weight.detach().numpy()[:-1]
    theirs.add_vectors(lens.representation.words, vectors)
    found = lens.vocabulary.nearest(lens.encode(["crack"])[0, 0], "crack", top=4)
    expected = theirs.most_similar("crack", topn=4)
    assert [word for word, _ in found] == [word for word, _ in expected]
    assert np.allclose([c for _, c in found], [c for _, c in expected], atol=1e-6)


def test_a_word_without_a_vector_has_no_neighbours(explorer: Explorer) -> None:
    lens = explorer.open("random")
    assert lens.vocabulary is not None
    assert lens.vocabulary.nearest(lens.encode(["unheard"])[0, 0], "unheard") == []


def test_neighbours_in_context_are_those_of_scikit_learn(explorer: Explorer) -> None:
    lens = explorer.open("bert")
    index, words = lens.index, "the police saw a crack".split()
    assert index is not None
    h_LD = lens.encode(words)[:, 4]
    occurrences = index.sample.occurrences
    found = list(nearest.in_context(index, h_LD, "crack", top=3))
    sentences = index.sample.sentences
    assert len(found) == 3
    for layer, ours in enumerate(found):
        h_ND = np.array([lens.encode(sentences[o.sentence])[layer, o.place] for o in occurrences])
        mean_D = h_ND.mean(0)
        theirs = NearestNeighbors(n_neighbors=len(occurrences), metric="cosine").fit(h_ND - mean_D)
        away, order = theirs.kneighbors([h_LD[layer].numpy() - mean_D])
        cosines = dict(zip(order[0].tolist(), 1 - away[0], strict=True))
        same = [n for n in order[0].tolist() if occurrences[n].word == "crack"][:3]
        first: dict[str, int] = {}
        for n in order[0].tolist():
            if occurrences[n].word != "crack":
                first.setdefault(occurrences[n].word, n)
        others = list(first.values())[:3]
        assert [n for n, _ in ours.same] == same
        if layer:  # in layer 0 many are equal
            assert [n for n, _ in ours.others] == others
        given = [*ours.same, *ours.others]
        assert np.allclose([c for _, c in given], [cosines[n] for n, _ in given], atol=1e-4)


def test_a_type_is_the_mean_of_its_occurrences(explorer: Explorer) -> None:
    lens = explorer.open("bert")
    assert lens.index is not None
    alone = lens.encode(["crack"])[:, 0]
    unit_ND = lens.index.unit_LND[2, lens.index.sample.of("crack")].double()
    found, size = nearest.of_type(lens.index, "crack", alone, 2, top=3)
    assert size == len(unit_ND) == 3
    cosines = {
        word: torch.cosine_similarity(
            lens.index.unit_LND[2, lens.index.sample.of(word)].double().mean(0),
            unit_ND.mean(0),
            dim=0,
        ).item()
        for word in lens.index.words
        if word != "crack"
    }
    best = sorted(cosines, key=lambda word: -cosines[word])[:3]
    assert [word for word, _ in found] == best
    _, none = nearest.of_type(lens.index, "unheard", alone, 2)
    assert none == 0


def test_the_plane_is_that_of_scikit_learn(explorer: Explorer) -> None:
    points_ND = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    seen_D = torch.randn(6, generator=torch.Generator().manual_seed(1))
    ours, theirs = nearest.plane(points_ND, seen_D), PCA(2).fit(points_ND.numpy())
    expected = theirs.transform(points_ND.numpy())
    signs = np.sign(expected[0] * np.array(ours.points[0]))
    assert np.allclose(np.array(ours.points), expected * signs, atol=1e-3)
    assert np.allclose(ours.at, theirs.transform([seen_D.numpy()])[0] * signs, atol=1e-3)
    assert ours.explained == pytest.approx(theirs.explained_variance_ratio_.sum(), abs=1e-3)
    alone = nearest.plane(points_ND[:1], seen_D)
    assert alone.points == [(0.0, 0.0)]


def test_a_sample_has_few_of_each_word_and_only_senses_that_are_told(explorer: Explorer) -> None:
    sample = explorer.sample
    counts = Counter((o.word, o.sense) for o in sample.occurrences)
    assert max(counts.values()) == sampling.PER_WORD  # `the` occurs more often
    assert {sense for word, sense in counts if word == "crack"} == {"fissure", "drug", "solve"}
    for o in sample.occurrences:
        assert sample.sentences[o.sentence][o.place].lower() == o.word
    assert not any(
        o.word == "crack" and "somebody" in sample.sentences[o.sentence] for o in sample.occurrences
    )
    again = sampling.draw(paths.corpus("demo", "toy"))
    assert again.occurrences == sample.occurrences
    one, other = (sample.occurrences[n] for n in sample.example())
    assert one.word == other.word == "crack" and one.sense != other.sense


def test_an_index_is_made_once_and_again_where_it_is_damaged(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = explorer.open("gpt").index
    (path,) = (indexes.FOLDER / "demo" / "toy" / "gpt").iterdir()
    made = path.read_bytes()
    path.write_bytes(made[:-7] + b"damaged")
    second = explorer.open("gpt").index
    assert path.read_bytes() == made
    monkeypatch.setattr(indexes, "build", None)
    third = explorer.open("gpt").index
    assert first and second and third
    assert torch.equal(first.unit_LND, second.unit_LND) and torch.equal(
        first.unit_LND, third.unit_LND
    )


def test_an_index_of_other_weights_takes_the_place_of_the_old_one(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer.open("gpt")
    folder = indexes.FOLDER / "demo" / "toy" / "gpt"
    (before,) = folder.iterdir()
    monkeypatch.setattr(explorer.project, "digest", lambda name: "another")
    explorer.open("gpt")
    (after,) = folder.iterdir()
    assert before != after


def test_a_killed_write_leaves_nothing_that_is_read(
    explorer: Explorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = explorer.open("gpt").index
    assert index

    def killed(path: Path, content: bytes) -> None:
        with path.open("wb") as stream:
            stream.write(content[:50])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        indexes.write(tmp_path, "key", index)
    assert not list(tmp_path.iterdir())


def test_wide_representations_have_fewer_occurrences(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bert = explorer.project.open("bert")
    monkeypatch.setattr(indexes, "MAX_BYTES", 10 * 3 * 16 * 4)
    fitted: Sample = indexes.fitting(explorer.sample, bert)
    assert len(fitted.occurrences) == 10
    assert fitted.occurrences[-1].sentence == len(fitted.sentences) - 1

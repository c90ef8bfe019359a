from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from polyseme.data import tokenizer
from polyseme.data.text import normalize
from polyseme.data.tokenizer import CLS, SEP, SPECIALS, UNK, WordPieces
from polyseme.data.words import WordSplitter
from polyseme.errors import DataError

TEXT = ["The cat's crack in the wall, the CRACK of dawn: 1,000 naïve cats."] * 5
VOCAB = 300


def make() -> Tokenizer:
    return tokenizer.train(TEXT, vocab_size=VOCAB, lowercase=True, where="corpus.x.vocab_size")


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces(make())


def test_specials_have_the_ids_that_everybody_relies_on(pieces: WordPieces) -> None:
    assert [pieces.tokenizer.token_to_id(piece) for piece in SPECIALS] == [0, 1, 2, 3, 4]


@given(st.text())
def test_raw_text_and_words_give_the_same_ids(pieces: WordPieces, text: str) -> None:
    assume(not any(piece in normalize(text) for piece in SPECIALS))  # raw, they are themselves
    splitter = WordSplitter("en")
    by_word = [i for word in splitter.words(normalize(text)) for i in pieces.ids(word)]
    raw = pieces.tokenizer.encode(normalize(text))
    assert raw.ids == [CLS, *by_word, SEP]


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Zs", "Cc", "Zl", "Zp"]), min_size=1)
)
def test_byte_lengths_sum_to_the_bytes_of_the_word(pieces: WordPieces, word: str) -> None:
    words = WordSplitter("en").words(normalize(word))
    for one in words:
        normal = pieces.normalize(one)
        assert sum(pieces.byte_lengths[i] for i in pieces.ids(one)) == len(normal.encode()) + 1


def test_specials_have_no_bytes(pieces: WordPieces) -> None:
    assert pieces.byte_lengths[: len(SPECIALS)].tolist() == [0] * len(SPECIALS)
    assert len(pieces.byte_lengths) == pieces.vocab_size == VOCAB


def test_a_word_has_the_same_pieces_wherever_it_stands(pieces: WordPieces) -> None:
    assert pieces.ids("crack") == pieces.ids("CRACK")
    assert pieces.tokenizer.encode("(crack", add_special_tokens=False).ids == [
        *pieces.ids("("),
        *pieces.ids("crack"),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_words_together_have_the_pieces_of_each_alone(pieces: WordPieces, words: list[str]) -> None:
    alone = [pieces.tokenizer.encode(word, add_special_tokens=False).ids for word in words]
    fresh = WordPieces(pieces.tokenizer)
    assert fresh.ids_of(words) == [tuple(ids) or (UNK,) for ids in alone]
    assert [fresh.ids(word) for word in words] == fresh.ids_of(words)


def test_the_memory_of_words_has_a_bound(
    pieces: WordPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenizer, "CACHED_WORDS", 4)
    fresh, words = WordPieces(pieces.tokenizer), [f"w{number}" for number in range(20)]
    assert [fresh.ids(word) for word in words] == pieces.ids_of(words)
    assert len(fresh._known) <= 4
    assert fresh.ids_of(words) == pieces.ids_of(words)  # more in one call than are kept
    assert fresh.ids_of(words[:2]) == pieces.ids_of(words[:2])
    assert len(fresh._known) <= 20


def test_a_word_of_nothing_is_unknown(pieces: WordPieces) -> None:
    assert pieces.ids(" ") == (UNK,)


def test_casing_can_be_kept() -> None:
    cased = WordPieces(tokenizer.train(TEXT, vocab_size=VOCAB, lowercase=False, where="x"))
    assert cased.ids("crack") != cased.ids("CRACK")
    assert cased.normalize("Crack") == "Crack"


def test_more_pieces_than_the_corpus_supports() -> None:
    with pytest.raises(
        DataError, match=r"corpus.x.vocab_size: .* 5,000 .* largest possible is \d+"
    ):
        tokenizer.train(TEXT, vocab_size=5000, lowercase=True, where="corpus.x.vocab_size")
    with pytest.raises(DataError) as caught:
        tokenizer.train(TEXT, vocab_size=5000, lowercase=True, where="x")
    largest = int(caught.value.mend.split("largest possible is ")[1].split(";")[0].replace(",", ""))
    made = tokenizer.train(TEXT, vocab_size=largest, lowercase=True, where="x")
    assert made.get_vocab_size() == largest


def test_training_is_the_same_in_every_process(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, random\n"
        "from polyseme.data import tokenizer\n"
        "random.seed(0)\n"
        "draw = random.choices\n"
        "words = [''.join(draw('abcdefgh', k=random.randint(2, 7))) for _ in range(4000)]\n"
        "text = [' '.join(draw(words, k=20)) for _ in range(2000)]\n"
        "made = tokenizer.train(text, vocab_size=900, lowercase=True, where='x')\n"
        "sys.stdout.write(made.to_str())\n"
    )
    found = set()
    for threads in ("1", "2", "4"):
        env = os.environ | {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "true"}
        command = [sys.executable, str(script)]
        found.add(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
    assert len(found) == 1


def test_only_own_tokenizers_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    made = make()
    made.save(str(path))
    assert WordPieces.load(path).ids("crack") == WordPieces(made).ids("crack")
    path.write_text(path.read_text().replace("[MASK]", "[MUSK]"))
    with pytest.raises(DataError, match="first pieces"):
        WordPieces.load(path)
    path.write_text("{}")
    with pytest.raises(DataError, match="no tokenizer"):
        WordPieces.load(path)

"""The one subword tokenizer of a corpus: byte-level BPE (Sennrich et al. 2016; bytes: GPT-2).

Departures from GPT-2: words come from `polyseme.data.words`, every word carries its own leading
space (so a word has the same pieces wherever it stands), normalisation is part of tokenizer.json.
Training sees a size-capped sample of the train split; it is deterministic, since merges depend on
counts and ties are broken by piece ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from polyseme.data import words
from polyseme.errors import DataError

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIALS))
SMALLEST_VOCABULARY = len(SPECIALS) + 256
SPACE = "Ġ"
"""The byte of a space in the byte alphabet; every word carries one before it."""
MIN_PAIR_COUNT = 2
CACHED_WORDS = 2**18
WORDS_AT_ONCE = 1_000


def train(sentences: Iterable[str], *, vocab_size: int, lowercase: bool, where: str) -> Tokenizer:
    """Learn a tokenizer.

    Args:
        sentences: text of the sample, for example words joined by spaces.
        vocab_size: pieces, specials and the 256 bytes included.
        where: conf key of the vocabulary size, for the message.

    Raises:
        DataError: the sample does not support so many pieces; says how many it does.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = words.normalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words.word_splitter(), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_PAIR_COUNT,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    if (largest := tokenizer.get_vocab_size()) < vocab_size:
        raise DataError(
            f"a vocabulary of {vocab_size:,} pieces is larger than the corpus supports",
            where=where,
            mend=f"the largest possible is {largest:,}; lower it or add text",
        )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


class WordPieces:
    """Words to the ids of their pieces.

    Args:
        tokenizer: as made by `train`.

    Attributes:
        vocab_size: V, specials included.
        byte_lengths: int64 array of V: UTF-8 bytes that each piece stands for, the leading space
            of a word included; 0 for specials.
        first_pieces: ids of the pieces that begin a word, ascending.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.vocab_size = tokenizer.get_vocab_size()
        self.byte_lengths: npt.NDArray[np.int64] = np.zeros(self.vocab_size, dtype=np.int64)
        vocabulary = tokenizer.get_vocab()
        for piece, index in vocabulary.items():
            if piece not in SPECIALS:  # in the byte alphabet a character is a byte
                self.byte_lengths[index] = len(piece)
        self.first_pieces = np.array(sorted(i for p, i in vocabulary.items() if p[0] == SPACE))
        self._known: dict[str, tuple[int, ...]] = {}
        self.normalize = lru_cache(CACHED_WORDS)(self._normalize)

    def __reduce__(self) -> tuple[type[WordPieces], tuple[Tokenizer]]:
        """Other processes get the tokenizer, and begin with empty caches."""
        return WordPieces, (self.tokenizer,)

    @classmethod
    def load(cls, path: Path) -> WordPieces:
        """Read tokenizer.json.

        Raises:
            DataError: no tokenizer, or one whose special pieces are not those of polyseme.
        """
        mend = "prepare the corpus again"
        try:
            found = _of(path.read_text("utf-8"))
        except Exception as error:  # tokenizers raises nothing narrower
            raise DataError(f"no tokenizer ({error})", where=path, mend=mend) from None
        if tuple(map(found.tokenizer.id_to_token, range(len(SPECIALS)))) != SPECIALS:
            wanted = " ".join(SPECIALS)
            raise DataError(f"the first pieces are not {wanted}", where=path, mend=mend)
        return found

    def ids(self, word: str) -> tuple[int, ...]:
        """Ids of one word; a word that normalises to nothing is [UNK], so alignment holds."""
        found = self._known.get(word)
        return self.ids_of([word])[0] if found is None else found

    def ids_of(self, words_N: Sequence[str]) -> list[tuple[int, ...]]:
        """Ids of each word; those of so many words are remembered."""
        known = self._known
        if missing := list({word: None for word in words_N if word not in known}):
            if len(known) + len(missing) > CACHED_WORDS:
                known = self._known = {}  # a new one: other threads may read the old one
                missing = list(dict.fromkeys(words_N))
            for first in range(0, len(missing), WORDS_AT_ONCE):
                some = missing[first : first + WORDS_AT_ONCE]
                known.update(zip(some, self._encoded(some), strict=True))
        return [known[word] for word in words_N]

    def _encoded(self, words: list[str]) -> list[tuple[int, ...]]:
        """Ids of some words, in one call: the library's overhead is that of three words."""
        found = self.tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)
        ids: list[list[int]] = [[] for _ in words]
        for piece, place in zip(found.ids, found.word_ids, strict=True):
            ids[place or 0].append(piece)  # only special pieces have no place, and there are none
        return [tuple(one) or (UNK,) for one in ids]

    def _normalize(self, word: str) -> str:
        """The form of the word that vocabulary.parquet lists."""
        return str(self.tokenizer.normalizer.normalize_str(word))


@lru_cache(4)
def _of(text: str) -> WordPieces:
    """One tokenizer for equal files: evaluation loads a model hundreds of times."""
    return WordPieces(Tokenizer.from_str(text))

"""Opened representations and their indexes: everything that questions are answered from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Lock

from torch import Tensor
from tqdm import tqdm

from polyseme import items
from polyseme.data.tokenizer import WordPieces
from polyseme.explore import filling
from polyseme.explore import index as indexes
from polyseme.explore import sample as sampling
from polyseme.explore.filling import Filled
from polyseme.explore.index import Index
from polyseme.explore.nearest import Vocabulary
from polyseme.explore.project import Project
from polyseme.explore.sample import Sample
from polyseme.explore.text import Gapped, Reader
from polyseme.models.base import TOKENIZER, Representation, read_card
from polyseme.models.common.vocabulary import frequent
from polyseme.runtime import manifest
from polyseme.runtime.settings import Runtime
from polyseme.training.determinism import make_deterministic

NUM_THREADS = 1
"""Sentences are short and networks small: a second thread costs more than it brings."""


class Lens:
    """One representation, and what its neighbours are sought among.

    Attributes:
        vocabulary: of a static representation.
        index: of a contextual one.
    """

    def __init__(
        self,
        name: str,
        representation: Representation,
        vocabulary: Vocabulary | None,
        index: Index | None,
    ) -> None:
        self.name, self.representation = name, representation
        self.vocabulary, self.index = vocabulary, index
        self._lock = Lock()

    def encode(self, words: Sequence[str]) -> Tensor:
        """Vectors h_LTD of one sentence; threads take turns."""
        with self._lock:
            return self.representation.encode([words])[0]

    def fill(self, gapped: Gapped, num_words: int) -> Filled:
        """Most probable words of a gap; threads take turns.

        Raises:
            PolysemeError: the representation is no language model that fills gaps.
        """
        with self._lock:
            return filling.fill(self.representation, gapped, num_words)


class Explorer:
    """The representations of a project.

    Args:
        progress: show a bar while indexes are made.
    """

    def __init__(self, project: Project, *, progress: bool) -> None:
        make_deterministic(Runtime(num_threads=NUM_THREADS))
        self.project, self.progress = project, progress
        self.reader = Reader(project.language)
        self.pieces = WordPieces.load(project.corpus_folder / TOKENIZER)

    def type_of(self, word: str) -> str:
        """The word as the corpus has it."""
        return self.pieces.normalize(word)

    @cached_property
    def corpus_digest(self) -> str:
        """Hash of the corpus's files, as its manifest lists them."""
        return manifest.digest(self.project.corpus_folder)

    @cached_property
    def sample(self) -> Sample:
        """Occurrences of the corpus."""
        return sampling.draw(self.project.corpus_folder)

    def open(self, name: str) -> Lens:
        """One representation with its vocabulary or its index."""
        representation = self.project.open(name)
        if representation.family == "static":
            known = frequent(self.project.corpus_folder, 1)
            return Lens(name, representation, Vocabulary(representation, known), None)
        return Lens(name, representation, None, self._index(name, representation))

    def _index(self, name: str, representation: Representation) -> Index:
        card = read_card(self.project.folder(name))
        module = items.load(card["group"], card["module"])
        key = indexes.key(self.project.digest(name), self.corpus_digest, module)
        folder = indexes.FOLDER / self.project.experiment / self.project.corpus / name
        sample = indexes.fitting(self.sample, representation)
        found = indexes.read(folder, key, sample)
        if found is None:
            found = self._made(name, representation, sample)
            indexes.write(folder, key, found)
        return found

    def _made(self, name: str, representation: Representation, sample: Sample) -> Index:
        size = len(sample.sentences)
        off = not self.progress
        with tqdm(total=size, desc=f"index of {name}", unit="sentence", disable=off) as bar:
            return indexes.build(representation, sample, bar.update)

    def open_all(self, told: Callable[[str], object] = lambda line: None) -> dict[str, Lens]:
        """All representations, by name.

        Args:
            told: is given a line about names that are not trained yet.
        """
        if self.project.missing:
            told(f"not trained yet: {', '.join(self.project.missing)} (run `make repro`)")
        return {name: self.open(name) for name in self.project.names}

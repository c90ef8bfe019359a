"""Words with several senses, as the intrinsic stage describes them for every representation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from polyseme.errors import DataError

FAMILY = "occurrences"
"""Family of the tasks that have such a description."""
MEND = "run `dvc repro` again"

T = TypeVar("T")
Scored = tuple[str, FiniteFloat]


@dataclass_transform(frozen_default=True)
def _shape(cls: type[T]) -> type[T]:
    """A frozen dataclass that is checked when it is read; keys that it does not know pass."""
    made: type[T] = pydantic_dataclass(frozen=True, config=ConfigDict(strict=True))(cls)  # type: ignore[assignment]
    return made


@_shape
class Occurrence:
    """A sentence, the position of the word in it (in words), and which sense it has there."""

    text: str
    position: Annotated[int, Field(ge=0)]
    sense: str

    def __post_init__(self) -> None:
        if self.position >= len(self.text.split()):
            raise ValueError(f"position {self.position} lies behind the text")

    @property
    def marked(self) -> str:
        """The sentence with the word in brackets."""
        words = self.text.split()
        words[self.position] = f"[{words[self.position]}]"
        return " ".join(words)


@_shape
class Context(Occurrence):
    """An occurrence with the nearest word types of its vector in each layer, and cosines."""

    neighbors: Mapping[str, tuple[Scored, ...]]


@_shape
class Layer:
    """One layer's vectors of all occurrences of a word.

    Attributes:
        points: first two principal components of each.
        explained: share of the variance that these two hold.
        separation: how often the nearest other occurrence has the same sense, in full vectors.
    """

    layer: str
    points: tuple[tuple[FiniteFloat, FiniteFloat], ...]
    explained: FiniteFloat
    separation: FiniteFloat


@_shape
class Word:
    """A word in one representation, which is static where it has one layer."""

    occurrences: Annotated[tuple[Occurrence, ...], Field(min_length=1)]
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]
    contexts: tuple[Context, ...]

    def __post_init__(self) -> None:
        for layer in self.layers:
            if len(layer.points) != len(self.occurrences):
                raise ValueError(f"layer {layer.layer} has not one point for each occurrence")

    @property
    def senses(self) -> list[str]:
        """In order of appearance."""
        return list(dict.fromkeys(occurrence.sense for occurrence in self.occurrences))

    @property
    def majority(self) -> float:
        """Share of the most frequent sense."""
        counts = Counter(occurrence.sense for occurrence in self.occurrences)
        return max(counts.values()) / len(self.occurrences)

    @property
    def best(self) -> Layer:
        """The layer that separates the senses best, the lowest of equal ones."""
        return max(self.layers, key=lambda layer: layer.separation)


@_shape
class Gap:
    """A sentence with a gap, and its most probable words with their probabilities."""

    text: str
    fillings: tuple[Scored, ...]


@_shape
class Polysemy:
    """What one representation makes of words with several senses."""

    words: Annotated[dict[str, Word], Field(min_length=1)]
    gaps: tuple[Gap, ...]

    @property
    def is_static(self) -> bool:
        """Whether every word has one vector for all its contexts."""
        return all(len(word.layers) == 1 for word in self.words.values())


def read(path: Path) -> Polysemy:
    """One description.

    Raises:
        DataError: it is not JSON, or not of this form.
    """
    try:
        return TypeAdapter(Polysemy).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"is malformed: {place + ': ' if place else ''}{first['msg']}"
        raise DataError(what, where=path, mend=MEND) from None


def gather(files: Mapping[str, Sequence[Path]], order: Sequence[str]) -> dict[str, Polysemy]:
    """The descriptions of each system, those of several tasks put together.

    Args:
        files: system -> its descriptions; none means that the system is left out.
        order: words in the order of the report; words beyond it follow.

    Raises:
        DataError: one is malformed, or two systems describe different occurrences.
    """
    found: dict[str, Polysemy] = {}
    for system, parts in files.items():
        if not parts:
            continue
        read_parts = [read(path) for path in parts]
        words = {name: word for part in read_parts for name, word in part.words.items()}
        names = [name for name in order if name in words]
        words = {name: words[name] for name in dict.fromkeys([*names, *words])}
        found[system] = Polysemy(words, tuple(gap for part in read_parts for gap in part.gaps))
        first = next(iter(found))
        if _described(found[system]) != _described(found[first]):
            what = f"describes other occurrences than {first} does"
            raise DataError(what, where=parts[0], mend=MEND)
    return found


def _described(found: Polysemy) -> dict[str, tuple[list[tuple[str, int, str]], ...]]:
    return {
        name: tuple(
            [(o.text, o.position, o.sense) for o in part]
            for part in (word.occurrences, word.contexts)
        )
        for name, word in found.words.items()
    }

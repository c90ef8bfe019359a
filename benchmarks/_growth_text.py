"""Stages of `growth` that make a corpus: `polyseme.data.preparation`, one step a process.

`draw` is the controlled language's own way into a corpus. Text from elsewhere takes another:
`clean` reads the same documents as JSON Lines, splits sentences and words, seeks duplicates and
keeps what is left. A stage gives the work, with its imports and small files behind it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SPLITS, TEXT = "splits.json", "text.jsonl"
SHORTEST = {"min_paragraph_words": 1, "min_document_words": 1}
Work = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """Where the stages of one size lie.

    Attributes:
        words: the size.
        folder: of all stages of this size.
        out: what this stage makes; moved to `of(stage)` when it is whole.
        work: for what is not kept.
    """

    words: int
    folder: Path
    out: Path
    work: Path

    def of(self, stage: str) -> Path:
        """What another stage has made."""
        return self.folder / stage

    def take(self, stage: str) -> None:
        """Begin with the files of another stage, without copying them."""
        for path in sorted(self.of(stage).rglob("*")):
            target = self.out / path.relative_to(self.of(stage))
            if path.is_dir():
                target.mkdir()
            else:
                os.link(path, target)


def _preparation(place: Place, name: str, source: Path | None = None, **changes: Any) -> Any:
    from omegaconf import OmegaConf

    from polyseme.data import corpus
    from polyseme.data.preparation import Preparation

    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / f"conf/corpus/{name}.yaml"))
    source = source or ROOT / values["source"]
    options, reader_options = corpus.check(values | changes, file="benchmark", key="corpus")
    return Preparation(
        options=options,
        reader_options=reader_options,
        name=name,
        source=source,
        files=corpus.source_files(source, options.pattern),
        work=place.work,
        result=place.out,
        progress=False,
    )


def _controlled(place: Place) -> Any:
    from omegaconf import OmegaConf

    read = OmegaConf.load(ROOT / "conf/corpus/controlled.yaml").reader_options
    reader_options = OmegaConf.to_container(read) | {"num_words": place.words}  # type: ignore[operator]
    return _preparation(place, "controlled", reader_options=reader_options)


def draw(place: Place) -> Work:
    """Documents, their truth and the vocabulary."""
    from polyseme.corpora import controlled
    from polyseme.corpora.base import Finishing
    from polyseme.data import documents
    from polyseme.data.parallel import HERE

    made = _controlled(place)
    how = Finishing(
        name="growth",
        result=place.out,
        num_workers=1,
        progress=False,
        valid_fraction=made.options.valid_fraction,
        test_fraction=made.options.test_fraction,
    )

    def work() -> dict[str, Any]:
        drawn = controlled.finished(made.reader_options, made.source, how)
        splits = made.select(map(documents.Packed.of, drawn), HERE)
        return _keep_splits(place, splits)

    return work


def _keep_splits(place: Place, splits: dict[str, dict[str, int]]) -> dict[str, Any]:
    (place.out / SPLITS).write_text(json.dumps(splits))
    documents, words = (sum(s[key] for s in splits.values()) for key in ("documents", "words"))
    return {"documents": documents, "drawn_words": words, "types": splits["train"]["types"]}


def text(place: Place) -> Work:
    """The drawn documents as JSON Lines; no stage of polyseme, and not in the table."""
    from polyseme.data import documents

    def work() -> dict[str, Any]:
        with (place.out / TEXT).open("w", encoding="utf-8") as file:
            for document in documents.read(place.of("draw") / documents.FILE):
                lines = "\n".join(map(" ".join, document.sentences))
                file.write(json.dumps({"text": lines}) + "\n")
        return {"input_bytes": (place.out / TEXT).stat().st_size}

    return work


def clean(place: Place) -> Work:
    """Sentences and words of raw text; duplicates are sought and dropped, words counted."""
    from polyseme.data.parallel import HERE

    changes = {"reader": "jsonl", "pattern": "*.jsonl", "reader_options": {}, **SHORTEST}
    made = _preparation(place, "wiki", place.of("text"), **changes)

    def work() -> dict[str, Any]:
        marks = [time.process_time()]
        tally = made.clean(HERE)
        marks.append(time.process_time())
        kept = made.keep(tally)
        marks.append(time.process_time())
        found = _keep_splits(place, made.select(made.kept(kept), HERE))
        marks.append(time.process_time())
        parts = zip(("clean", "duplicates", "select"), marks, marks[1:], strict=False)
        seconds = {f"{name}_seconds": round(b - a, 3) for name, a, b in parts}
        return found | {"read": tally.read, "near_duplicates": tally.near} | seconds

    return work


def tokenizer(place: Place) -> Work:
    """The subword tokenizer, from at most 100 MB of the train split."""
    place.take("draw")
    made = _controlled(place)
    splits = json.loads((place.out / SPLITS).read_text())

    def work() -> dict[str, Any]:
        made.learn(made.sample(splits["train"]["bytes"]))
        return {"train_bytes": splits["train"]["bytes"]}

    return work


def tokens(place: Place) -> Work:
    """The memory-mapped token store, and the data card."""
    from polyseme.data.card import Tally, card
    from polyseme.data.parallel import HERE
    from polyseme.data.tokenizer import WordPieces

    place.take("tokenizer")
    made = _controlled(place)
    splits = json.loads((place.out / SPLITS).read_text())
    pieces = WordPieces.load(place.out / "tokenizer.json")

    def work() -> dict[str, Any]:
        made.tokens(splits, HERE)
        tally = Tally(read=sum(s["documents"] for s in splits.values()))
        facts = card(
            name="controlled",
            options=made.options,
            source=made.source,
            files=made.files,
            tally=tally,
            splits=splits,
            pieces=pieces,
        )
        (place.out / "card.json").write_text(json.dumps(facts, sort_keys=True, indent=1) + "\n")
        return {"tokens": facts["total"]["tokens"]}

    return work

"""Read back what W&B wrote to disk: the one module that knows its internal format.

A `.wandb` file is a header of 7 bytes and a log in LevelDB's format: blocks of 32 KiB; in them
records of checksum (4 bytes), length (2), kind (1: whole, 2: first part, 3: middle, 4: last) and
content, a protobuf message `Record`. The checksum is CRC-32 of kind and content. This is no public
interface of W&B: written against 0.31.0, and tested with what is installed. wandb has had a reader
of its own in Python (`wandb.sdk.internal.datastore`) and has dropped it.

A file that ends within a record was cut by a kill: what stands before is read, `whole` is False.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyseme.errors import DataError, IntegrityError

HEADER = b":W&B\xe1\xbe\x00"
BLOCK_BYTES = 32 * 1024
HEAD_BYTES = 7
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class Recorded:
    """What one W&B run will upload.

    Attributes:
        rows: history by step; names that W&B adds (`_...`) are left out.
        summary: nested as W&B shows it.
        exit_code: None while there is none: the run still writes, or its mirror was killed.
        whole: the file ends with a whole record.
    """

    run_id: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    exit_code: int | None = None
    whole: bool = True


def read(path: Path) -> Recorded:
    """Everything that a `.wandb` file holds.

    Raises:
        DataError: it is not in the format that this module knows.
        IntegrityError: a record differs from its checksum.
    """
    found = Recorded()
    for record in _messages(path, found):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found.run_id = record.run.run_id
            _put_all(found.config, record.run.config.update)
        elif kind == "history":
            _put_all(found.rows.setdefault(record.history.step.num, {}), record.history.item)
        elif kind == "summary":
            _put_all(found.summary, record.summary.update)
        elif kind == "artifact":
            found.artifacts[record.artifact.name] = json.loads(record.artifact.metadata or "{}")
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def _put_all(nested: dict[str, Any], items: Iterable[Any]) -> None:
    """Values by name; a name within a name is a path of keys."""
    for item in items:
        *outer, last = item.nested_key or [item.key]
        if (outer or [last])[0].startswith("_"):
            continue
        target = nested
        for key in outer:
            if not isinstance(target.get(key), dict):
                target[key] = {}
            target = target[key]
        target[last] = json.loads(item.value_json)


def _messages(path: Path, found: Recorded) -> Iterator[Any]:
    try:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]
    except ImportError as error:
        raise DataError(
            f"cannot be read with the wandb that is installed ({error})",
            where=path,
            mend="install the wandb of requirements.lock",
        ) from error
    for content in _contents(path, found):
        try:
            yield Record.FromString(content)
        except DecodeError as error:
            raise _unknown(path) from error


def _contents(path: Path, found: Recorded) -> Iterator[bytes]:
    """Contents of the records, put together from their parts."""
    data = path.read_bytes()
    if not data.startswith(HEADER[: len(data)]):
        raise _unknown(path)
    found.whole = len(data) >= len(HEADER)
    parts = b""
    for kind, content in _parts(path, data, found):
        parts = content if kind in (WHOLE, FIRST) else parts + content
        if kind in (WHOLE, LAST):
            yield parts
            parts = b""
    found.whole = found.whole and not parts


def _parts(path: Path, data: bytes, found: Recorded) -> Iterator[tuple[int, bytes]]:
    position = len(HEADER)
    while position < len(data):
        left = BLOCK_BYTES - position % BLOCK_BYTES
        if left < HEAD_BYTES:  # too little for another record: the block is padded
            position += left
            continue
        size = int.from_bytes(data[position + 4 : position + 6], "little")
        start, end = position + HEAD_BYTES, position + HEAD_BYTES + size
        if end > len(data):
            found.whole = False
            return
        kind = data[position + 6]
        if kind not in (WHOLE, FIRST, MIDDLE, LAST):
            raise _unknown(path)
        checksum = int.from_bytes(data[position : position + 4], "little")
        if checksum != zlib.crc32(data[position + 6 : end]):
            raise IntegrityError(
                f"the record at byte {position} differs from its checksum",
                where=path,
                mend="mirror the history again: python -m polyseme.tracking.mirror",
            )
        yield kind, data[start:end]
        position = end


def _unknown(path: Path) -> DataError:
    return DataError(
        "is not in the format of wandb 0.31",
        where=path,
        mend="check with the wandb of requirements.lock; local history is complete all the same",
    )

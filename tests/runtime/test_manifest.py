"""Manifests: any byte that is not as promised is found and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyseme.errors import IntegrityError
from polyseme.runtime import manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "deep" / "two.bin").write_bytes(bytes(1000))
    manifest.write(tmp_path, stage="corpus@toy", inputs={"a": "b"})
    return tmp_path


def test_an_untouched_folder_passes_and_its_digest_is_stable(folder: Path) -> None:
    digest = manifest.verify(folder)
    assert digest == manifest.digest(folder)
    assert digest == manifest.write(folder, stage="another", inputs={})


def test_a_flipped_byte_is_named(folder: Path) -> None:
    (folder / "deep" / "two.bin").write_bytes(bytes(999) + b"\1")
    with pytest.raises(IntegrityError, match=r"deep/two\.bin: differs from its manifest"):
        manifest.verify(folder)


def test_a_truncated_file_is_named(folder: Path) -> None:
    (folder / "one.txt").write_text("on")
    with pytest.raises(IntegrityError, match=r"one\.txt: differs"):
        manifest.verify(folder)


def test_a_missing_and_a_surplus_file_are_named(folder: Path) -> None:
    (folder / "three.txt").write_text("3")
    with pytest.raises(IntegrityError, match=r"three\.txt: is not in the manifest"):
        manifest.verify(folder)
    (folder / "one.txt").unlink()
    with pytest.raises(IntegrityError, match=r"one\.txt: is missing"):
        manifest.verify(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}'])
def test_a_damaged_manifest_is_named(folder: Path, content: str) -> None:
    (folder / manifest.NAME).write_text(content)
    with pytest.raises(IntegrityError, match=r"sha256\.json"):
        manifest.verify(folder)


def test_a_folder_without_manifest_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="has no manifest"):
        manifest.verify(tmp_path)

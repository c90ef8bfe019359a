"""What is written appears whole, and an earlier one stays where that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyseme.runtime import whole


def test_a_file_takes_the_place_of_another_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text in ("first", "zweites: ä"):
        whole.write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    whole.write_text(path, "first")

    def torn(self: Path, text: str, encoding: str) -> None:
        self.write_bytes(text.encode(encoding)[:2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(OSError, match="disk full"):
        whole.write_text(path, "second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for name in ("one", "two"):
        made = whole.beside(path)
        made.mkdir()
        (made / name).touch()
        whole.put(made, path)
        assert [each.name for each in path.iterdir()] == [name]
    assert list(tmp_path.iterdir()) == [path]

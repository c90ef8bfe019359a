from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from polyseme.config import build
from polyseme.data import fetch
from polyseme.data.dataset import Dataset
from polyseme.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf" / "dataset"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))


def values(**changes: Any) -> dict[str, Any]:
    file = {"name": "a.txt", "size": 1, "sha256": "0" * 64}
    common = {"title": "t", "licence": "l", "redistributable": "yes", "citation": "c"}
    return {**common, "files": [file | changes.pop("file", {})], **changes}


def check(given: dict[str, Any]) -> Dataset:
    return build(Dataset, given, file="conf/dataset/x.yaml", key="dataset.x")


def test_a_data_set_needs_no_more_than_its_files_and_terms() -> None:
    assert check(values()).files[0].url is None


@pytest.mark.parametrize(
    "bad",
    [
        values(file={"name": "../x"}),
        values(file={"name": "/etc/passwd"}),
        values(file={"sha256": "ABC"}),
        values(file={"size": -1}),
        values(file={"url": "ftp://host/a.txt"}),
        values(file={"url": "s3://key:secret@bucket/a.txt"}),
        values(base_url="https://host/folder?token=secret"),
        values(mirror="../elsewhere"),
        values(splits={"train": "missing.txt"}),
        values(files=[]),
        values(package="os"),
        values() | {"files": values()["files"] * 2},
    ],
)
def test_bad_values_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"conf/dataset/x.yaml"):
        check(bad)


@pytest.mark.parametrize("name", NAMES)
def test_conf_files_are_packaged_by_their_name_and_valid(name: str) -> None:
    path = CONF / f"{name}.yaml"
    assert path.read_text().startswith(f"# @package dataset.{name}\n")
    build(Dataset, OmegaConf.to_container(OmegaConf.load(path)), file=str(path))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["gensim_enwiki", "wordsim353", "simlex999", "google_analogies"])
def test_default_data_sets_need_no_network(name: str, tmp_path: Path) -> None:
    _fetch(name, tmp_path, None)


@pytest.mark.mirror
@pytest.mark.parametrize("name", NAMES)
def test_every_data_set_from_the_mirror(name: str, tmp_path: Path) -> None:
    if "POLYSEME_MIRROR" not in os.environ:
        pytest.skip(f"POLYSEME_MIRROR is not set: needs {name}")
    _fetch(name, tmp_path, fetch.mirror_folder())


def _fetch(name: str, folder: Path, mirror: Path | None) -> None:
    raw = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    dataset = build(Dataset, raw, file=name)  # type: ignore[arg-type]
    out, downloads = folder / "out", folder / "downloads"
    fetch.fetch(dataset, name, out=out, downloads=downloads, mirror=mirror, progress=False)
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    archives, kept = (
        {file.name for file in dataset.files if file.archive == packed} for packed in (True, False)
    )
    assert kept <= found and not archives & found
    assert (found - kept != set()) == bool(archives)
    assert set(dataset.splits.values()) <= found

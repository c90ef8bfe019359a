"""Exported folders, loaded by transformers and gensim in a process without polyseme."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from gensim.models import KeyedVectors

from polyseme import cli, paths, results
from polyseme.data.tokenizer import PAD, WordPieces
from polyseme.errors import PolysemeError
from polyseme.exporting.export import export
from polyseme.models import base, bert
from polyseme.models.base import Representation
from polyseme.models.common import artifact
from polyseme.models.common.table import Table, write_words
from polyseme.runtime import manifest

pytest.importorskip("transformers")

TOLERANCE = 1e-5
LOAD = """
import json, sys
import numpy as np, torch, transformers
folder, auto, out = sys.argv[1:]
model = getattr(transformers, auto).from_pretrained(folder).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
rows = np.load(f"{out}/rows.npz")
ids, attend = torch.from_numpy(rows["ids"]), torch.from_numpy(rows["attend"])
with torch.no_grad():
    np.save(f"{out}/outputs.npy", model(input_ids=ids, attention_mask=attend)[0].numpy())
sentences = json.load(open(f"{out}/sentences.json"))
special = [tokenizer.mask_token, tokenizer.pad_token_id, tokenizer.model_max_length]
found = {"ids": [tokenizer(text)["input_ids"] for text in sentences], "special": special}
json.dump(found, open(f"{out}/ids.json", "w"))
assert "polyseme" not in sys.modules
"""


def _bert(pieces: WordPieces, **more: Any) -> bert.Model:
    sizes = {"dim": 32, "num_layers": 2, "num_heads": 4, "dim_ff": 48}
    options = bert.Config(**sizes, **more, max_length=24, sequence_length=16)
    model = bert.Model(options, pieces)
    model.reset(7)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return model.eval()


def _table(pieces: WordPieces) -> Table:
    table = Table(["the", "crack", "naïve", "東京"], 5, pieces, "zero")
    table.reset(1)
    return table


@pytest.fixture
def kept(in_tmp: Path, pieces: WordPieces) -> Callable[[str, Representation], Path]:
    """Write an artifact as its stage does."""

    def keep(name: str, model: Representation) -> Path:
        folder = paths.model("demo", "toy", name)
        folder.mkdir(parents=True)
        options = model.options.__dict__ if isinstance(model, bert.Model) else {"dim": 5}
        group, module = ("lm", "bert") if isinstance(model, bert.Model) else ("static", "random")
        card = artifact.card(
            group, name, options, model, corpus="toy", words_seen=123_456, module=module
        )
        base.save(model, folder, card | {"seed": 7})
        pieces.tokenizer.save(str(folder / base.TOKENIZER))
        if isinstance(model, Table):
            write_words(folder, model.words)
        rows = artifact.rows(card, {"valid": {"bits_per_byte": 1.25, "num_tokens": 10.0}})
        results.write(folder / "results.parquet", rows)
        corpus = paths.corpus("demo", "toy")
        corpus.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"licence": "CC BY-SA 4.0", "language": "en"})
        (corpus / "card.json").write_text(text)
        inputs = {corpus.as_posix(): "c0ffee"}
        manifest.write(folder, stage=f"pretrain@toy-{name}", inputs=inputs)
        return folder

    return keep


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[Path, str, dict[str, np.ndarray], list[str]], Path]:
    """Load an exported folder in a process of its own; gives the folder of what it found."""

    def load(folder: Path, auto: str, rows: dict[str, np.ndarray], sentences: list[str]) -> Path:
        out = tmp_path / "elsewhere"
        out.mkdir()
        np.savez(out / "rows.npz", **rows)
        (out / "sentences.json").write_text(json.dumps(sentences))
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-I", "-c", LOAD, str(folder.resolve()), auto, str(out)],
            env=environment | {"HF_HUB_OFFLINE": "1"},
            cwd=out,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return out

    return load


def test_bert_is_a_masked_lm_of_transformers(
    kept: Callable[[str, Representation], Path],
    elsewhere: Callable[..., Path],
    pieces: WordPieces,
    toy_sentences: list[list[str]],
) -> None:
    model = _bert(pieces)
    kept("bert", model)
    names = export("demo", "toy", "bert", Path("out/exported"))
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= set(names)
    expected = [[2, *[i for w in s for i in pieces.ids(w)], 3][:24] for s in toy_sentences]
    length = max(map(len, expected))
    ids_BS = torch.tensor([row + [PAD] * (length - len(row)) for row in expected])
    attend_BS = ids_BS != PAD
    rows = {"ids": ids_BS.numpy(), "attend": attend_BS.long().numpy()}
    sentences = [" ".join(sentence) for sentence in toy_sentences]
    out = elsewhere(Path("out/exported"), "AutoModelForMaskedLM", rows, sentences)
    with torch.no_grad():
        ours = model.logits(model.hidden_states(ids_BS, attend_BS)[-1])
    theirs = torch.from_numpy(np.load(out / "outputs.npy"))
    assert ours[attend_BS].std() > 0.1
    assert (ours - theirs)[attend_BS].abs().max() <= TOLERANCE
    found = json.loads((out / "ids.json").read_text())
    assert [row[:24] for row in found["ids"]] == expected
    assert found["special"] == ["[MASK]", PAD, 24]


def test_automodel_gives_the_hidden_states(
    kept: Callable[[str, Representation], Path], elsewhere: Callable[..., Path], pieces: WordPieces
) -> None:
    model = _bert(pieces)
    kept("bert", model)
    export("demo", "toy", "bert", Path("exported"))
    ids_BS = torch.arange(5, 35).view(2, 15)
    rows = {"ids": ids_BS.numpy(), "attend": torch.ones_like(ids_BS).numpy()}
    out = elsewhere(Path("exported"), "AutoModel", rows, [])
    with torch.no_grad():
        ours = model.hidden_states(ids_BS, None)[-1]
    assert np.abs(ours.numpy() - np.load(out / "outputs.npy")).max() <= TOLERANCE


def test_large_logits_are_compared_by_share_and_exactly_in_float64(
    kept: Callable[[str, Representation], Path], pieces: WordPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _bert(pieces, positions="rotary")
    with torch.no_grad():
        model.encoder.tokens.weight.mul_(30)  # logits are products with it
    kept("bert", model)
    export("demo", "toy", "bert", Path("out"))
    found = re.search(
        r"within (\S+) where the largest is (\S+) ", Path("out/README.md").read_text()
    )
    assert found and float(found[2]) > 10
    assert float(found[1]) <= TOLERANCE * float(found[2])
    good = bert.exported
    for fault, what in ((1e-4, "float32"), (4e-6, "only in float64")):

        def wrong(model: bert.Model, fault: float = fault) -> object:
            made = good(model)
            return made._replace(outputs=lambda i, a: made.outputs(i, a) * (1 + fault))

        monkeypatch.setattr(bert, "exported", wrong)
        with pytest.raises(PolysemeError, match="its outputs differ"):
            export("demo", "toy", "bert", Path(what))


def test_a_table_is_loaded_by_gensim(
    kept: Callable[[str, Representation], Path], pieces: WordPieces
) -> None:
    table = _table(pieces)
    kept("vectors", table)
    assert export("demo", "toy", "vectors", Path("out")) == ["README.md", "vectors.txt"]
    theirs = KeyedVectors.load_word2vec_format("out/vectors.txt")
    assert theirs.index_to_key == table.words
    assert np.array_equal(theirs.vectors, table.table.weight[:-1].detach().numpy())


def test_the_card_tells_data_budget_configuration_metrics_and_licence(
    kept: Callable[[str, Representation], Path], pieces: WordPieces
) -> None:
    folder = kept("bert", _bert(pieces))
    export("demo", "toy", "bert", Path("out"))
    text = Path("out/README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert head["library_name"] == "transformers" and head["language"] == "en"
    for part in (
        "c0ffee", "CC BY-SA 4.0", "123456", "num_layers: 2", "bits_per_byte", "1.25",
        manifest.digest(folder), "RobertaPreLayerNormForMaskedLM",
    ):  # fmt: skip
        assert part in text, part
    assert str(Path.cwd()) not in text


def test_the_command_takes_the_experiment_of_params_yaml(
    kept: Callable[[str, Representation], Path],
    pieces: WordPieces,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept("vectors", _table(pieces))
    arguments = ["export", "toy", "vectors", "out"]
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2 and "params.yaml: is missing" in capsys.readouterr().err
    Path("params.yaml").write_text("experiment: demo\n")
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0 and "vectors.txt" in capsys.readouterr().out


def test_what_cannot_be_exported_leaves_nothing(
    kept: Callable[[str, Representation], Path], pieces: WordPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PolysemeError, match="no model 'bert' on 'toy'; run `make repro` first"):
        export("demo", "toy", "bert", Path("out"))
    folder = kept("bert", _bert(pieces))
    with pytest.raises(PolysemeError, match="no model 'bret' on 'toy'; one of bert"):
        export("demo", "toy", "bret", Path("out"))
    taken = Path("taken")
    taken.mkdir()
    (taken / "mine").write_text("mine")
    with pytest.raises(PolysemeError, match="taken: is not empty"):
        export("demo", "toy", "bert", taken)
    good = bert.exported

    def wrong(model: bert.Model) -> object:
        made = good(model)
        return made._replace(outputs=lambda ids, attend: made.outputs(ids, attend) + 1)

    monkeypatch.setattr(bert, "exported", wrong)
    with pytest.raises(PolysemeError, match="RobertaPreLayerNormForMaskedLM: its outputs differ"):
        export("demo", "toy", "bert", Path("out"))
    monkeypatch.delattr(bert, "exported")
    with pytest.raises(PolysemeError, match="bert is no architecture that transformers has"):
        export("demo", "toy", "bert", Path("out"))
    weights = folder / base.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(PolysemeError, match="differs from its manifest"):
        export("demo", "toy", "bert", Path("out"))
    assert sorted(path.name for path in Path().iterdir()) == ["artifacts", "taken"]


def test_a_word_that_the_format_cannot_hold_is_refused(
    kept: Callable[[str, Representation], Path], pieces: WordPieces
) -> None:
    table = Table(["New York"], 5, pieces, "zero")
    table.reset(1)
    kept("vectors", table)
    with pytest.raises(PolysemeError, match="word 'New York' has white space"):
        export("demo", "toy", "vectors", Path("out"))
    assert not Path("out").exists()


def _fails(arguments: list[str], code: int, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    told = capsys.readouterr()
    assert caught.value.code == code and not told.out
    assert part in told.err and told.err.count("\n") == 1, told.err


def test_a_folder_that_cannot_be_made_is_one_line_and_leaves_nothing(
    kept: Callable[[str, Representation], Path],
    pieces: WordPieces,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept("vectors", _table(pieces))
    Path("file").write_text("mine")
    Path("circle").symlink_to("circle")
    for folder in ("file/sub", "circle", "n" * 250, "/proc/x"):
        command = ["export", "toy", "vectors", folder, "--experiment", "demo"]
        _fails(command, 2, "cannot be made", capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["artifacts", "circle", "file"]


def test_links_and_dots_lead_to_the_folder(
    kept: Callable[[str, Representation], Path], pieces: WordPieces
) -> None:
    kept("vectors", _table(pieces))
    Path("real").mkdir()
    Path("link").symlink_to("real")
    for folder, at in (("link", "real"), ("new/sub/..", "new")):
        export("demo", "toy", "vectors", Path(folder))
        assert (Path(at) / "vectors.txt").is_file()


def test_parents_that_were_made_go_with_a_refusal(
    kept: Callable[[str, Representation], Path], pieces: WordPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept("bert", _bert(pieces))
    monkeypatch.delattr(bert, "exported")
    with pytest.raises(PolysemeError, match="no architecture"):
        export("demo", "toy", "bert", Path("new/sub/folder"))
    assert not Path("new").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../corpus", "a/b", "a\0b"])
def test_a_path_is_no_name(in_tmp: Path, name: str) -> None:
    for names in ((name, "toy", "bert"), ("demo", name, "bert"), ("demo", "toy", name)):
        with pytest.raises(PolysemeError, match="is no name"):
            export(*names, Path("out"))


@pytest.mark.parametrize("text", ["", "a: [1", "[1]", "a: 1", "experiment:", "experiment: ${x}"])
def test_params_without_an_experiment_are_one_line(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    Path("params.yaml").write_text(text)
    _fails(["export", "toy", "bert", "out"], 2, "names no experiment; run `make params`", capsys)


def test_what_came_from_outside_is_not_exported(
    kept: Callable[[str, Representation], Path], pieces: WordPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept("bert", _bert(pieces))
    card = base.read_card(paths.model("demo", "toy", "bert"))
    outside = card | {"group": "external", "module": "hugging_face"}
    model = base.load(paths.model("demo", "toy", "bert"))
    monkeypatch.setattr(base, "read_card", lambda folder: outside)
    monkeypatch.setattr(base, "load", lambda folder: model)
    with pytest.raises(PolysemeError, match="was trained elsewhere; use the checkpoint"):
        export("demo", "toy", "bert", Path("out"))


def test_only_files_have_a_hash(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for arguments in (["pipe"], ["/dev/zero"], [".", "pipe"], [".", "folder"]):
        _fails(["sha256", *arguments], 3, "is no file; name a file", capsys)


def test_rights_and_defects_are_one_line(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a").write_text("one")

    def forbidden(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(manifest, "sha256", forbidden)
    _fails(["sha256", "a"], 1, "a: Permission denied; check the path", capsys)
    monkeypatch.setattr(manifest, "sha256", lambda path: 1 / 0)
    _fails(["sha256", "a"], 70, "sha256: defect: ZeroDivisionError", capsys)


def test_the_command_tells_the_hash_that_conf_wants(
    in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a").write_text("one")
    Path("b").write_text("two")
    for arguments, shell in (
        (["a"], "sha256sum a | cut -d' ' -f1"),
        ([".", "b", "a"], "sha256sum a b | sha256sum | cut -d' ' -f1"),
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main(["sha256", *arguments])
        expected = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)
        assert caught.value.code == 0 and capsys.readouterr().out == expected.stdout
    with pytest.raises(SystemExit) as caught:
        cli.main(["sha256", "gone"])
    assert caught.value.code == 3

"""Checkpoints of Hugging Face against transformers' own hidden states."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.external.conftest import Import

from polyseme.errors import PolysemeError
from polyseme.models import base
from polyseme.models.base import Representation

transformers = pytest.importorskip("transformers")

from tests.external.checkpoints import make  # noqa: E402

NAMES = ["bert", "roberta", "gpt2", "llama", "electra"]
SENTENCES = [
    "there was a crack in the old wall".split(),
    "don't , naïve students ?".split(),
    ["unbelievable"],
    "the police found </s> 東京 and drugs".split(),
]
TOLERANCE = 1e-5


def _expected(folder: Path, words: list[str], pooling: str) -> torch.Tensor:
    """h_LTD from transformers; a word's pieces are those that overlap it or the space before."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    text = " ".join(words)
    row = tokenizer(
        text, return_tensors="pt", split_special_tokens=True, return_offsets_mapping=True
    )
    offsets = row["offset_mapping"][0].tolist()
    ids = {name: row[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        states = torch.cat(network(**ids, output_hidden_states=True).hidden_states)
    found, start = [], 0
    for word in words:
        end = start + len(word)
        tokens = [n for n, (a, b) in enumerate(offsets) if a < end and b > max(0, start - 1)]
        pieces = states[:, tokens]
        chosen = {"first": pieces[:, 0], "last": pieces[:, -1], "mean": pieces.mean(1)}
        found.append(chosen[pooling])
        start += len(word) + 1
    return torch.stack(found, dim=1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("checkpoints")
    return {name: make(name, top / name) for name in NAMES}


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
@pytest.mark.parametrize("name", NAMES)
def test_word_vectors_are_those_of_transformers(
    folders: dict[str, Path], bring_in: Import, name: str, pooling: str
) -> None:
    folder = folders[name]
    model = bring_in("hugging_face", **_options(folder), pooling=pooling)
    assert model.num_layers == 3 and model.dim == 16
    for words, h_LTD in zip(SENTENCES, model.encode(SENTENCES), strict=True):
        expected = _expected(folder, words, pooling)
        assert expected.std() > 0.1
        assert (h_LTD - expected).abs().max() <= TOLERANCE, words


def _options(folder: Path, **values: object) -> dict[str, object]:
    from polyseme.models.external.common import checkpoint, source

    try:
        digest = source.digest(folder, checkpoint.files(folder))
    except PolysemeError:
        digest = "0" * 64
    return {"path": str(folder), "sha256": digest, "max_length": 64} | values


@pytest.mark.parametrize("name", ["gpt2", "roberta"])
def test_long_texts_are_cut_between_words(
    folders: dict[str, Path], bring_in: Import, name: str
) -> None:
    model = bring_in("hugging_face", **_options(folders[name], max_length=12))
    words = "there was a crack in the old wall of the unbelievable house".split()
    (whole,) = model.encode([words])
    assert whole.shape[1] == len(words)
    parts, rest = [], words
    while rest:  # the longest beginnings that fit
        fits = next(n for n in range(len(rest), 0, -1) if _rows(model, rest[:n]) == 1)
        parts.append(rest[:fits])
        rest = rest[fits:]
    assert len(parts) > 2
    first = torch.cat([model.encode([part])[0] for part in parts[:1]], dim=1)
    assert (whole[:, : first.shape[1]] - first).abs().max() <= TOLERANCE
    assert model.encode([["unbelievable" * 9]])[0].shape[1] == 1


def _rows(model: Representation, words: list[str]) -> int:
    return len(model.prepare([words]).inputs["ids_RS"])


def test_marks_keep_their_place_and_texts_are_encoded_apart(
    folders: dict[str, Path], bring_in: Import
) -> None:
    model = bring_in("hugging_face", **_options(folders["bert"]))
    one, other = SENTENCES[0], SENTENCES[3]
    (h_LTD,) = model.encode([[*one, "\f", *other]])
    alone = model.encode([one, other])
    assert (h_LTD[:, : len(one)] - alone[0]).abs().max() <= TOLERANCE
    assert (h_LTD[:, len(one) + 1 :] - alone[1]).abs().max() <= TOLERANCE
    assert not h_LTD[:, len(one)].any()
    (joined,) = model.encode([[*one, "\n", *other]])
    (plain,) = model.encode([one + other])
    assert (joined[:, len(one) + 1 :] - plain[:, len(one) :]).abs().max() <= TOLERANCE


def test_a_word_that_the_tokenizer_drops_has_a_vector(
    folders: dict[str, Path], bring_in: Import
) -> None:
    model = bring_in("hugging_face", **_options(folders["bert"]))
    h_LTD = model.encode([["crack", "\u200b", "wall"]])[0]
    assert h_LTD.shape[1] == 3 and h_LTD[:, 1].any()


def test_fresh_weights_follow_from_the_seed(folders: dict[str, Path], bring_in: Import) -> None:
    model = bring_in("hugging_face", **_options(folders["gpt2"]))
    trained = model.encode(SENTENCES[:1])[0]
    found = []
    for seed in (1, 1, 2):
        torch.rand(1)
        model.reset(seed)
        found.append(model.encode(SENTENCES[:1])[0])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2]) and not torch.equal(found[0], trained)


def test_gradients_reach_all_of_the_network(folders: dict[str, Path], bring_in: Import) -> None:
    for name in NAMES:
        model = bring_in("hugging_face", **_options(folders[name])).train()
        model(model.prepare(SENTENCES)).square().sum().backward()
        unused = [n for n, p in model.named_parameters() if p.grad is None]
        assert all(n.startswith("head.") for n in unused), (name, unused)  # the head's own


def test_an_import_gives_the_same_bytes_and_names_no_place(
    folders: dict[str, Path], bring_in: Import, tmp_path: Path
) -> None:
    for _ in range(2):
        bring_in("hugging_face", **_options(folders["bert"]))
    files = sorted((tmp_path / "artifact0").rglob("*.*"))
    assert len(files) >= 5
    for file in files:
        if file.is_file():
            other = tmp_path / "artifact1" / file.relative_to(tmp_path / "artifact0")
            assert file.read_bytes() == other.read_bytes()
            assert file.name == "representation.json" or b"/tmp" not in file.read_bytes()


def _changed(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _drop(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def _pickled(folder: Path) -> None:
    _drop(folder, "*.safetensors")
    torch.save({"a": torch.ones(1)}, folder / "pytorch_model.bin")


def _disguised(folder: Path) -> None:
    torch.save({"a": torch.ones(1)}, folder / "model.safetensors")


def _nan(folder: Path) -> None:
    model = transformers.BertForMaskedLM.from_pretrained(folder)
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.bias[0] = float("nan")
    model.save_pretrained(folder)


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _tensors(folder: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    path = folder / "model.safetensors"
    tensors = {name: change(tensor) for name, tensor in load_file(path).items()}
    save_file(tensors, path, {"format": "pt"})


def _index(folder: Path, content: str) -> None:
    (folder / "model.safetensors.index.json").write_text(content)


def _tokenizer_of(folder: Path, name: str) -> None:
    other = make(name, folder.with_name("other"))
    _drop(folder, "tokenizer*", "vocab.txt")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(other / file, folder / file)


def _vocabulary(folder: Path, name: str, content: str) -> None:
    _drop(folder, "tokenizer*", "vocab.txt")
    (folder / name).write_text(content)


FAULTS = {
    "other shapes": (
        lambda f: _changed(f, intermediate_size=48),
        ["encoder.layer.0", "has shape [32], not [48]"],
    ),
    "more layers than weights": (
        lambda f: _changed(f, num_hidden_layers=3),
        ["encoder.layer.2", "is missing"],
    ),
    "fewer layers than weights": (
        lambda f: _changed(f, num_hidden_layers=1),
        ["encoder.layer.1", "has no place"],
    ),
    "code of its own": (
        lambda f: _changed(f, model_type="mine", auto_map={"AutoModel": "mine.Mine"}),
        ["cannot be read as a checkpoint"],
    ),
    "no tokenizer": (
        lambda f: _drop(f, "tokenizer*", "vocab.txt"),
        ["has no tokenizer", "tokenizer.json"],
    ),
    "broken tokenizer": (
        lambda f: (f / "tokenizer.json").write_text("{}"),
        ["its tokenizer cannot be read"],
    ),
    "pickled weights": (_pickled, ["only pickled weights (pytorch_model.bin)", "save_pretrained"]),
    "a pickle named safetensors": (_disguised, ["model.safetensors", "is a pickle"]),
    "no weights": (lambda f: _drop(f, "*.safetensors"), ["has no model.safetensors"]),
    "no configuration": (lambda f: _drop(f, "config.json"), ["has no config.json"]),
    "not finite": (_nan, ["encoder.layer.1.output.dense.bias is not finite"]),
    "truncated": (_cut, ["cannot be read as a checkpoint"]),
    "bytes for floats": (lambda f: _tensors(f, lambda t: t.char()), [" is I8", "F64, F32"]),
    "truth for floats": (lambda f: _tensors(f, lambda t: t > 0), [" is BOOL", "F64, F32"]),
    "configuration without values": (
        lambda f: (f / "config.json").write_text("null"), ["config.json: is no JSON object"],
    ),
    "configuration without end": (
        lambda f: (f / "config.json").write_text("[" * 100_000), ["config.json: is no JSON object"],
    ),
    "configuration without a type": (
        lambda f: (f / "config.json").write_text("{}"), ["(Unrecognized model in", "bad. Should"],
    ),
    "states that are not finite": (
        lambda f: _changed(f, layer_norm_eps=float("nan")), ["hidden states are not finite"],
    ),
    "index with a list": (lambda f: _index(f, '{"weight_map": ["a"]}'), ["has no `weight_map`"]),
    "index with numbers": (
        lambda f: _index(f, '{"weight_map": {"a": 1, "b": "c"}}'), ["has no `weight_map`"],
    ),
    "index with nothing": (lambda f: _index(f, '{"weight_map": {}}'), ["has no `weight_map`"]),
    "tokenizer of another vocabulary": (
        lambda f: _tokenizer_of(f, "gpt2"), ["counts pieces up to 299, its network up to 89"],
    ),
    "vocabulary without the unknown": (
        lambda f: _vocabulary(f, "vocab.txt", "a\nb\nc"), ["cannot be read", "[UNK]"],
    ),
    "vocabulary of another format": (
        lambda f: _vocabulary(f, "spiece.model", "?"), ["knows special tokens only"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_checkpoint_is_one_line(tmp_path: Path, bring_in: Import, fault: str) -> None:
    change, parts = FAULTS[fault]
    folder = make("bert", tmp_path / "bad")
    change(folder)
    with pytest.raises(PolysemeError) as caught:
        bring_in("hugging_face", **_options(folder))
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert caught.value.mend


def test_a_header_as_long_as_a_pickle_begins_is_no_pickle(tmp_path: Path, bring_in: Import) -> None:
    folder = make("bert", tmp_path / "bert")
    path = folder / "model.safetensors"
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    longer = next(n for n in range(length, 2**20) if n % 2**16 == 0x0280)  # b"\x80\x02"
    header = content[8 : 8 + length].ljust(longer)
    path.write_bytes(struct.pack("<Q", longer) + header + content[8 + length :])
    assert path.read_bytes().startswith(b"\x80\x02")
    assert bring_in("hugging_face", **_options(folder)).num_layers == 3


@pytest.mark.parametrize("special", [True, False])
def test_special_tokens_may_lie_beyond_the_embeddings(
    tmp_path: Path, bring_in: Import, special: bool
) -> None:
    folder = make("bert", tmp_path / "bert")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    added = {"id": 90, "content": "house", "special": special}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    content["added_tokens"].append(added | flags)
    path.write_text(json.dumps(content))
    if special:
        assert bring_in("hugging_face", **_options(folder)).encode([["house"]])[0].isfinite().all()
    else:
        with pytest.raises(PolysemeError, match="counts pieces up to 90"):
            bring_in("hugging_face", **_options(folder))


def test_a_row_longer_than_the_positions_is_refused(
    folders: dict[str, Path], bring_in: Import
) -> None:
    for name in ("bert", "roberta", "gpt2"):
        with pytest.raises(PolysemeError, match=r"mine\.yaml: max_length: a row of 80 pieces"):
            bring_in("hugging_face", **_options(folders[name], max_length=80))


def test_an_encoder_decoder_is_refused(tmp_path: Path, bring_in: Import) -> None:
    folder = make("bert", tmp_path / "t5")
    options = transformers.T5Config(vocab_size=90, d_model=16, num_layers=1, d_kv=8, d_ff=16)
    transformers.T5Model(options).save_pretrained(folder)
    with pytest.raises(PolysemeError, match="encoder-decoder"):
        bring_in("hugging_face", **_options(folder))


def test_other_files_than_conf_promises(folders: dict[str, Path], bring_in: Import) -> None:
    with pytest.raises(PolysemeError, match="expected sha256 0000"):
        bring_in("hugging_face", **_options(folders["bert"], sha256="0" * 64))


COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_a_name_on_the_hub_is_taken_at_its_commit(
    folders: dict[str, Path], bring_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def download(name: str, **options: object) -> str:
        asked.update(options, name=name)
        return str(folders["gpt2"])

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    options = {"hub": "some/gpt2", "revision": COMMIT, "max_length": 64}
    model = bring_in("hugging_face", **options)
    assert model.num_layers == 3
    assert asked["name"] == "some/gpt2" and asked["revision"] == COMMIT
    assert not any(name.endswith((".bin", ".py")) for name in asked["allow_patterns"])

    def unreachable(name: str, **options: object) -> str:
        raise OSError("no network\nand more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(PolysemeError, match=f"some/gpt2@{COMMIT}: cannot be had: no network; "):
        bring_in("hugging_face", **options)


def test_a_name_on_the_hub_comes_from_the_mirror_first(
    folders: dict[str, Path], bring_in: Import, tmp_path: Path
) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "mine").symlink_to(folders["gpt2"])
    options = {"hub": "some/gpt2", "revision": COMMIT, "max_length": 64}
    with pytest.raises(PolysemeError, match="add `sha256`"):
        bring_in("hugging_face", **options)
    digest = _options(folders["gpt2"])["sha256"]
    assert bring_in("hugging_face", **options, sha256=digest).num_layers == 3


def test_the_artifact_needs_the_checkpoint_no_more(tmp_path: Path, bring_in: Import) -> None:
    folder = make("roberta", tmp_path / "roberta", heads=False)
    before = bring_in("hugging_face", **_options(folder)).encode(SENTENCES)
    shutil.rmtree(folder)
    after = base.load(tmp_path / "artifact0").encode(SENTENCES)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("values", [{"hub": "a/b"}, {"hub": "a/b", "revision": "main"}, {}])
def test_a_hub_name_needs_a_commit(bring_in: Import, values: dict[str, str]) -> None:
    with pytest.raises(PolysemeError, match="revision"):
        bring_in("hugging_face", **values)

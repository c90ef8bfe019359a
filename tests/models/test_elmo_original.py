"""Original ELMo weights: what is wrong with a file is told in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from polyseme.errors import PolysemeError
from polyseme.models.common.elmo_original import load_original

CELL = "RNN_{}/RNN/MultiRNNCell/Cell{}/LSTMCell"


def _options() -> dict[str, Any]:
    lstm = {"dim": 6, "projection_dim": 4, "n_layers": 2, "use_skip_connections": True,
            "cell_clip": 3, "proj_clip": 3, "n_train_tokens": 9}  # fmt: skip
    cnn = {"embedding": {"dim": 3}, "filters": [[1, 2], [2, 3]], "n_highway": 1,
           "activation": "relu", "max_characters_per_token": 50, "n_characters": 262}  # fmt: skip
    return {"lstm": lstm, "char_cnn": cnn}


def _arrays() -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {
        "char_embed": (261, 3), "CNN/W_cnn_0": (1, 1, 3, 2), "CNN/b_cnn_0": (2,),
        "CNN/W_cnn_1": (1, 2, 3, 3), "CNN/b_cnn_1": (3,), "CNN_high_0/W_carry": (5, 5),
        "CNN_high_0/b_carry": (5,), "CNN_high_0/W_transform": (5, 5),
        "CNN_high_0/b_transform": (5,), "CNN_proj/W_proj": (5, 4), "CNN_proj/b_proj": (4,),
    }  # fmt: skip
    for direction in range(2):
        for layer in range(2):
            group = CELL.format(direction, layer)
            shapes |= {f"{group}/W_0": (8, 24), f"{group}/B": (24,), f"{group}/W_P_0": (6, 4)}
    random = np.random.default_rng(0)
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def _write(folder: Path, options: Any, arrays: dict[str, np.ndarray]) -> tuple[Path, Path]:
    paths = folder / "options.json", folder / "weights.hdf5"
    paths[0].write_text(json.dumps(options))
    with h5py.File(paths[1], "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return paths


def test_whole_files_give_a_network_of_their_sizes(tmp_path: Path) -> None:
    network = load_original(*_write(tmp_path, _options(), _arrays()))
    characters_RSC = torch.full((1, 3, 50), 97)
    with torch.no_grad():
        layers, _ = network(characters_RSC, torch.tensor([3]))
    assert [tuple(h.shape) for h in layers] == [(1, 3, 8)] * 3


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda a: a.pop("char_embed"), "array char_embed is missing"),
        (lambda a: a.pop(CELL.format(1, 1) + "/B"), r"array RNN_1/.*Cell1/LSTMCell/B is missing"),
        (lambda a: a.update(char_embed=np.zeros((262, 3))), r"char_embed .* shape \[262, 3\], not"),
        (lambda a: a.update(char_embed=np.ones((261, 3), int)), "char_embed is int64 of shape"),
        (lambda a: a.update(char_embed=np.full((261, 3), b"1")), r"char_embed is \|S1 of shape"),
        (lambda a: a.update(char_embed=np.zeros((261, 3), [("x", "f4")])), "char_embed is .*'x'"),
        (lambda a: a.update(char_embed=h5py.Empty("f4")), r"char_embed is float32 of shape \[\]"),
        (lambda a: a.update(char_embed=np.full((261, 3), 1e300)), "char_embed is not finite"),
        (lambda a: a.update({CELL.format(1, 2) + "/B": np.ones(24)}), "RNN_1/.*/B has no place"),
        (lambda a: a.update({"CNN_high_1/b_carry": np.ones(5)}), "CNN_high_1/.* has no place"),
        (lambda a: a["CNN_proj/b_proj"].fill(np.nan), "array CNN_proj/b_proj is not finite"),
    ],
)
def test_an_array_that_cannot_be_used_is_named(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], Any], what: str
) -> None:
    arrays = _arrays()
    change(arrays)
    with pytest.raises(PolysemeError, match=rf"weights\.hdf5: .*{what}.*; take"):
        load_original(*_write(tmp_path, _options(), arrays))


def test_arrays_of_another_file_are_refused(tmp_path: Path) -> None:
    options, weights = _write(tmp_path, _options(), _arrays())
    other = tmp_path / "other.hdf5"
    weights.rename(other)
    with h5py.File(weights, "w") as file, h5py.File(other) as kept:
        for name in _arrays():
            file[name] = kept[name][...]
        del file["char_embed"]
        file["char_embed"] = h5py.ExternalLink(str(other), "/char_embed")
    with pytest.raises(
        PolysemeError, match=r"weights\.hdf5: array char_embed lies in another file"
    ):
        load_original(options, weights)


def test_arrays_that_the_network_does_not_read_are_left_alone(tmp_path: Path) -> None:
    load_original(*_write(tmp_path, _options(), _arrays() | {"softmax/W": np.ones(3)}))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda o: o["lstm"].update(n_layers=10**9), "Cell999999999/LSTMCell/W_0 is missing"),
        (lambda o: o["lstm"].update(dim=10**12), "W_0 is float32 of shape"),
        (lambda o: o["lstm"].update(projection_dim=10**12), "W_0 is float32 of shape"),
        (lambda o: o["char_cnn"].update(n_highway=10**9), "CNN_high_999999999/W_carry is missing"),
        (lambda o: o["char_cnn"]["embedding"].update(dim=10**12), "char_embed is float32 of shape"),
        (lambda o: o["char_cnn"]["filters"][1].__setitem__(1, 10**12), "CNN/W_cnn_1 is float32"),
    ],
)
def test_sizes_that_no_memory_holds_are_one_line(
    tmp_path: Path, change: Callable[[Any], Any], what: str
) -> None:
    options = _options()
    change(options)
    with pytest.raises(PolysemeError, match=rf"weights\.hdf5: array .*{what}"):
        load_original(*_write(tmp_path, options, _arrays()))


def test_options_that_are_nested_without_end_are_one_line(tmp_path: Path) -> None:
    options, weights = _write(tmp_path, _options(), _arrays())
    options.write_text("[" * 100_000)
    with pytest.raises(PolysemeError, match=r"options\.json: no options of ELMo"):
        load_original(options, weights)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda o: o.pop("lstm"), "key 'lstm' is missing"),
        (lambda o: o["char_cnn"].pop("filters"), "key 'filters' is missing"),
        (lambda o: o["char_cnn"].update(activation="gelu"), "activation = 'gelu' is not allowed"),
        (lambda o: o["lstm"].update(dim=0), "cell_dim = 0 is not allowed"),
        (lambda o: o.update(lstm=3), "no options of ELMo"),
        (
            lambda o: o["char_cnn"].update(filters=[[51, 2], [2, 3]]),
            "filters no wider than max_char",
        ),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    tmp_path: Path, change: Callable[[Any], Any], what: str
) -> None:
    options = _options()
    change(options)
    with pytest.raises(PolysemeError, match=rf"options\.json: .*{what}") as caught:
        load_original(*_write(tmp_path, options, _arrays()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_file_that_was_cut_off_is_no_hdf5_file(tmp_path: Path, keep: float) -> None:
    options, weights = _write(tmp_path, _options(), _arrays())
    content = weights.read_bytes()
    weights.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])
    with pytest.raises(PolysemeError, match=r"weights\.hdf5: cannot be read as hdf5"):
        load_original(options, weights)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    options, weights = _write(tmp_path, _options(), _arrays())
    with pytest.raises(PolysemeError, match=r"nowhere\.json: no options of ELMo"):
        load_original(tmp_path / "nowhere.json", weights)
    with pytest.raises(PolysemeError, match=r"nowhere\.hdf5: cannot be read"):
        load_original(options, tmp_path / "nowhere.hdf5")

"""Weights of the original ELMo: options.json and the hdf5 file of bilm-tf and AllenNLP.

Gates lie there in the order input, candidate, forget, output, in one matrix for input and state,
and the bias of the forget gate lacks the 1 that TensorFlow adds while it runs.

Shapes: P projected dimensions, C cells, 4C gates.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from polyseme.config import build
from polyseme.errors import DataError
from polyseme.models.common.characters import NUM_CHARACTERS, CharacterCNN
from polyseme.models.common.elmo_network import FORGET_BIAS, BiLM, Shape
from polyseme.models.common.lstm import ProjectedLSTM

CELL = "RNN_{}/RNN/MultiRNNCell/Cell{}/LSTMCell"
"""Group of a direction and a layer."""
PARTS = ("CNN", "RNN_", "char_embed")
MEND = "take the options.json and the weights of one published model"


def load_original(options: Path, weights: Path) -> BiLM:
    """The network with published weights, in eval mode.

    Args:
        options: options.json.
        weights: the hdf5 file that belongs to it.

    Raises:
        ConfigError: a value of the options that cannot be.
        DataError: a file that cannot be read, lacks a key or has one too many; an array of another
            shape, or one that is not finite.
    """
    shape = read_options(options)
    try:
        with h5py.File(weights, "r") as file, torch.no_grad():
            arrays = _Arrays(weights, file)
            _check_sizes(shape, arrays)
            network = BiLM(shape)
            _fill_words(network.words, arrays)
            for number, layer in enumerate(network.lstms):
                _fill_layer(layer, number, arrays)
            arrays.refuse_others()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"cannot be read as hdf5 ({error})", where=weights, mend=MEND) from None
    return network.eval()


def read_options(path: Path) -> Shape:
    """Sizes from options.json; what is about training only is not read.

    Raises:
        ConfigError: a value that cannot be.
        DataError: no JSON, or a key that is missing.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        values = _sizes(found["lstm"], found["char_cnn"])
    except KeyError as error:
        raise DataError(f"key {error} is missing", where=path, mend=MEND) from None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"no options of ELMo ({error})", where=path, mend=MEND) from None
    return build(Shape, values, file=str(path))


def _sizes(lstm: dict[str, Any], cnn: dict[str, Any]) -> dict[str, Any]:
    """Values of Shape; a clip of 0 is none."""
    return {
        "character_dim": cnn["embedding"]["dim"],
        "filters": cnn["filters"],
        "num_highways": cnn["n_highway"],
        "activation": cnn["activation"],
        "max_characters": cnn["max_characters_per_token"],
        "dim": lstm["projection_dim"],
        "cell_dim": lstm["dim"],
        "num_layers": lstm["n_layers"],
        "cell_clip": lstm.get("cell_clip") or None,
        "projection_clip": lstm.get("proj_clip") or None,
        "residual": lstm["use_skip_connections"],
    }


def _check_sizes(shape: Shape, arrays: _Arrays) -> None:
    """Compare every size with the file before memory is asked for."""
    count = sum(number for _, number in shape.filters)
    arrays.find("char_embed", NUM_CHARACTERS, shape.character_dim)
    for place, (width, number) in enumerate(shape.filters):
        arrays.find(f"CNN/W_cnn_{place}", 1, width, shape.character_dim, number)
    if shape.num_highways:
        arrays.find(f"CNN_high_{shape.num_highways - 1}/W_carry", count, count)
    last = CELL.format(0, shape.num_layers - 1)
    arrays.find(f"{last}/W_0", 2 * shape.dim, 4 * shape.cell_dim)


class _Arrays:
    """Arrays of an hdf5 file by name, checked."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path, self.file = path, file
        self._read: set[str] = set()

    def find(self, name: str, *shape: int) -> h5py.Dataset:
        """An array of numbers of the expected shape that lies in this file, not yet read."""
        dataset = self.file.get(name)
        if not isinstance(dataset, h5py.Dataset):
            raise DataError(f"array {name} is missing", where=self.path, mend=MEND)
        if dataset.file != self.file or dataset.external or dataset.is_virtual:
            raise DataError(f"array {name} lies in another file", where=self.path, mend=MEND)
        if dataset.shape != shape or dataset.dtype.kind != "f":
            found = f"{dataset.dtype} of shape {list(dataset.shape or ())}"
            what = f"array {name} is {found}, not floats of shape {list(shape)}"
            raise DataError(what, where=self.path, mend=MEND)
        return dataset

    def get(self, name: str, *shape: int) -> Tensor:
        """The values of such an array."""
        dataset = self.find(name, *shape)
        self._read.add(name)
        with np.errstate(over="ignore"):
            found = np.asarray(dataset[...], dtype=np.float32)
        if not np.isfinite(found).all():
            raise DataError(f"array {name} is not finite", where=self.path, mend=MEND)
        return torch.from_numpy(found)

    def refuse_others(self) -> None:
        """Raise when the file has more of such a network than was read."""
        names: list[str] = []
        self.file.visit(names.append)
        for name in names:
            is_part = name.startswith(PARTS) and isinstance(self.file.get(name), h5py.Dataset)
            if is_part and name not in self._read:
                raise DataError(f"array {name} has no place", where=self.path, mend=MEND)


def _fill_words(words: CharacterCNN, arrays: _Arrays) -> None:
    """The character CNN."""
    dim = words.characters.embedding_dim
    words.characters.weight.copy_(arrays.get("char_embed", NUM_CHARACTERS, dim))
    for number, filters in enumerate(words.convolutions):
        width, count = filters.kernel_size[0], filters.out_channels
        weight = arrays.get(f"CNN/W_cnn_{number}", 1, width, dim, count)
        filters.weight.copy_(weight[0].permute(2, 1, 0))
        filters.get_parameter("bias").copy_(arrays.get(f"CNN/b_cnn_{number}", count))
    for number, highway in enumerate(words.highway_layers):
        for name in ("carry", "transform"):
            _fill_linear(getattr(highway, name), f"CNN_high_{number}/", f"_{name}", arrays)
    _fill_linear(words.projection, "CNN_proj/", "_proj", arrays)


def _fill_linear(linear: nn.Linear, group: str, name: str, arrays: _Arrays) -> None:
    weight = arrays.get(f"{group}W{name}", linear.in_features, linear.out_features)
    linear.weight.copy_(weight.T)
    linear.bias.copy_(arrays.get(f"{group}b{name}", linear.out_features))


def _fill_layer(layer: ProjectedLSTM, number: int, arrays: _Arrays) -> None:
    """Both directions of an LSTM layer."""
    _, cells, dim = layer.projection.shape
    for direction in range(2):
        group = CELL.format(direction, number)
        weight = _gates(arrays.get(f"{group}/W_0", 2 * dim, 4 * cells))
        layer.input[direction].copy_(weight[:dim])
        layer.recurrent[direction].copy_(weight[dim:])
        layer.projection[direction].copy_(arrays.get(f"{group}/W_P_0", cells, dim))
        layer.bias[direction].copy_(_gates(arrays.get(f"{group}/B", 4 * cells)))
        layer.bias[direction, :, 2 * cells : 3 * cells] += FORGET_BIAS


def _gates(array: Tensor) -> Tensor:
    """From the order input, candidate, forget, output to that of lstm.py."""
    i, g, f, o = array.chunk(4, dim=-1)
    return torch.cat([o, i, f, g], dim=-1)

"""A language model as a checkpoint that transformers loads without code of ours.

Before the folder appears, the exported model is loaded from its files and compared with ours.

Shapes: B rows, S subwords.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from polyseme.data.tokenizer import PAD, SPECIALS
from polyseme.errors import IntegrityError
from polyseme.exporting.card import Use
from polyseme.models.common.exported import Exported
from polyseme.models.external.common import checkpoint

TOLERANCE = 1e-5
"""Largest difference of outputs in float64. In float32 it is a share of outputs beyond 1: after
training, logits reach 20, and float32 itself is then 2e-5 off float64."""
ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
USE = """from transformers import {auto}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = {auto}.from_pretrained(".")
model(**tokenizer("a sentence", return_tensors="pt"))
"""
NOTE = (
    "The tokenizer puts [CLS] and [SEP] around a text, as in pre-training. Outputs are those of "
    "polyseme within {found:.1e} where the largest is {largest:.3g} (float32; in float64 within "
    "{tolerance:.0e}; checked when this folder was written)."
)


def write(exported: Exported, exact: Exported, tokenizer: Path, out: Path) -> Use:
    """Write configuration, weights and tokenizer.

    Args:
        exact: the same in float64, to which what was written is held.

    Raises:
        ConfigError: transformers is missing.
        IntegrityError: the exported model's outputs are not those of ours.
    """
    transformers = checkpoint.library()
    kind = getattr(transformers, exported.architecture)
    config = kind.config_class(**exported.config)
    network = checkpoint.without_pooler(kind(config))
    network.load_state_dict(exported.weights)
    network.save_pretrained(out)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_file(str(tokenizer)),
        model_max_length=exported.max_length,
        **dict(zip(ROLES, SPECIALS, strict=True)),
    ).save_pretrained(out)
    found, largest = _checked(exported, exact, kind.from_pretrained(out).eval())
    kinds = [auto for end, auto in AUTO.items() if exported.architecture.endswith(end)]
    return Use(
        library="transformers",
        code=USE.format(auto=kinds[0]),
        note=" ".join(
            [NOTE.format(found=found, largest=largest, tolerance=TOLERANCE), exported.note]
        ).strip(),
        architecture=exported.architecture,
    )


AUTO = {
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForCausalLM": "AutoModelForCausalLM",
    "LMHeadModel": "AutoModelForCausalLM",
    "Model": "AutoModel",
}
"""End of an architecture's name, and the class that loads it."""


def _checked(exported: Exported, exact: Exported, network: torch.nn.Module) -> tuple[float, float]:
    """Largest difference of outputs in float32, and the largest output.

    Raises:
        IntegrityError: the network computes something else.
    """
    found, largest = _difference(exported, network)
    exactly, _ = _difference(exact, network.double())
    if not (exactly <= TOLERANCE and found <= TOLERANCE * max(1.0, largest)):
        what = f"its outputs differ by {found:.1e} (float64: {exactly:.1e}) of {largest:.3g}"
        mend = "report this as a defect of `exported`"
        raise IntegrityError(what, where=exported.architecture, mend=mend)
    return found, largest


@torch.no_grad()
def _difference(exported: Exported, network: torch.nn.Module) -> tuple[float, float]:
    """Largest difference of outputs on two rows, one of them padded, and the largest output."""
    ids_BS, attend_BS = _rows(int(exported.config["vocab_size"]), exported.max_length)
    ours_BSX = exported.outputs(ids_BS, attend_BS)
    theirs_BSX = network(input_ids=ids_BS, attention_mask=attend_BS.long())[0]
    found = float((ours_BSX - theirs_BSX)[attend_BS].abs().max())
    return found, float(ours_BSX[attend_BS].abs().max())


def _rows(vocab_size: int, length: int) -> tuple[Tensor, Tensor]:
    """Ids of every part of the vocabulary, in a full and in a padded row."""
    ids_BS = torch.arange(2 * length).view(2, length) * 7919 % (vocab_size - len(SPECIALS))
    ids_BS = ids_BS + len(SPECIALS)
    attend_BS = torch.ones(2, length, dtype=torch.bool)
    attend_BS[1, length // 2 :] = False
    return ids_BS.masked_fill(~attend_BS, PAD), attend_BS

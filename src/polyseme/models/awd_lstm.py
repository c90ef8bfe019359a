"""AWD-LSTM: a regularised LSTM language model (Merity et al. 2018), the encoder of ULMFiT.

Weight drop (DropConnect on the matrix from state to state, one mask for a batch), variational
dropout (one mask for all steps) on the input of every layer and on the output, dropout of whole
rows of the embedding matrix, tied weights, penalties on the size (AR) and the change (TAR) of the
output, truncated backpropagation with carried state. Tests hold it to fastai's network. Departures:

- sequences have one length (as in fastai), so a step is always the same number of words;
- `restart` begins some rows at a state of zero, because that is where every sentence begins when it
  is encoded; the paper's network never sees it again after its first step;
- [CLS] is not predicted: it follows each [SEP] by rule, as in gpt.

Encoding carries nothing over: a sentence has the same vectors in any batch. Layer 0 is the
embedding; layers narrower than the widest are padded with zeros. In training the state lies in
buffers, so checkpoints have it. Evaluation begins every row at zero.

Shapes: B rows, S subwords, D dimensions of a layer, H hidden dimensions, V vocabulary, M predicted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from polyseme.config import build, config
from polyseme.data.tokenizer import CLS, WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.contextual import Pooling
from polyseme.models.common.filling import CausalFilling
from polyseme.models.common.language_model import FROM_THE_LEFT, LanguageModel, Losses
from polyseme.models.common.next_token import next_token_nats
from polyseme.training.options import Portion, Positive, TrainingOptions

EMBEDDING_BOUND = 0.1
DROPPED = "weight_hh_l0"
Penalty = Annotated[float, Field(ge=0)]
State = list[tuple[Tensor, Tensor]]


@config
class Config(TrainingOptions):
    """Network and objective."""

    dim: Positive = 128
    """Dimensions of the embedding and of the last layer, which share their matrix."""
    hidden_dim: Positive = 128
    """H, of the layers between them."""
    num_layers: Positive = 3
    """LSTM layers."""
    embedding_dropout: Portion = 0.02
    """Of rows of the embedding matrix."""
    input_dropout: Portion = 0.25
    """On the input of the first layer."""
    hidden_dropout: Portion = 0.15
    """On the input of the other layers."""
    weight_dropout: Portion = 0.2
    """Of the weights from state to state."""
    output_dropout: Portion = 0.1
    """On what predicts."""
    ar: Penalty = 2.0
    """Weight of the mean square of the output."""
    tar: Penalty = 1.0
    """Weight of the mean square of its change from step to step."""
    restart: Portion = 0.0
    """Share of the rows of a training batch whose state begins at zero."""
    max_length: Annotated[int, Field(ge=8)] = 512
    """Most subwords of a row in encoding."""
    pooling: Pooling = "mean"
    """Subwords to word vector."""


class Model(LanguageModel, CausalFilling):
    """Embedding, LSTM layers, tied softmax."""

    stateful: ClassVar[bool] = True
    predicts = FROM_THE_LEFT

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.num_layers = options, options.num_layers + 1
        self.dim = options.dim if options.num_layers == 1 else max(options.dim, options.hidden_dim)
        dims = [options.dim, *[options.hidden_dim] * (options.num_layers - 1), options.dim]
        self.tokens = nn.Embedding(pieces.vocab_size, options.dim)
        self.layers = nn.ModuleList(map(nn.LSTM, dims[:-1], dims[1:]))
        self.bias = nn.Parameter(torch.zeros(pieces.vocab_size))
        self._left: tuple[Tensor, State] | None = None

    @property
    def _lstms(self) -> list[nn.LSTM]:
        return cast("list[nn.LSTM]", list(self.layers))

    def reset(self, seed: int) -> None:
        """Random initial weights: uniform, the LSTMs' within 1 / sqrt(H)."""
        generator = torch.Generator().manual_seed(seed)
        nn.init.zeros_(self.bias)
        nn.init.uniform_(self.tokens.weight, -EMBEDDING_BOUND, EMBEDDING_BOUND, generator=generator)
        for layer in self._lstms:
            bound = layer.hidden_size**-0.5
            for weight in layer.parameters():
                nn.init.uniform_(weight, -bound, bound, generator=generator)

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L = num_layers + 1 states h_RSD, each of what stands to the left."""
        layers, _ = self.run(ids_RS, self._zero(len(ids_RS)))
        return [F.pad(h.transpose(0, 1), (0, self.dim - h.shape[-1])) for h in layers]

    def causal_logits(self, ids_RS: Tensor) -> Tensor:
        """Scores of the token after each position, RSV."""
        layers, _ = self.run(ids_RS, self._zero(len(ids_RS)))
        return self._logits(layers[-1].transpose(0, 1))

    def run(self, ids_BS: Tensor, state: State) -> tuple[list[Tensor], State]:
        """Embedding and output of each layer, h_SBD, and the states after the last token."""
        layers, after = [self._embed(ids_BS.T)], []
        for number, layer in enumerate(self._lstms):
            rate = self.options.hidden_dropout if number else self.options.input_dropout
            x_SBD = self._drop_variational(layers[-1], rate)
            h_SBD, left = functional_call(layer, self._drop_weights(layer), (x_SBD, state[number]))
            layers.append(h_SBD)
            after.append(left)
        return layers, after

    def _embed(self, ids_SB: Tensor) -> Tensor:
        """Embeddings; tokens whose rows are dropped are zero wherever they stand."""
        rate = self.options.embedding_dropout
        x_SBD = self.tokens(ids_SB)
        if not self.training or not rate:
            return x_SBD
        return x_SBD * mask(self.tokens.weight, (self.pieces.vocab_size, 1), rate)[ids_SB]

    def _drop_variational(self, h_SBD: Tensor, rate: float) -> Tensor:
        if not self.training or not rate:
            return h_SBD
        return h_SBD * mask(h_SBD, (1, *h_SBD.shape[1:]), rate)

    def _drop_weights(self, layer: nn.LSTM) -> dict[str, Tensor]:
        """What stands in for the layer's weights from state to state."""
        weight, rate = getattr(layer, DROPPED), self.options.weight_dropout
        if not self.training or not rate:
            return {}
        return {DROPPED: weight * mask(weight, weight.shape, rate)}

    def _logits(self, h_XD: Tensor) -> Tensor:
        return F.linear(h_XD, self.tokens.weight, self.bias)

    def begin_stream(self, num_rows: int) -> None:
        """See LanguageModel."""
        for number, layer in enumerate(self._lstms):
            for kind in "hc":
                zero = self.bias.new_zeros(num_rows, layer.hidden_size)
                self.register_buffer(f"{kind}{number}_BH", zero, persistent=False)

    def step_taken(self) -> list[Tensor]:
        """See LanguageModel."""
        if self._left is None:
            return []
        (rows_B, state), self._left = self._left, None
        buffers = []
        for number, pair in enumerate(state):
            for kind, left_1BH in zip("hc", pair, strict=True):
                buffers.append(self.get_buffer(f"{kind}{number}_BH").zero_())
                buffers[-1][rows_B] = left_1BH[0].detach().to(buffers[-1].dtype)
        return buffers

    def _zero(self, num_rows: int) -> State:
        make = self.bias.new_zeros
        sizes = [layer.hidden_size for layer in self._lstms]
        return [(make(1, num_rows, size), make(1, num_rows, size)) for size in sizes]

    def _carried(self, batch: dict[str, Tensor]) -> State:
        """States that the batch before left, at zero where a row begins anew."""
        rows_B, keep_B1 = batch["rows_B"], batch["keep_B"][:, None]

        def of(name: str) -> Tensor:
            return (self.get_buffer(f"{name}_BH")[rows_B] * keep_B1)[None]

        return [(of(f"h{n}"), of(f"c{n}")) for n in range(len(self.layers))]

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The rows, and which of them begin anew."""
        keep_B = random.random(len(ids_BS)) >= self.options.restart
        return {
            "ids_BS": ids_BS,
            "rows_B": np.arange(len(ids_BS)),
            "keep_B": keep_B.astype(np.float32),
        }

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Cross-entropy of each next token; in training with penalties and carried states."""
        ids_BS = batch["ids_BS"]
        carries = self.training and hasattr(self, "h0_BH")
        before = self._carried(batch) if carries else self._zero(len(ids_BS))
        layers, left = self.run(ids_BS[:, :-1], before)
        if carries:
            self._left = batch["rows_B"], left
        targets_M = ids_BS[:, 1:].T
        dropped = self._drop_variational(layers[-1], self.options.output_dropout)
        kept = targets_M != CLS
        targets_M = targets_M[kept]
        nats_M = next_token_nats(dropped[kept], self.tokens.weight, targets_M, self.bias)
        found = self.sums(nats_M, targets_M, torch.ones_like(nats_M))
        if not self.training:
            return found
        penalty = self._penalty(layers[-1].float(), dropped.float()) * kept.numel()
        return found._replace(objective=(found.nats + penalty, found.tokens))

    def _penalty(self, h_SBD: Tensor, dropped_SBD: Tensor) -> Tensor:
        """AR and TAR (Merity et al. 2017)."""
        change = (h_SBD[1:] - h_SBD[:-1]).square().mean()
        return self.options.ar * dropped_SBD.square().mean() + self.options.tar * change


def mask(like: Tensor, shape: tuple[int, ...], rate: float) -> Tensor:
    """Random zeros, and what keeps the expected value elsewhere."""
    return like.new_empty(shape).bernoulli_(1 - rate).div_(1 - rate)


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))

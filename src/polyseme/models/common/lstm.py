"""LSTM with a projection and clipped states (Sak et al. 2014), several networks side by side.

    o, i, f = sigmoid(gates), g = tanh(gates);  gates = input + h @ recurrent
    c = clip(f * c + i * g);  h = clip((o * tanh(c)) @ projection)

Why not torch.nn.LSTM(proj_size=...): it cannot clip, its kernel for cpus is a loop of the same
operations that autograd then walks back one by one, and the two directions of a biLM would run one
after the other. Here the backward pass is written out, so that gradients of the weights are one
product over all steps. Without clipping the arithmetic is that of nn.LSTM, against which tests hold
it. The recurrence is always float32: products of a few rows gain nothing from bfloat16.

Shapes: S steps, G networks, B rows, C cells, P projected states, K = 4C gates in the order
o, i, f, g.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

NUM_GATES = 4


class ProjectedLSTM(nn.Module):
    """One layer of G LSTMs of the same shape, each with its own weights.

    Args:
        num_networks: G.
        input_dim: dimensions of the input.
        cell_dim: C.
        projection_dim: P.
        cell_clip: bound of |c|; infinite for none.
        projection_clip: bound of |h|; infinite for none.
    """

    def __init__(
        self,
        num_networks: int,
        input_dim: int,
        cell_dim: int,
        projection_dim: int,
        *,
        cell_clip: float = math.inf,
        projection_clip: float = math.inf,
    ) -> None:
        super().__init__()
        self.cell_clip, self.projection_clip = cell_clip, projection_clip
        gates = NUM_GATES * cell_dim
        self.input = nn.Parameter(torch.empty(num_networks, input_dim, gates))
        self.recurrent = nn.Parameter(torch.empty(num_networks, projection_dim, gates))
        self.projection = nn.Parameter(torch.empty(num_networks, cell_dim, projection_dim))
        self.bias = nn.Parameter(torch.empty(num_networks, 1, gates))

    def zero_state(self, num_rows: int) -> tuple[Tensor, Tensor]:
        """States before the first step: h_GBP and c_GBC."""
        networks, cells, projected = self.projection.shape
        make = self.projection.new_zeros
        return make(networks, num_rows, projected), make(networks, num_rows, cells)

    def forward(
        self, x_SGBI: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """States after every step: h_SGBP, and c_SGBC, which carries no gradient."""
        steps, networks, rows, _ = x_SGBI.shape
        flat = x_SGBI.transpose(0, 1).reshape(networks, steps * rows, -1)
        gates = (torch.bmm(flat, self.input) + self.bias).to(self.bias.dtype)
        gates_SGBK = gates.view(networks, steps, rows, -1).transpose(0, 1)
        h_GBP, c_GBC = self.zero_state(rows) if state is None else state
        with torch.autocast(x_SGBI.device.type, enabled=False):
            given = _Given(h_GBP, c_GBC, self.cell_clip, self.projection_clip)
            found: tuple[Tensor, Tensor] = _Recurrence.apply(
                gates_SGBK, self.recurrent, self.projection, given
            )
        return found


class _Given(NamedTuple):
    """What the loop needs and no gradient is asked of."""

    h_GBP: Tensor
    c_GBC: Tensor
    cell_clip: float
    projection_clip: float


class _Recurrence(torch.autograd.Function):
    """The loop over steps, forwards and backwards."""

    @staticmethod
    def forward(
        ctx: Any, input_SGBK: Tensor, recurrent_GPK: Tensor, projection_GCP: Tensor, given: _Given
    ) -> tuple[Tensor, Tensor]:
        h_GBP, c_GBC, *clips = given
        steps, cells = len(input_SGBK), c_GBC.shape[-1]
        gates = input_SGBK.new_empty(input_SGBK.shape)
        h, c = h_GBP.new_empty(steps + 1, *h_GBP.shape), c_GBC.new_empty(steps + 1, *c_GBC.shape)
        h[0], c[0], squashed = h_GBP, c_GBC, torch.empty_like(c[1:])
        for t in range(steps):
            torch.baddbmm(input_SGBK[t], h[t], recurrent_GPK, out=gates[t])
            gates[t, ..., : 3 * cells].sigmoid_()
            gates[t, ..., 3 * cells :].tanh_()
            o, i, f, g = gates[t].chunk(NUM_GATES, dim=-1)
            torch.mul(f, c[t], out=c[t + 1]).addcmul_(i, g).clamp_(-clips[0], clips[0])
            torch.tanh(c[t + 1], out=squashed[t])
            torch.bmm(o * squashed[t], projection_GCP, out=h[t + 1])
            h[t + 1].clamp_(-clips[1], clips[1])
        ctx.save_for_backward(gates, h, c, squashed, recurrent_GPK, projection_GCP)
        ctx.clips = clips
        ctx.mark_non_differentiable(c)
        return h[1:], c[1:]

    @staticmethod
    def backward(ctx: Any, dh_SGBP: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gates, h, c, squashed, recurrent_GPK, projection_GCP = ctx.saved_tensors
        slopes, through, forget = _slopes(gates, c, squashed, ctx.clips[0])
        inside = (h[1:].abs() < ctx.clips[1]).to(h.dtype)
        recurrent_GKP, projection_GPC = (
            recurrent_GPK.mT.contiguous(),
            projection_GCP.mT.contiguous(),
        )
        dgates, dprojected = torch.empty_like(slopes), torch.empty_like(h[1:])
        dh, dc = torch.zeros_like(h[0]), torch.zeros_like(c[0])
        for t in reversed(range(len(gates))):
            torch.mul(dh + dh_SGBP[t], inside[t], out=dprojected[t])
            dm_GBC = torch.bmm(dprojected[t], projection_GPC)
            dc = dc.addcmul_(dm_GBC, through[t])
            torch.mul(slopes[t, ..., :1, :], dm_GBC.unsqueeze(-2), out=dgates[t, ..., :1, :])
            torch.mul(slopes[t, ..., 1:, :], dc.unsqueeze(-2), out=dgates[t, ..., 1:, :])
            dc = dc.mul_(forget[t])
            dh = torch.bmm(dgates[t].flatten(-2), recurrent_GKP)
        dinput = dgates.flatten(-2)
        mixed = gates[..., : c.shape[-1]] * squashed
        return dinput, _product(h[:-1], dinput), _product(mixed, dprojected), None


def _slopes(gates: Tensor, c: Tensor, squashed: Tensor, clip: float) -> tuple[Tensor, ...]:
    """Derivatives of all steps at once.

    Returns:
        Of every gate, SGB4C: the output gate's for a gradient of o * tanh(c), the others' for one
        of c; of o * tanh(c) by c; of c by the c before it. A clipped c passes nothing on.
    """
    o, i, f, g = gates.chunk(NUM_GATES, dim=-1)
    inside = c[1:].abs() < clip
    slopes = torch.stack(
        [
            squashed * o * (1 - o),
            g * i * (1 - i) * inside,
            c[:-1] * f * (1 - f) * inside,
            i * (1 - g.square()) * inside,
        ],
        dim=-2,
    )
    return slopes, o * (1 - squashed.square()), f * inside


def _product(left_SGBX: Tensor, right_SGBY: Tensor) -> Tensor:
    """Sum over steps and rows of the outer products, GXY."""
    left, right = (t.transpose(0, 1).flatten(1, 2) for t in (left_SGBX, right_SGBY))
    return torch.bmm(left.mT, right)

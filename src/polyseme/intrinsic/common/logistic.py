"""Logistic regressions with few examples, several at once.

The one with the squared length of its weights added, as scikit-learn's with C and no intercept of
its own; solved in the space of examples by Newton's method (Rasmussen and Williams 2006, algorithm
3.1, for a linear kernel), since examples are fewer than dimensions.

Shapes: F regressions, M examples, D dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 8


def weights(x_FMD: Tensor, positive_FM: Tensor, used_FM: Tensor, *, c: float = 1.0) -> Tensor:
    """Weights w_FD, float64; examples that are not used count for nothing.

    Args:
        x_FMD: examples; a constant dimension is the intercept.
        positive_FM: their class.
        used_FM: which are examples of the regression.
        c: weight of the examples against the squared length of the weights.
    """
    x_FMD = x_FMD.double() * used_FM[..., None]
    gold_FM = positive_FM.double()
    kernel_FMM = c * x_FMD @ x_FMD.mT
    eye_MM = torch.eye(x_FMD.shape[1], dtype=torch.float64)
    dual_FM = torch.zeros_like(gold_FM)
    for _ in range(STEPS):
        f_FM = (kernel_FMM @ dual_FM[..., None])[..., 0]
        p_FM = f_FM.sigmoid()
        slope_FM = p_FM * (1 - p_FM)
        root_FM = slope_FM.sqrt()
        b_FM = slope_FM * f_FM + gold_FM - p_FM
        inner_FMM = eye_MM + root_FM[:, :, None] * kernel_FMM * root_FM[:, None]
        right_FM1 = root_FM[..., None] * (kernel_FMM @ b_FM[..., None])
        dual_FM = b_FM - root_FM * torch.linalg.solve(inner_FMM, right_FM1)[..., 0]
    return c * (x_FMD.mT @ dual_FM[..., None])[..., 0]

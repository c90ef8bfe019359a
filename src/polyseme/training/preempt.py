"""Preemption of pre-training: the steps that are under way are taken, then the state is saved.

The signal may come at any time; between two steps weights, optimizers and history fit together.
The first process asks all others to save with it, as the clock does (`training/callback.py`).
What follows is the exact resume of any checkpoint.
"""

from __future__ import annotations

import signal
import threading
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from polyseme.errors import PreemptedError
from polyseme.runtime import preempt


class Preemption(Callback):
    """Ends training after the first whole step since the signal, when the loop has saved.

    Args:
        leads: whether this is the first process of the training; the others follow it.
    """

    def __init__(self, *, leads: bool) -> None:
        self.leads = leads
        self.before: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the signal instead of ending at it."""
        if threading.current_thread() is not threading.main_thread():
            return  # which alone is told of signals
        self.before = signal.getsignal(preempt.SIGNAL)
        if self.leads:
            preempt.listen()
        else:
            preempt.ignore()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Ask all to save, if the signal has come."""
        if self.leads and preempt.asked():
            pl_module.wants_leave = True  # type: ignore[assignment]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Leave, now that all have saved."""
        if getattr(pl_module, "leaves", False):
            where = f"step {getattr(pl_module, 'step', '')}"
            mend = "its state is saved: run it again to continue"
            raise PreemptedError("preempted", where=where, mend=mend)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What follows needs no more care."""
        if self.before is not None:
            signal.signal(preempt.SIGNAL, self.before)

"""Preemption of pre-training: the step that is under way is taken, then the state is saved.

The signal may come at any time; between two steps weights, optimizers and history fit together.
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
    """Ends training after the step in which the signal comes; the loop saves (on_exception).

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

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Leave, if the signal has come."""
        if self.leads and preempt.asked():
            where = f"step {getattr(pl_module, 'step', '')}"
            mend = "its state is saved: run it again to continue"
            raise PreemptedError("preempted", where=where, mend=mend)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What follows needs no more care."""
        if self.before is not None:
            signal.signal(preempt.SIGNAL, self.before)

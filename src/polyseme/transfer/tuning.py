"""A language model goes on, on the text of a task: the second stage of ULMFiT.

It is trained on the words of the whole training split, without labels, so once for a task: the
weights are kept under the hash of everything they follow from, and the cells of a task share them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from polyseme import paths
from polyseme.data.tokens import TokenStore
from polyseme.errors import IntegrityError
from polyseme.models import base
from polyseme.models.base import MARKS, Words
from polyseme.models.common.language_model import LanguageModel
from polyseme.runtime.manifest import canonical
from polyseme.runtime.settings import Runtime
from polyseme.runtime.stage import trained_by
from polyseme.training.loop import pretrain
from polyseme.training.options import TrainingOptions

SEED = 0
VALIDATION_ROWS = 64


class Tuning:
    """Tuned weights on disk.

    Args:
        folder: may be deleted at any time; models are then tuned again.
    """

    def __init__(self, runtime: Runtime, folder: Path = paths.SCRATCH / "tuned") -> None:
        self.runtime, self.folder = runtime, folder

    def apply(
        self,
        model: LanguageModel,
        texts: Mapping[str, Sequence[Words]],
        plan: tuple[int, float],
        identity: Mapping[str, Any],
    ) -> None:
        """Bring a model to where it stands after the task's text.

        Args:
            model: changed in place.
            texts: of the splits `train` and `valid`.
            plan: passes over the text, and peak learning rate.
            identity: what the model follows from.
        """
        name = canonical({**identity, "plan": list(plan), "texts": _as_lists(texts)})
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.safetensors"
        with _alone(self.folder / f"{name}.lock"):
            try:
                base.load_weights(model, path)
            except IntegrityError:
                scratch = self.folder / f"{name}.run-{trained_by()[:16]}"
                self._train(model, texts, plan, scratch)
                temporary = self.folder / f"{name}.tmp-{os.getpid()}"
                base.save_weights(model, temporary)
                temporary.replace(path)
                shutil.rmtree(scratch, ignore_errors=True)

    def _train(
        self,
        model: LanguageModel,
        texts: Mapping[str, Sequence[Words]],
        plan: tuple[int, float],
        scratch: Path,
    ) -> None:
        """Train, or continue what a killed process began of the same."""
        stores = {name: TokenStore.of(_sentences(texts[name]), model.pieces) for name in texts}
        options = _fitting(model.options, stores, plan)
        if options is None:
            return
        runtime = replace(self.runtime, progress=False, num_processes=1)
        pretrain(
            model, options, stores, seed=SEED, runtime=runtime, scratch=scratch,
            log=lambda values, step: None, goes_on=True,
        )  # fmt: skip


def _as_lists(texts: Mapping[str, Sequence[Words]]) -> dict[str, list[list[str]]]:
    return {name: [list(words) for words in some] for name, some in texts.items()}


def _fitting(
    options: TrainingOptions, stores: Mapping[str, TokenStore], plan: tuple[int, float]
) -> TrainingOptions | None:
    """Options for so little text; None where it is less than two rows."""
    length = options.sequence_length
    rows = min(stores["train"].num_tokens // length - 1, options.batch_size)
    if rows < 1 or stores["valid"].num_tokens < length:
        return None
    epochs, lr = plan
    return replace(
        options, batch_size=rows, budget=epochs, budget_unit="epochs", optimizer="adamw", lr=lr,
        schedule="trapezoid", warmup=0.1, cooldown=0.9, num_validations=1,
        validation_rows=VALIDATION_ROWS,
    )  # fmt: skip


def _sentences(texts: Iterable[Words]) -> Iterator[list[str]]:
    """Texts without marks, cut at them."""
    for words in texts:
        sentence: list[str] = []
        for word in words:
            if word in MARKS:
                if sentence:
                    yield sentence
                sentence = []
            else:
                sentence.append(word)
        if sentence:
            yield sentence


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time; a killed one lets go."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield

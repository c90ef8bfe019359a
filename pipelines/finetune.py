"""Stage finetune@<corpus>-<model>: tasks x strategies x label budgets x seeds."""

from __future__ import annotations

from functools import partial

from polyseme import items, paths
from polyseme.data.tokens import TokenStore
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.runtime.stage import Stage, run
from polyseme.training.determinism import device_of, make_deterministic
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.stage import evaluate
from polyseme.transfer.workers import runtime_of_cell


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    params = stage.params
    folder = stage.input(paths.model(experiment, corpus, name))
    text = stage.input(paths.corpus(experiment, corpus))
    runtime = runtime_of_cell(stage.runtime)
    make_deterministic(runtime)
    card = base.read_card(folder)
    module = items.load(card["group"], card["module"])
    evaluation = Evaluation(
        partial(base.load, folder, device_of(runtime)),
        stage.inputs[folder.as_posix()],
        module,
        params["strategy"],
        seeds=params["seeds"],
        train_sizes=params["train_sizes"],
        identity={"numerics": params["numerics"]} | getattr(module, "identity", dict)(),
        runtime=runtime,
        scratch=stage.scratch,
        held_out=partial(TokenStore.open, text, "valid"),
    )
    out = stage.output(paths.results(experiment, "finetune", corpus, name))
    evaluate(stage, evaluation, paths.task(experiment, ""), out, artifact.columns(card))


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")

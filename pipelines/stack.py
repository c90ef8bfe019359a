"""Stage stack@<corpus>-<model>: strategies that put another representation beside the model."""

from __future__ import annotations

from polyseme import items, paths
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.models.common.stacked import Stacked
from polyseme.runtime.manifest import canonical
from polyseme.runtime.stage import Stage, run
from polyseme.training.determinism import device_of, make_deterministic
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.stage import evaluate
from polyseme.transfer.workers import runtime_of_cell


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    params = stage.params
    names = (name, params["partner"])
    folders = [stage.input(paths.model(experiment, corpus, n)) for n in names]
    runtime = runtime_of_cell(stage.runtime)
    make_deterministic(runtime)
    card, other = map(base.read_card, folders)
    modules = [items.load(c["group"], c["module"]) for c in (card, other)]
    identity = {"numerics": params["numerics"]}
    for module in modules:
        identity |= getattr(module, "identity", dict)()
    evaluation = Evaluation(
        lambda: Stacked(*(base.load(f, device_of(runtime)) for f in folders)),
        canonical([stage.inputs[f.as_posix()] for f in folders]),
        modules[0],
        params["strategy"],
        seeds=params["seeds"],
        train_sizes=params["train_sizes"],
        identity=identity,
        runtime=runtime,
        scratch=stage.scratch,
        with_partner=True,
    )
    out = stage.output(paths.stacked(experiment, corpus, name))
    evaluate(stage, evaluation, paths.task(experiment, ""), out, artifact.columns(card))


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")

"""Stage corpus@<corpus>: documents to sentences of words to memory-mapped subword tokens."""

from __future__ import annotations

from pathlib import Path

from polyseme import paths
from polyseme.data import corpus
from polyseme.runtime.stage import Stage, run


def main(stage: Stage) -> None:
    experiment, name = stage.args["experiment"], stage.args["corpus"]
    options, reader_options = corpus.check(
        stage.params["corpus"][name], file=f"conf/corpus/{name}.yaml", key=f"corpus.{name}"
    )
    source = stage.source(Path(options.source))  # before scratch, which is named by it
    card = corpus.prepare(
        options,
        reader_options,
        name=name,
        source=source,
        out=stage.output(paths.corpus(experiment, name)),
        num_workers=stage.runtime.num_workers,
        progress=stage.runtime.progress,
        how=stage.runtime.preparation,
        scratch=stage.scratch,
    )
    stage.tracker.summary(
        {
            f"{split}_{key}": n
            for split, counts in card["splits"].items()
            for key, n in counts.items()
        }
    )


if __name__ == "__main__":
    run(main, "experiment", "corpus")

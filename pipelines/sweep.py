"""`python -m pipelines.sweep NAME`: the same as `polyseme sweep NAME`. No stage of dvc.yaml."""

from __future__ import annotations

import sys

from polyseme import cli

if __name__ == "__main__":
    cli.main(["sweep", *sys.argv[1:]])

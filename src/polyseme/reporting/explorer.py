"""Data of the interactive part of the HTML page: every word in every layer."""

from __future__ import annotations

import json
from typing import Any

from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import style
from polyseme.reporting.page import Explorer
from polyseme.reporting.polysemy import Polysemy, Word


def build(evidence: Evidence) -> Explorer:
    """What the reader can choose, and what is drawn then."""
    systems = evidence.polysemy
    words = next(iter(systems.values())).words
    static = tuple(system for system, found in systems.items() if found.is_static)
    contextual = tuple(system for system in systems if system not in static)
    panes = {"Static": static, "Contextual": contextual}
    return Explorer(
        words=tuple(words),
        panes={title: names for title, names in panes.items() if names},
        data={
            "colours": list(style.SERIES),
            "words": {name: _occurrences(word) for name, word in words.items()},
            "systems": {system: _layers(found) for system, found in systems.items()},
        },
    )


def script_json(data: Any) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _occurrences(word: Word) -> dict[str, Any]:
    senses = word.senses
    return {
        "senses": senses,
        "texts": [occurrence.marked for occurrence in word.occurrences],
        "kinds": [senses.index(occurrence.sense) for occurrence in word.occurrences],
    }


def _layers(found: Polysemy) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [
            {
                "layer": layer.layer,
                "separation": round(layer.separation, 3),
                "explained": round(layer.explained, 3),
                "points": [[round(x, 4), round(y, 4)] for x, y in layer.points],
            }
            for layer in word.layers
        ]
        for name, word in found.words.items()
    }

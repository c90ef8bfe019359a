"""Fake descriptions of words with several senses, as the intrinsic stage writes them."""

from __future__ import annotations

import math
import random
from typing import Any

OCCURRENCES = "occurrences"
NUM = 60
WORDS = {
    "bank": {"institution": "the rich bank closed .", "shore": "a green bank flooded ."},
    "crack": {
        "fissure": "the rusty crack surprised him .",
        "drug": "the illegal crack scared her , said <b>Eve</b> </script><script>alert(1)</script>",
        "solve": "she cracked the hard problem .",
    },
}


def describe(num_layers: int) -> dict[str, Any]:
    """One representation; senses fall apart more and more over the layers."""
    gap = {"text": "my team had ___ .", "fillings": [["lost", 0.51], ["won", 0.2]]}
    words = {name: _word(name, num_layers) for name in WORDS}
    return {"words": words, "gaps": [gap] if num_layers > 1 else []}


def _word(name: str, num_layers: int) -> dict[str, Any]:
    senses = list(WORDS[name])
    kinds = [n % len(senses) for n in range(NUM)]
    shown = [_shown(name, senses[kind]) for kind in kinds]
    layers = [_layer(name, kinds, layer, num_layers) for layer in range(num_layers)]
    near = {str(n): [["wall", 0.8], ["door", 0.7 + n / 100]] for n in range(num_layers)}
    contexts = [shown[n] | {"neighbors": near} for n in range(3)]
    return {"occurrences": shown, "layers": layers, "contexts": contexts}


def _shown(name: str, sense: str) -> dict[str, Any]:
    text = WORDS[name][sense]
    position = next(n for n, word in enumerate(text.split()) if word.startswith(name))
    return {"text": text, "position": position, "sense": sense, "cue": "next"}


def _layer(name: str, kinds: list[int], layer: int, num_layers: int) -> dict[str, Any]:
    is_static = num_layers == 1
    points, chance = [], random.Random(f"{name} {layer}")
    for kind in kinds:
        angle = 2 * math.pi * kind / 3
        away = 0.12 * layer
        if is_static:
            away, angle = (0.3, 0.0) if kind == 2 else (0.0, 0.0)
        jitter = 0.0 if is_static else 0.12
        x, y = (jitter * chance.gauss(0, 1) for _ in "xy")
        points.append([round(away * math.cos(angle) + x, 4), round(away * math.sin(angle) + y, 4)])
    separation = 0.32 if is_static else round(0.4 + 0.13 * layer, 4)
    explained = 1.0 if is_static else 0.41
    return {
        "layer": str(layer),
        "points": points,
        "explained": explained,
        "separation": separation,
    }

"""Regular English inflection; irregular forms stand in the word lists.

number     sg, pl
verb       base, plural (present), sg3 (third person), past, part (participle), ing
"""

from __future__ import annotations

import re

FEATURES = {
    "number": {"sg": "Number=Sing", "pl": "Number=Plur"},
    "verb": {
        "base": "VerbForm=Inf",
        "plural": "Number=Plur|Tense=Pres|VerbForm=Fin",
        "sg3": "Number=Sing|Tense=Pres|VerbForm=Fin",
        "past": "Tense=Past|VerbForm=Fin",
        "part": "Tense=Past|VerbForm=Part",
        "ing": "Tense=Pres|VerbForm=Part",
    },
    "-": {"": ""},
}
"""Inflection -> form -> features in UD's notation; `-` does not inflect."""
MOST_FORMS = {"number": 2, "verb": 4, "-": 1}

_HISS = re.compile(r"(s|x|z|ch|sh)$")
_CONSONANT_Y = re.compile(r"[^aeiou]y$")
_ENDS_CVC = re.compile(r"^[^aeiou]*[aeiou][bdgklmnprt]$")  # one short syllable: stop, stopped


def inflect(inflection: str, lemma: str, irregular: list[str]) -> dict[str, str]:
    """All forms of a word.

    Args:
        irregular: plural of a noun; past, participle and gerund of a verb; empty where regular.
    """
    if inflection == "number":
        return {"sg": lemma, "pl": irregular[0] if irregular else _add_s(lemma)}
    if inflection == "verb":
        past = irregular[0] if irregular else _add_ed(lemma)
        participle = irregular[min(1, len(irregular) - 1)] if irregular else past
        s, ing = _add_s(lemma), irregular[2] if len(irregular) > 2 else _add_ing(lemma)  # noqa: PLR2004
        return {
            "base": lemma,
            "plural": lemma,
            "sg3": s,
            "past": past,
            "part": participle,
            "ing": ing,
        }
    return {"": lemma}


def _add_s(word: str) -> str:
    if _CONSONANT_Y.search(word):
        return word[:-1] + "ies"
    return word + ("es" if _HISS.search(word) or word.endswith("go") else "s")


def _add_ed(word: str) -> str:
    if _CONSONANT_Y.search(word):
        return word[:-1] + "ied"
    if word.endswith("e"):
        return word + "d"
    return (word + word[-1] if _ENDS_CVC.search(word) else word) + "ed"


def _add_ing(word: str) -> str:
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith("ee"):
        return word[:-1] + "ing"
    return (word + word[-1] if _ENDS_CVC.search(word) else word) + "ing"

"""Words and senses of a controlled language, read from words.txt and senses.txt.

Both are tables of lines; every error names file, line and mend. See the heads of
english/words.txt and english/senses.txt for the format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.language.morphology import FEATURES, MOST_FORMS, inflect

WORDS, SENSES = "words.txt", "senses.txt"
ANY = "-"
MAX_LINE = 2**16


@dataclass(frozen=True, slots=True)
class Word:
    """A word type with all its forms.

    Attributes:
        place: `file:line` where it stands.
        forms: form name -> written form.
    """

    place: str
    lemma: str
    upos: str
    inflection: str
    forms: dict[str, str]

    def features(self, form: str) -> str:
        """Features of a form in UD's notation."""
        return FEATURES[self.inflection][form]


@dataclass(frozen=True, slots=True)
class Sense:
    """One sense of a word with several.

    Attributes:
        name: `word.sense`.
        cues: modifiers of its own, besides those of its topic.
    """

    name: str
    word: Word
    topic: str
    cues: tuple[str, ...]


@dataclass
class Lexicon:
    """All words.

    Attributes:
        topics: names, in the order of the file.
        classes: class -> topic, or `-` -> words, the more frequent first.
        senses: by name.
        places: `file:line` where a class is declared, and where a topic stands first.
    """

    topics: list[str] = field(default_factory=list)
    kinds: dict[str, tuple[str, str]] = field(default_factory=dict)
    classes: dict[str, dict[str, list[Word]]] = field(default_factory=dict)
    senses: dict[str, Sense] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """`file:line` and content of every line that is neither blank nor a comment."""
    text, _ = open_text(path)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            content = line.split("#", 1)[0].strip()
            if content:
                yield f"{path}:{number}", content


def read(folder: Path) -> Lexicon:
    """Words and senses of the language in a folder.

    Raises:
        DataError: a line that cannot be used, or words that do not fit together.
    """
    lexicon = Lexicon()
    for place, line in lines(folder / WORDS):
        head, *rest = line.split()
        if head == "class":
            _declare(lexicon, place, rest)
        else:
            _add_words(lexicon, place, head, rest)
    for place, line in lines(folder / SENSES):
        _add_sense(lexicon, place, line.split())
    _check_senses(lexicon, folder / SENSES)
    return lexicon


def _declare(lexicon: Lexicon, place: str, rest: list[str]) -> None:
    if len(rest) != 3 or rest[2] not in FEATURES:  # noqa: PLR2004
        raise DataError(
            "is not `class Name UPOS inflection`",
            where=place,
            mend=f"inflections: {', '.join(FEATURES)}",
        )
    if rest[0] in lexicon.kinds:
        raise DataError(
            f"class {rest[0]!r} is declared twice",
            where=place,
            mend=f"remove it here or at {lexicon.places[rest[0]]}",
        )
    lexicon.kinds[rest[0]] = (rest[1], rest[2])
    lexicon.classes[rest[0]] = {}
    lexicon.places[rest[0]] = place


def _add_words(lexicon: Lexicon, place: str, name: str, rest: list[str]) -> None:
    if name not in lexicon.kinds:
        raise DataError(
            f"class {name!r} is not declared", where=place, mend=f"write `class {name} UPOS ...`"
        )
    if len(rest) < 2:  # noqa: PLR2004
        raise DataError("has no words", where=place, mend="write `Class topic word word ...`")
    topic, *words = rest
    if topic != ANY and topic not in lexicon.topics:
        lexicon.topics.append(topic)
        lexicon.places.setdefault(topic, place)
    if topic in lexicon.classes[name]:
        raise DataError(
            f"class {name} of topic {topic} stands twice", where=place, mend="join the two lines"
        )
    lexicon.classes[name][topic] = made = []
    for word in words:
        made.append(_word(word, *lexicon.kinds[name], place))
        if sum(w.lemma == made[-1].lemma for w in made) > 1:
            raise DataError(f"{made[-1].lemma!r} stands twice", where=place, mend="remove one")


def _word(text: str, upos: str, inflection: str, place: str) -> Word:
    lemma, *irregular = text.split(":")
    if not lemma or len(irregular) >= MOST_FORMS[inflection] or not all(irregular):
        raise DataError(
            f"{text!r} is no word of inflection {inflection!r}",
            where=place,
            mend="write noun:plural, verb:past:participle, or the word alone",
        )
    return Word(place, lemma, upos, inflection, inflect(inflection, lemma, irregular))


def _add_sense(lexicon: Lexicon, place: str, fields: list[str]) -> None:
    if len(fields) < 4:  # noqa: PLR2004
        missing = ("word", "part of speech", "sense", "topic")[len(fields)]
        raise DataError(
            f"{fields[0]!r} has no {missing}", where=place, mend="write `word UPOS sense topic`"
        )
    text, upos, sense, topic, *cues = fields
    if topic not in lexicon.topics:
        raise DataError(
            f"unknown topic {topic!r}", where=place, mend=f"one of {', '.join(lexicon.topics)}"
        )
    inflections = {"NOUN": "number", "VERB": "verb"}
    if upos not in inflections:
        raise DataError(f"sense of a {upos}", where=place, mend="only NOUN and VERB have senses")
    if upos == "VERB" and cues:
        raise DataError(
            f"{cues[0]!r} cues a verb", where=place, mend="remove it: its object cues a verb"
        )
    word = _word(text, upos, inflections[upos], place)
    name = f"{word.lemma}.{sense}"
    if name in lexicon.senses:
        raise DataError(f"sense {name!r} stands twice", where=place, mend="rename or remove one")
    lexicon.senses[name] = Sense(name, word, topic, tuple(cues))


def modifiers(lexicon: Lexicon, sense: Sense) -> list[str]:
    """Words that cue a noun's sense from right before it."""
    topic = [word.lemma for word in lexicon.classes.get("Mod", {}).get(sense.topic, [])]
    return [*sense.cues, *topic]


def objects(lexicon: Lexicon, sense: Sense) -> list[Word]:
    """Nouns that cue a sense from the same clause."""
    return lexicon.classes.get("Noun", {}).get(sense.topic, [])


def _check_senses(lexicon: Lexicon, path: Path) -> None:
    """Each sense has cues, no two senses of a word share one, and no plain word has senses."""
    ambiguous: dict[str, list[Sense]] = {}
    for sense in lexicon.senses.values():
        ambiguous.setdefault(sense.word.lemma, []).append(sense)
        if not objects(lexicon, sense) or not modifiers(lexicon, sense):
            raise DataError(
                f"sense {sense.name!r} has no cue",
                where=sense.word.place,
                mend=f"add lines `Noun {sense.topic} ...` and `Mod {sense.topic} ...` to {WORDS}",
            )
    for lemma, senses in ambiguous.items():
        if len(senses) < 2:  # noqa: PLR2004
            raise DataError(
                f"{lemma!r} has one sense only",
                where=senses[0].word.place,
                mend=f"add a second sense, or move it to {WORDS}",
            )
        _check_apart(lexicon, senses)
    owner = {form: s.word.lemma for s in lexicon.senses.values() for form in s.word.forms.values()}
    for words in (w for topics in lexicon.classes.values() for w in topics.values()):
        for word in words:
            shared = next((form for form in word.forms.values() if form in owner), None)
            if shared:
                raise DataError(
                    f"{shared!r} stands in {path.name} as well, as {owner[shared]!r}",
                    where=word.place,
                    mend="a word with senses is written there alone: remove it here",
                )


def _check_apart(lexicon: Lexicon, senses: list[Sense]) -> None:
    told: dict[tuple[str, str], str] = {}
    for sense in senses:
        cues = {*modifiers(lexicon, sense), *(w.lemma for w in objects(lexicon, sense))}
        for cue in sorted(cues):
            other = told.setdefault((sense.word.upos, cue), sense.name)
            if other != sense.name:
                raise DataError(
                    f"{cue!r} cues both {other!r} and {sense.name!r}",
                    where=sense.word.place,
                    mend="give the senses topics or cues that tell them apart",
                )

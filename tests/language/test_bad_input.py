from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from tests.language.conftest import ENGLISH, Damage

from polyseme.corpora import controlled
from polyseme.corpora.base import Finishing
from polyseme.data import corpus
from polyseme.errors import ConfigError, DataError, PolysemeError
from polyseme.language.source import Config, Source

GRAMMAR, WORDS, SENSES = "grammar.txt", "words.txt", "senses.txt"
CONF = "conf/corpus/controlled.yaml"


def refusal(folder: Path, file: str, at: str) -> PolysemeError:
    """The error at load; it is one line that names the line of `file` beginning with `at`."""
    with pytest.raises(PolysemeError) as caught:
        Source(folder, Config())
    lines = (folder / file).read_text().splitlines()
    number = next(n for n, text in enumerate(lines, 1) if text.startswith(at))
    line = str(caught.value)
    assert line.startswith(f"{folder / file}:{number}: "), line
    assert "\n" not in line
    assert caught.value.mend
    return caught.value


@pytest.mark.parametrize(
    ("line", "becomes", "at", "what"),
    [
        ("", "Foo 1 =a/DET/a*", "Foo", "symbol 'Foo' is not reached"),
        ("", "Plain 1 Foo*", "Plain 1 Foo", "symbol 'Foo' is not defined"),
        ("feature tense", "feature tense past 0.6 pres 0.5", "feature tense", "sum to 1.1"),
        ("feature tense", "feature tense past 1.6 pres -0.6", "feature tense", "not be negative"),
        ("feature tense", "feature tense past 0.6 pres", "feature tense", "a number after each"),
        ("feature tense", "", "Plain 10", "feature of '?' in 'Decl' is not defined"),
        ("", "feature gen x 1", "feature gen x", "'gen' stands twice"),
        ("", "feature sex m 1", "feature sex", "'m' stands twice"),
        ("Be[sg,pres]", "Be[sg,prs] 1 =is/AUX/be*", "Be[sg,prs]", "undefined feature value 'prs'"),
        ("Who[sg] 3", "Who[sg] 3 Human[sg,n]*", "Who[sg] 3", "undefined feature value 'n'"),
        ("Decl[t] 0.8", "Decl[t] 0.8 Verbs[sg,perf]*", "Decl[t] 0.8", "value 'perf' in 'Verbs'"),
        ("Crew[n] 2", "Crew[n] 2 Owner:det Group[dual]*", "Crew[n] 2", "value 'dual' in 'Group'"),
        ("Topic[sg] 5", "Topic[sg] 5 Det[sg]:det Noun*", "Topic[sg] 5", "0 arguments, not 1"),
        ("Tone[good] 3", "Tone[good] 3 Good[sg]*", "Tone[good] 3", "1 arguments, not 0"),
        ("Bare[s,sg] 1", "Bare[s,sg] 1 Noun_of[s]*", "Bare[s,sg] 1", "1 arguments, not 2"),
        ("Conj", "{}\nConj[n] 1 Act[n,past]*", "Conj[n] ", "has 1 arguments, not 2"),
        ("", "Plain 1 Question[?]:dep", "Plain 1 Q", "has 0 heads; mark one child"),
        ("", "Plain 1 Question[?]* Time*", "Plain 1 Q", "has 2 heads; mark one child"),
        ("", "Plain 1 Question[?]* Time", "Plain 1 Q", "'Time' has no relation"),
        ("", "Plain 1 =foo*", "Plain 1 =", "write =form/UPOS/lemma"),
        ("", "Plain 1 Pl@in*", "Plain 1 Pl", "is no symbol"),
        ("", "Plain $rain Verdict*", "Plain $", "weight $rain is no parameter; one of affirmed"),
        ("", "Plain 0 Verdict*", "Plain 0 ", "no positive number"),
        ("", "Plain nan Verdict*", "Plain nan", "no positive number"),
        ("", "Plain 1 A*\nA 1 A*", "A 1", "'A' stands for never ends"),
        ("", "Plain 1 A*\nA 1 A* A:dep\nA 1 Time*", "A 1", "'A' stands for never ends"),
    ],
)
def test_bad_grammar(damaged: Damage, line: str, becomes: str, at: str, what: str) -> None:
    assert what in str(refusal(damaged(GRAMMAR, line, becomes), GRAMMAR, at))


def test_a_form_that_a_word_lacks_is_refused_where_it_is_asked_for(damaged: Damage) -> None:
    folder = damaged(GRAMMAR, "", "Plain 1 Odd[i]*\nOdd[n] 1 Noun[n]*")
    assert "there is no 'i'; one of pl, sg" in str(refusal(folder, GRAMMAR, "Odd"))


def test_a_weight_that_is_no_parameter_is_an_error_of_configuration(damaged: Damage) -> None:
    with pytest.raises(ConfigError, match="no parameter"):
        Source(damaged(GRAMMAR, "", "Plain $rain Verdict*"), Config())


def test_rules_that_lead_to_themselves_and_end_are_accepted(damaged: Damage) -> None:
    folder = damaged(GRAMMAR, "", "Plain 1 A*\nA 1 A* Time:dep\nA 2 Time*")
    assert Source(folder, Config()).document(0, 0.1, 0.1).sentences


@pytest.mark.parametrize(
    ("line", "becomes", "at", "what"),
    [
        ("", "Foo - bar", "Foo", "class 'Foo' is not declared"),
        ("", "class Foo NOUN numbers", "class Foo", "inflections: number, verb, -"),
        ("", "class Foo", "class Foo", "is not `class Name UPOS inflection`"),
        ("", "class Foo NOUN number", "class Foo", "class 'Foo' is not reached"),
        ("", "class Cue NOUN number", "class Cue", "the name of a symbol for senses"),
        ("Manner", "", "class Manner", "Manner has no word in documents of topic 'house'"),
        ("", "Noun gym weight", "Noun gym", "add a noun with a sense of topic gym to senses.txt"),
        ("Good", "{} good", "Good", "'good' stands twice"),
        ("Good", "{} fine:finer", "Good", "'fine:finer' is no word"),
        ("Noun house", "{} attic:attics:more", "Noun house", "'attic:attics:more' is no word"),
        ("Noun house", "{} attic:", "Noun house", "'attic:' is no word"),
        ("Noun house", "{} bank", "Noun house", "'bank' stands in senses.txt as well"),
        ("Noun house", "{} banks", "Noun house", "'banks' stands in senses.txt as well, as 'bank'"),
    ],
)
def test_bad_words(damaged: Damage, line: str, becomes: str, at: str, what: str) -> None:
    assert what in str(refusal(damaged(WORDS, line, becomes), WORDS, at))


@pytest.mark.parametrize(
    ("line", "becomes", "at", "what"),
    [
        ("", "spade", "spade", "'spade' has no part of speech"),
        ("", "spade NOUN", "spade", "'spade' has no sense"),
        ("", "spade NOUN tool", "spade", "'spade' has no topic"),
        ("", "bank NOUN row gym", "bank NOUN row", "unknown topic 'gym'; one of house, crime"),
        ("", "spade NOUN tool house", "spade", "'spade' has one sense only"),
        ("", "cool ADJ calm music", "cool", "only NOUN and VERB have senses"),
        ("", "bank NOUN shore sport", "bank NOUN shore sport", "'bank.shore' stands twice"),
        ("", "bank NOUN row money", "bank NOUN row", "cues both 'bank.institution' and 'bank.row'"),
        ("bank NOUN shore", "{} annual", "bank NOUN shore", "'annual' cues both"),
        ("crack VERB", "{} hard", "crack VERB", "'hard' cues a verb; remove it: its object cues"),
    ],
)
def test_bad_senses(damaged: Damage, line: str, becomes: str, at: str, what: str) -> None:
    assert what in str(refusal(damaged(SENSES, line, becomes), SENSES, at))


def test_a_class_is_declared_once(damaged: Damage) -> None:
    folder = damaged(WORDS, "", "class Noun NOUN number")
    with pytest.raises(DataError, match=r"words.txt:\d+: class 'Noun' is declared twice; .*:5$"):
        Source(folder, Config())


def test_a_class_has_one_line_a_topic(damaged: Damage) -> None:
    folder = damaged(WORDS, "", "Noun house attic")
    with pytest.raises(DataError, match=r"words.txt:\d+: .* stands twice; join the two lines"):
        Source(folder, Config())


@pytest.mark.parametrize("class_", ["Mod", "Noun"])
def test_a_sense_without_a_cue_is_refused_where_the_sense_stands(
    damaged: Damage, class_: str
) -> None:
    folder = damaged(WORDS, f"{class_} crime", "")
    found = refusal(folder, SENSES, "crack NOUN drug")
    assert "sense 'crack.drug' has no cue; add lines `Noun crime ...`" in str(found)


def test_a_missing_file_is_named(damaged: Damage) -> None:
    folder = damaged(WORDS, "", "")
    (folder / SENSES).unlink()
    with pytest.raises(DataError, match=r"senses.txt"):
        Source(folder, Config())


def values(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(CONF))  # type: ignore[assignment]
    return found | {"reader_options": found["reader_options"] | changes}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"num_words": 0}, "reader_options.num_words = 0 is not allowed"),
        ({"num_words": -5}, "reader_options.num_words = -5 is not allowed"),
        ({"min_sentences": 0}, "reader_options.min_sentences = 0 is not allowed"),
        ({"min_sentences": 16}, "allowed: max_sentences >= min_sentences = 16"),
        ({"ambiguity": 1.5}, "reader_options.ambiguity = 1.5 is not allowed"),
        ({"drift": -0.1}, "reader_options.drift = -0.1 is not allowed"),
        ({"held_out": 0.6}, "reader_options.held_out = 0.6 is not allowed"),
        ({"next": 0.7, "clause": 0.4}, "allowed: next + clause <= 1"),
        ({"seed": -1}, "reader_options.seed = -1 is not allowed"),
        ({"topics": 9}, "unknown key 'corpus.controlled.reader_options.topics'"),
    ],
)
def test_bad_configuration(change: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        corpus.check(values(**change), file=CONF, key="corpus.controlled")
    assert str(caught.value).startswith(f"{CONF}: ")
    assert "\n" not in str(caught.value)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    "shares",
    [
        {"ambiguity": 0.0},
        {"ambiguity": 1.0, "next": 0.9, "clause": 0.1},
        {"next": 0.0, "clause": 0.0},
        {"negation": 0.0, "drift": 0.0, "held_out": 0.0},
        {"negation": 1.0, "drift": 1.0, "held_out": 0.5},
    ],
)
def test_shares_may_be_all_or_nothing(shares: dict[str, Any]) -> None:
    source = Source(ENGLISH, Config(**shares))
    assert all(rule.probability > 0 for rules in source.rules.values() for rule in rules)
    found = [s for n in range(20) for s in source.document(n, 0.1, 0.1).sentences]
    share = sum("cue" in sentence.attributes for sentence in found) / len(found)
    assert {0.0: share == 0, 1.0: share == 1}.get(source.options.ambiguity, 0.3 < share < 0.7)


def test_more_workers_than_documents(tmp_path: Path) -> None:
    how = Finishing(
        name="controlled",
        result=tmp_path,
        num_workers=4,
        progress=False,
        valid_fraction=0.1,
        test_fraction=0.1,
    )
    with pytest.raises(ConfigError, match="num_workers = 4 are more than 50 words need; lower"):
        next(controlled.finished(Config(num_words=50), ENGLISH, how))

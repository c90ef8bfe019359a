"""What holds in every sentence, whatever the seed and the document.

What is grammatical is written here a second time, from English and not from grammar.txt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.language.conftest import cues, sentences, with_seed

from polyseme.language import gold
from polyseme.language.lexicon import Lexicon
from polyseme.language.source import Document, Sentence, Source

AUXILIARIES = {
    "be": {"is": "Sing", "was": "Sing", "are": "Plur", "were": "Plur", "am": "I"},
    "have": {"has": "Sing", "have": "Plur", "had": ""},
    "do": {"does": "Sing", "do": "Plur", "did": ""},
}
"""Lemma -> form -> number that its subject has; empty where any number goes."""
FORMS_OF_I = {"am", "was", "have", "had", "do", "did"}
GOVERNED = {"do": "Inf", "have": "Part", "be": "Part"}
RELATIONS = set(
    "root nsubj obj obl aux cop det amod advmod punct case cc conj mark nmod nmod:poss compound "
    "acl:relcl advcl ccomp".split()
)
UPOS = set("ADJ ADP ADV AUX CCONJ DET NOUN PART PRON PROPN PUNCT SCONJ VERB".split())
NEGATIONS = {"not", "never", "nobody", "no"}
Check = Callable[[Lexicon, Document, Sentence], bool | None]


def children(sentence: Sentence, place: int, *relations: str) -> list[int]:
    """Places of the dependents of a word, with one of the relations."""
    return [
        n
        for n, (head, relation) in enumerate(zip(sentence.heads, sentence.relations, strict=True))
        if head == place + 1 and relation in relations
    ]


def number_of(sentence: Sentence, place: int) -> str:
    """Sing, Plur, or I for the first person, of what a subject stands for."""
    token = sentence.tokens[place]
    if children(sentence, place, "conj"):
        return "Plur"
    if token.upos == "PRON" and token.lemma == "that":
        verb = sentence.heads[place] - 1
        return number_of(sentence, sentence.heads[verb] - 1)
    if token.form == "I":
        return "I"
    return "Plur" if token.features == "Number=Plur" else "Sing"


def finite(sentence: Sentence, verb: int) -> int:
    """The word of a clause that agrees with the subject."""
    return (children(sentence, verb, "aux", "cop") or [verb])[0]


def is_a_tree(_: Lexicon, __: Document, sentence: Sentence) -> None:
    size = len(sentence.tokens)
    assert size == len(sentence.heads) == len(sentence.relations) >= 3
    assert sentence.heads.count(0) == sentence.relations.count("root") == 1
    assert sentence.relations[sentence.heads.index(0)] == "root"
    assert all(0 <= head <= size for head in sentence.heads)
    for head in sentence.heads:
        above, steps = head, 0
        while above:
            above, steps = sentence.heads[above - 1], steps + 1
            assert steps < size, "a cycle"


def has_known_labels(_: Lexicon, __: Document, sentence: Sentence) -> None:
    assert set(sentence.relations) <= RELATIONS
    assert {token.upos for token in sentence.tokens} <= UPOS
    assert sentence.tokens[-1].upos == "PUNCT"
    assert all(t.form and t.lemma and not set(t.form) & set(" \t\n") for t in sentence.tokens)


def verbs_agree_with_their_subjects(_: Lexicon, __: Document, sentence: Sentence) -> bool:
    pairs = [
        (place, head - 1)
        for place, head in enumerate(sentence.heads)
        if sentence.relations[place] == "nsubj"
    ]
    for subject, verb in [*pairs]:
        pairs += [
            (subject, other)
            for other in children(sentence, verb, "conj")
            if sentence.tokens[other].upos == "VERB"
        ]
    for subject, verb in pairs:
        number, token = number_of(sentence, subject), sentence.tokens[finite(sentence, verb)]
        if token.upos == "AUX":
            asked = AUXILIARIES[token.lemma][token.form]
            assert (
                f"Number={asked}" in token.features.split("|")
                or asked in ("", "I")
                or number == "I"
            )
            assert token.form in FORMS_OF_I if number == "I" else asked in ("", number)
        else:
            assert "VerbForm=Fin" in token.features
            if "Tense=Pres" in token.features:
                assert ("Number=Sing" in token.features) == (number == "Sing")
            else:
                assert "Number" not in token.features
    return bool(pairs)


def auxiliaries_govern_the_form_of_the_verb(
    _: Lexicon, __: Document, sentence: Sentence
) -> bool | None:
    seen = None
    for place, relation in enumerate(sentence.relations):
        verb = sentence.tokens[sentence.heads[place] - 1]
        if relation == "aux":
            form = GOVERNED[sentence.tokens[place].lemma]
            assert verb.features.endswith(f"VerbForm={form}")
            seen = True
        if relation == "cop":
            assert verb.upos == "ADJ"
    return seen


def determiners_agree(_: Lexicon, __: Document, sentence: Sentence) -> bool | None:
    seen = None
    for place, relation in enumerate(sentence.relations):
        form = sentence.tokens[place].form
        if relation == "det" and form in ("this", "every", "these", "those", "some"):
            noun = sentence.tokens[sentence.heads[place] - 1]
            plural = form in ("these", "those", "some")
            assert noun.features == ("Number=Plur" if plural else "Number=Sing")
            seen = True
    return seen


def reflexives_agree(lexicon: Lexicon, _: Document, sentence: Sentence) -> bool | None:
    for place, token in enumerate(sentence.tokens):
        if token.form in ("himself", "herself", "themselves"):
            (subject,) = children(sentence, sentence.heads[place] - 1, "nsubj")
            noun = sentence.tokens[subject]
            if token.form == "themselves":
                assert noun.features == "Number=Plur"
            else:
                assert noun.features in ("", "Number=Sing")
                gender = "Man" if token.form == "himself" else "Woman"
                known = {
                    word.lemma
                    for name in (gender, f"{gender}Name")
                    for word in lexicon.classes[name]["-"]
                }
                assert noun.lemma in known
            return True
    return None


def polarity_items_are_licensed(_: Lexicon, __: Document, sentence: Sentence) -> bool | None:
    found = None
    for place, token in enumerate(sentence.tokens):
        if token.form in ("any", "ever"):
            verb = place
            for _ in sentence.tokens:  # as many steps as a tree can have
                if sentence.tokens[verb].upos != "VERB":
                    verb = sentence.heads[verb] - 1
            above = children(sentence, verb, "advmod", "nsubj")
            above += [det for subject in above for det in children(sentence, subject, "det")]
            before = {sentence.tokens[n].form for n in above if n < place}
            assert before & NEGATIONS or sentence.tokens[-1].form == "?"
            found = True
    return found


def the_negated_are_those_with_a_negation(_: Lexicon, __: Document, sentence: Sentence) -> bool:
    negated = any(token.form in NEGATIONS for token in sentence.tokens)
    assert negated == (sentence.attributes.get("negated") == "yes")
    return negated


def sentiment_follows_the_adjective_and_its_negation(
    lexicon: Lexicon, _: Document, sentence: Sentence
) -> bool:
    def has(place: int, *classes: str) -> bool:
        words = {word.lemma for name in classes for word in lexicon.classes[name]["-"]}
        return sentence.tokens[place].lemma in words

    root = sentence.heads.index(0)
    good, bad = has(root, "Good", "Glad"), has(root, "Bad", "Sad")
    if sentence.tokens[root].upos != "ADJ" or not (good or bad):
        assert "sentiment" not in sentence.attributes
        return False
    adverbs = {sentence.tokens[n].form for n in children(sentence, root, "advmod")}
    sentiment = "good" if good != ("not" in adverbs) else "bad"
    assert sentence.attributes["sentiment"] == sentiment
    for cause in children(sentence, root, "advcl"):
        assert has(cause, "WinVerb" if sentiment == "good" else "LoseVerb")
    return True


def the_cue_stands_where_the_gold_says(
    lexicon: Lexicon, document: Document, sentence: Sentence
) -> bool:
    places = [place for place, token in enumerate(sentence.tokens) if token.sense]
    marked = [place for place, token in enumerate(sentence.tokens) if token.is_cue]
    kind = sentence.attributes.get("cue")
    assert len(places) == (kind is not None)
    assert len(marked) == (kind in ("next", "clause"))
    if kind is None:
        return False
    (place,) = places
    token = sentence.tokens[place]
    sense = lexicon.senses[token.sense]
    assert (sense.word.lemma, sense.word.upos) == (token.lemma, token.upos)
    if kind == "document":
        assert sense.topic == document.topic
        return True
    if kind == "next":
        assert marked == [place - 1 if token.upos == "NOUN" else place + 1]
    told = cues(lexicon, token.lemma, token.upos)
    assert sentence.tokens[marked[0]].lemma in told[token.sense]
    assert (sentence.tokens[marked[0]].upos == "ADJ") == (kind == "next" and token.upos == "NOUN")
    return True


def an_oracle_that_sees_the_words_finds_the_sense(
    lexicon: Lexicon, document: Document, sentence: Sentence
) -> bool | None:
    """Without being told which word is the cue: no other word points to another sense."""
    for place, token in enumerate(sentence.tokens):
        if token.sense:
            told = cues(lexicon, token.lemma, token.upos)
            others = {t.lemma for n, t in enumerate(sentence.tokens) if n != place}
            found = [sense for sense, words in told.items() if words & others]
            if not found:
                found = [s for s in told if lexicon.senses[s].topic == document.topic]
            assert found == [token.sense]
            return True
    return None


CHECKS: list[Check] = [
    is_a_tree,
    has_known_labels,
    verbs_agree_with_their_subjects,
    auxiliaries_govern_the_form_of_the_verb,
    determiners_agree,
    reflexives_agree,
    polarity_items_are_licensed,
    the_negated_are_those_with_a_negation,
    sentiment_follows_the_adjective_and_its_negation,
    the_cue_stands_where_the_gold_says,
    an_oracle_that_sees_the_words_finds_the_sense,
]
NUMBERS = st.integers(0, 2**40)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**63), number=NUMBERS)
def test_in_every_sentence(source: Source, check: Check, seed: int, number: int) -> None:
    document = with_seed(source, seed).document(number, 0.3, 0.3)
    for sentence in document.sentences:
        check(source.lexicon, document, sentence)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_has_something_to_look_at(
    source: Source, sample: list[Document], check: Check
) -> None:
    seen = sum(check(source.lexicon, d, s) is not False for d, s in sentences(sample[:400]))
    assert seen > 20


def test_what_agreement_has_to_get_over(sample: list[Document]) -> None:
    """Nouns of the other number between subject and verb, and each person and number."""
    found: Counter[str] = Counter()
    for _, sentence in sentences(sample):
        for place, relation in enumerate(sentence.relations):
            if relation == "nsubj":
                verb = finite(sentence, sentence.heads[place] - 1)
                number = number_of(sentence, place)
                between = {t.features for t in sentence.tokens[place + 1 : verb]}
                other = {"Sing": "Number=Plur", "Plur": "Number=Sing"}.get(number)
                found[number] += 1
                found[f"{number} over an attractor"] += other in between
    assert set(found) >= {"Sing", "Plur", "I"}
    assert min(found[name] for name in found if name != "I over an attractor") > 100


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**63), number=NUMBERS, others=st.lists(NUMBERS, max_size=3))
def test_a_document_depends_on_its_number_and_the_seed_alone(
    source: Source, seed: int, number: int, others: list[int]
) -> None:
    drawn = with_seed(source, seed)
    first = drawn.document(number, 0.2, 0.2)
    for other in others:
        drawn.document(other, 0.2, 0.2)
    assert drawn.document(number, 0.2, 0.2) == first
    assert with_seed(source, seed + 1).document(number, 0.2, 0.2).sentences != first.sentences
    assert drawn.document(number + 1, 0.2, 0.2).sentences != first.sentences


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**63), number=NUMBERS)
def test_columns_of_the_truth_are_aligned_with_the_words(
    source: Source, seed: int, number: int
) -> None:
    document = with_seed(source, seed).document(number, 0.2, 0.2)
    rows = gold.table([document]).to_pylist()
    assert [row["sentence"] for row in rows] == list(range(len(document.sentences)))
    for row, sentence in zip(rows, document.sentences, strict=True):
        assert row["doc_id"] == f"{number:016x}"
        assert (row["split"], row["topic"]) == (document.split, document.topic)
        assert row["words"][0][0].isupper()
        assert [word.lower() for word in row["words"]] == [t.form.lower() for t in sentence.tokens]
        assert row["words"][1:] == [token.form for token in sentence.tokens[1:]]
        for name in ("upos", "lemma", "features", "sense"):
            column = row[name if name in ("upos", "features") else f"{name}s"]
            assert column == [getattr(token, name) for token in sentence.tokens]
        assert (row["heads"], row["relations"]) == (sentence.heads, sentence.relations)
        marked = [place for place, token in enumerate(sentence.tokens) if token.is_cue]
        assert [row["cue_word"]] == (marked or [-1])
        expected = [sentence.attributes.get(name, "") for name in ("cue", "sentiment")]
        assert [row["cue"], row["sentiment"]] == expected
        assert row["negated"] == ("negated" in sentence.attributes)

from __future__ import annotations

import bz2
import time
from functools import partial
from pathlib import Path
from typing import Any

import mwparserfromhell
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyseme.corpora import mediawiki
from polyseme.corpora.base import RawDocument
from polyseme.data import wikitext
from polyseme.data.wikicuts import shortened
from polyseme.errors import DataError

HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" xml:lang="en">\n'
FOOT = "</mediawiki>\n"
OPTIONS = mediawiki.Config()


def page(title: str, text: str = "text", ns: int = 0, extra: str = "") -> str:
    return (
        f"<page><title>{title}</title><ns>{ns}</ns><id>1</id>{extra}"
        f"<revision><id>2</id><text>{text}</text></revision></page>\n"
    )


PAGES = [page("One", "first"), page("Talk:One", ns=1), page("Uno", extra='<redirect title="One"/>')]


def titles(path: Path) -> list[str]:
    return [raw.title for raw in mediawiki.documents(OPTIONS, path)]


def test_articles_only(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(HEAD + "".join([*PAGES, page("Two", "second")]) + FOOT)
    found = list(mediawiki.documents(OPTIONS, path))
    assert [(raw.title, raw.text) for raw in found] == [("One", "first"), ("Two", "second")]
    assert found[-1].position == path.stat().st_size


def multistream(streams: list[str]) -> bytes:
    return b"".join(bz2.compress(stream.encode()) for stream in streams)


STREAMS = [HEAD, page("One"), page("Two"), FOOT]


def test_multistream_bz2(tmp_path: Path) -> None:
    (tmp_path / "a.xml.bz2").write_bytes(multistream(STREAMS))
    assert titles(tmp_path / "a.xml.bz2") == ["One", "Two"]


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_dump_cut_at_a_stream_boundary_is_refused(tmp_path: Path, kept: int) -> None:
    (tmp_path / "a.xml.bz2").write_bytes(multistream(STREAMS[:kept]))
    with pytest.raises(DataError, match="truncated") as caught:
        titles(tmp_path / "a.xml.bz2")
    assert "a.xml.bz2" in str(caught.value)


def test_a_truncated_bz2_is_refused(tmp_path: Path) -> None:
    whole = multistream(STREAMS)
    for kept in range(1, len(whole) - 1, 7):
        (tmp_path / "a.xml.bz2").write_bytes(whole[:kept])
        with pytest.raises(DataError, match="truncated"):
            titles(tmp_path / "a.xml.bz2")


def test_other_xml_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<html></html>")
    with pytest.raises(DataError, match="<html> is no MediaWiki dump"):
        titles(tmp_path / "a.xml")
    (tmp_path / "a.xml").write_bytes(f"{HEAD}{page('caf')}".encode() + b"\xe9" + FOOT.encode())
    with pytest.raises(DataError, match="not UTF-8"):
        titles(tmp_path / "a.xml")


def test_entity_bombs_are_refused(tmp_path: Path) -> None:
    entities = "".join(
        f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol" * 10}">' for i in range(10)
    )
    bomb = f"<!DOCTYPE mediawiki [{entities}]>" + HEAD + page("One", "&e9;") + FOOT
    (tmp_path / "a.xml").write_text(bomb)
    with pytest.raises(DataError, match="damaged"):
        titles(tmp_path / "a.xml")


def clean(text: str) -> list[str]:
    return mediawiki.clean(OPTIONS, RawDocument("t", text, 0))


@pytest.mark.parametrize(
    ("wikitext", "plain"),
    [
        ("A '''bold''' and ''italic'' word.", "A bold and italic word."),
        ("See [[Paris|the city]] and [[Rome]].", "See the city and Rome."),
        ("A [[:Category:Foo]] link.", "A Category:Foo link."),
        ("Text.[[Category:Foo]][[File:a.jpg|thumb|A [[link]] here]] More.", "Text. More."),
        ("Old [[de:Haus]] link, [[wikt:house|a word]].", "Old link, a word."),
        ("Fact.<ref name=x>{{cite}}</ref> Next.<ref name=x />", "Fact. Next."),
        ("Born ({{lang|el|x}}; ; 1900) in {{place}}, here.", "Born (1900) in, here."),
        ("Empty ({{x}}) brackets.", "Empty brackets."),
        ("AT&amp;T and 5&nbsp;km.", "AT&T and 5 km."),
        ("Go [http://x.org there] or http://y.org now.", "Go there or now."),
        ("H<sub>2</sub>O and <math>x^2</math> end.<!-- no -->", "H2O and end."),
        ("__NOTOC__ Text.", "Text."),
        ("Some (  spaces ) here , there .", "Some (spaces) here, there."),
        ("one line\nsame paragraph", "one line same paragraph"),
    ],
)
def test_markup_goes_and_text_stays(wikitext: str, plain: str) -> None:
    assert [" ".join(p.split(" ")) for p in map(_single_spaces, clean(wikitext))] == [plain]


def _single_spaces(text: str) -> str:
    return " ".join(part for part in text.split(" ") if part)


def test_headings_lists_and_tables_are_dropped_and_end_paragraphs() -> None:
    text = (
        "First.\n== Heading ==\nSecond.\n* item [[one]]\n# item\n: indented\n; term\n"
        "{| class=x\n|-\n| cell || {{t}}\n|}\nThird.\n<ul><li>html item</li></ul>\n\nFourth."
    )
    assert clean(text) == ["First.", "Second.", "Third.", "Fourth."]


def test_a_line_is_left_out_whose_link_is_named_by_a_template() -> None:
    assert clean("First.\n\nSee [[{{x}} y]] here.\n\nLast.") == ["First.", "Last."]
    assert clean("Prose here. [[de:{{PAGENAME}}]]") == ["Prose here."]
    assert clean("See [[{{x}}|the page]] here.") == ["See the page here."]


def test_unbalanced_markup_does_not_leak() -> None:
    assert clean("Good.\n\n{| broken table\n| cell\n\n{{never closed\n\nFine.") == [
        "Good.",
        "Fine.",
    ]


def test_the_excerpt_that_gensim_ships() -> None:
    from gensim.test.utils import datapath

    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    found = list(mediawiki.documents(OPTIONS, Path(datapath(name))))
    assert len(found) == 106
    anarchism = next(raw for raw in found if raw.title == "Anarchism")
    text = "\n".join(mediawiki.clean(OPTIONS, anarchism))
    assert text.startswith("Anarchism is a political philosophy that advocates self-governed")
    for markup in ("[[", "{{", "<ref", "''", "|", "=="):
        assert markup not in text


@pytest.mark.parametrize(
    "unit", [" ", "(", "( ", ",", ", ", "(;", "[", "_", "__A", "'", "{", "\t "]
)
def test_cleaning_takes_linear_time(unit: str) -> None:
    started = time.monotonic()
    clean(f"Begin{unit * (200_000 // len(unit))}end.")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "unit",
    "{{a| {{a}} {{a|[[b]] {{ <ref> <ref\tname=a\t <ref>{{a [[a {{a|[[".split(" "),
)
def test_cutting_down_takes_linear_time(unit: str) -> None:
    started = time.monotonic()
    part = unit.replace("\t", " ")
    shortened(f"Begin{part * (1_000_000 // len(part))}end.")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("name", ["latin1", "klingon", "UTF-16"])
def test_a_declared_encoding_other_than_utf_8_is_refused(tmp_path: Path, name: str) -> None:
    dump = f'<?xml version="1.0" encoding="{name}"?>\n{HEAD}{page("Café")}{FOOT}'
    (tmp_path / "a.xml").write_text(dump, "utf-8")
    with pytest.raises(DataError, match=f"a.xml:1: the XML declaration says encoding '{name}'"):
        titles(tmp_path / "a.xml")
    (tmp_path / "a.xml").write_text(dump.replace(name, "Utf-8"), "utf-8")
    assert titles(tmp_path / "a.xml") == ["Café"]


def test_templates_and_references_of_the_excerpt_are_cut_down() -> None:
    from gensim.test.utils import datapath

    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    found = list(mediawiki.documents(OPTIONS, Path(datapath(name))))
    link_text = partial(mediawiki._link, OPTIONS)
    for raw in found[:20]:
        shown = wikitext.visible(raw.text, tag_text=mediawiki._tag, link_text=link_text)
        assert shown == _tree_text(mwparserfromhell.parse(raw.text, skip_style_tags=True).nodes)
    texts = [raw.text for raw in found]
    assert sum(map(len, map(shortened, texts))) < 0.85 * sum(map(len, texts))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("a {{cite|x=[[y]]\n}} b", "a {{t}} b"),
        ("{{a|{{b}}}} <ref name=x>{{c}}</ref>", "{{t}} <ref/>"),
        ("a <ref name=\"x\" /> b", "a <ref/> b"),
        *[(same, same) for same in (
            "{{{a}}} {{b}}", "<nowiki>{{a}}</nowiki>", "{{a", "{{ }}", "{{a|<b>}}", "{{a|[[b}}",
            "<ref name=x>", "<references/>", "<ref a=\"x>b</ref>", "{{#if:a|b}}", "{{http://x}}",
            "<inputbox>{{a}}</inputbox>",
            "<section>{{a}}</section>", "<categorytree>{{a}}</categorytree>",
            "<NoWiki>{{a}}</NoWiki>", "{{a:b|c}}", "{{a\nb|c}}",
        )],
    ],
)  # fmt: skip
def test_only_what_is_plain_is_cut_down(text: str, short: str) -> None:
    assert shortened(text) == short


def _tree_text(nodes: list[Any]) -> str:
    """Visible text by a walk over mwparserfromhell's tree, which a walk over tokens has to give."""
    found = []
    for node in nodes:
        kind, text = type(node).__name__, None
        if kind == "Text":
            text = node.value
        elif kind == "Heading":
            text = "\n\n"
        elif kind == "HTMLEntity":
            text = node.normalize()
        elif kind == "ExternalLink" and node.title is not None:
            text = _tree_text(node.title.nodes)
        elif kind == "Wikilink":
            text = mediawiki._link(OPTIONS, str(node.title).strip(), node.text is not None)
            text = _tree_text(node.text.nodes) if text is None else text
        elif kind == "Tag":
            text = mediawiki._tag(str(node.tag).strip().lower(), bool(node.wiki_markup))
            text = _tree_text(node.contents.nodes) if text is None else text
        found.append(text or "")
    return "".join(found)


PARTS = [
    *"[[ ]] {{ }} {{{ }}} | = == \n * : ; a b <ref> </ref> <b> </b> <br/> <li> &amp; &#65; &#x41; "
    "&no; [http://x.y [ ] http://z.org <!-- --> {| |} |- ''' ---- <span\tstyle='{{x}}'> </span> "
    "File: de: Category: <nowiki> </nowiki> <math> </math> <ref\tname=x/> <table> </table> "
    "http://q/ {{{1|".split(" "),
    "[http://x y]",
    "|[http://x z]",
    "[http://x ]",
]


PLAIN = [
    *"{{a}} {{a|b=[[c]]}} {{a\n|b\n}} {{a|http://x.y\tb}} {{a|''b''}} {{a\n|*\tb\n}} {{a|----}} "
    "{{a|==b==\n}} {{a|b|c=&amp;}} {{a\tb|{{c}}}} {{a|:b\n;c:d}} {{\ta\t}} {{t t}} {{{{a}}}} "
    "<ref>x</ref> <ref>{{a|b}}</ref> <ref\tname=x\t/> <ref>[http://x\ty]</ref> <ref>http://x</ref> "
    "<ref>a\n\nb</ref> <REF>x</REF> <ref>*\tb\n:c</ref> <ref\nname=b>c</ref> <ref\tname='x'> "
    '<ref\tname="x">c</ref> <ref\tname="x> <ref\tname=x>{{a|b}}</ref> <ref\tgroup=a\tname=b/> '
    "<ref>{{a|<b>x</b>}}</ref> {{a|b<ref/>}} {{a|<br>b<br\t/>}} "
    "{{a|<ref>b</ref>}} [[a|b]] [[File:x| \n== ==\n <section\tbegin=x/>".split(" "),
]
"""Whole templates and references, which are cut down before they are parsed."""


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from([*PARTS, " "]), max_size=30)
    | st.lists(st.sampled_from([*PARTS, *PLAIN, " "]), max_size=16)
)
def test_tokens_give_the_text_of_the_tree(parts: list[str]) -> None:
    text = "".join(parts).replace("\t", " ")
    link_text = partial(mediawiki._link, OPTIONS)
    found = wikitext.visible(text, tag_text=mediawiki._tag, link_text=link_text)
    assert found == _tree_text(mwparserfromhell.parse(text, skip_style_tags=True).nodes)


@pytest.mark.parametrize(
    "text",
    [
        "See http://example.org/{{{1|[http://x y]}}} end.",
        "Text http://{{b|[http://x ]}} more",
        "[http://a {{b|[http://x y]}} c] d",
    ],
)
def test_links_inside_links_have_their_own_ends(text: str) -> None:
    link_text = partial(mediawiki._link, OPTIONS)
    found = wikitext.visible(text, tag_text=mediawiki._tag, link_text=link_text)
    assert found == _tree_text(mwparserfromhell.parse(text, skip_style_tags=True).nodes)

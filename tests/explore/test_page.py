"""The page in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from polyseme.explore.answers import Answers
from polyseme.explore.explorer import Explorer
from polyseme.explore.server import Server

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def url(explorer: Explorer) -> Iterator[str]:
    """Of a server that is running."""
    with Server(Answers(explorer, explorer.open_all()), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """The page, loaded, with what it tells the console."""
    page = browser.new_page(viewport=PHONE)
    page.told = []
    page.on("console", lambda message: page.told.append(message.text))
    page.on("pageerror", lambda error: page.told.append(str(error)))
    page.on(
        "request", lambda request: page.told.extend([request.url][request.url.startswith(url) :])
    )
    page.goto(url)
    _settled(page)
    yield page
    page.close()


def _settled(page: Any) -> None:
    page.wait_for_selector(".models li")
    page.wait_for_load_state("networkidle")


CONTEXTUAL = 'section[data-family="contextual"]'


def test_it_loads_quietly_and_fits_a_phone(page: Any) -> None:
    assert page.told == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator('#words [aria-pressed="true"]').inner_text() == "crack"
    assert page.locator(f"{CONTEXTUAL} .mark").count() >= 3
    assert page.locator(f"{CONTEXTUAL} [data-part=table] td").count() > 9


def test_a_click_on_a_word_shows_its_neighbours(page: Any) -> None:
    neighbors = page.locator(f"{CONTEXTUAL} [data-part=neighbors]")
    before = neighbors.inner_text()
    page.get_by_role("button", name="the", exact=True).first.click()
    expect(page.locator(f"{CONTEXTUAL} li strong").first).to_have_text("the")
    assert neighbors.inner_text() != before
    assert page.locator('section[data-family="static"] li').count() == 7


def test_the_slider_shows_another_layer(page: Any) -> None:
    neighbors = page.locator(f"{CONTEXTUAL} [data-part=neighbors]")
    last, slider = neighbors.inner_text(), page.locator(f"{CONTEXTUAL} input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(f"{CONTEXTUAL} output").inner_text() == "1"
    assert slider.get_attribute("aria-valuetext") == "layer 1 of 0 to 2"
    assert neighbors.inner_text() != last
    assert "layer 1" in page.locator(f"{CONTEXTUAL} [data-part=plane]").inner_text()


def test_arrow_keys_read_the_occurrences(page: Any) -> None:
    page.locator(f"{CONTEXTUAL} [data-part=plot]").focus()
    page.keyboard.press("ArrowRight")
    assert "crack" in page.locator(f"{CONTEXTUAL} [data-part=occurrence]").inner_text()
    assert page.locator(f"{CONTEXTUAL} .mark.current").count() == 1


def test_a_gap_is_filled(page: Any) -> None:
    page.fill("#sentence", "the police found ___ .")
    page.keyboard.press("Enter")
    expect(page.locator("#gap [data-part=gap]")).to_have_text("the police found ___ .")
    expect(page.locator(".models li")).to_have_count(16)
    compared = page.locator(f"{CONTEXTUAL} [data-part=compared]")
    expect(compared).to_have_text(re.compile("^A gap has"))


def test_mistakes_and_markup_are_shown_as_text(page: Any) -> None:
    page.fill("#sentence", "<img src=x onerror=alert(1)> crack")
    page.keyboard.press("Enter")
    expect(page.locator("#words > *").nth(5)).to_be_attached()
    _settled(page)
    assert page.locator("img").count() == 0 and page.told == []
    page.fill("#sentence", "___ ___")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("2 gaps")


def test_every_control_has_a_name(page: Any) -> None:
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, button, [role=img], [role=region]")]
          .filter((e) => e.checkVisibility())
          .filter((e) => !(e.labels?.length || e.textContent.trim() || e.ariaLabel))
          .map((e) => e.outerHTML)"""
    )
    assert unnamed == []

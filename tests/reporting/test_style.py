"""Figures: every colour of the palette, readable on both papers."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from polyseme.reporting.charts import style as charts
from polyseme.reporting.figures import series, style


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("is_dark", [0, 1])
@pytest.mark.parametrize("name", [*style.SERIES, "ink", "muted"])
def test_colours_stand_out_from_the_paper(name, is_dark):
    pair = sorted(_luminance(style.PALETTE[n][is_dark]) for n in (name, "paper"))
    least = 3.0 if name in style.SERIES else 4.5
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least


@pytest.mark.parametrize("is_dark", [0, 1])
@pytest.mark.parametrize("name", charts.MORE)
def test_colours_of_charts_stand_out_from_the_paper(name, is_dark):
    pair = sorted(map(_luminance, (charts.MORE[name][is_dark], style.PALETTE["paper"][is_dark])))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3.0


def _svg() -> str:
    with style.styled():
        figure, [[axes]] = style.canvas([2.0])
        axes.plot([1, 2], [3, 4], color=style.light("blue"), label="$a_b$ <x>")
        axes.set_xlabel("#0072b2")
        style.add_legend(figure, axes.get_lines())
        return style.to_svg(figure, name="probe", title="A & B", alt="what it shows")


def test_every_colour_of_a_figure_is_of_the_palette():
    svg = _svg()
    known = {light for light, _ in style.PALETTE.values()}
    assert set(re.findall(r": (#[0-9a-f]{6})\b", svg)) <= known
    assert set(re.findall(r": (#[0-9a-f]{6})\b", style.dark(svg))).isdisjoint(known)
    assert not re.search(r": #[0-9a-f]{6}\b", style.inline(svg))


def test_light_values_are_distinct_so_that_they_can_be_exchanged():
    assert len({light for light, _ in style.PALETTE.values()}) == len(style.PALETTE)


def test_text_is_text_and_names_are_not_taken_for_formulas():
    svg = _svg()
    assert "$a_b$ &lt;x&gt;" in svg
    assert ">#0072b2<" in style.dark(svg)


def test_figures_carry_a_description_and_no_date():
    svg = _svg()
    assert '<title id="probe-title">A &amp; B</title>' in svg
    assert "what it shows" in svg
    assert "<metadata>" not in svg
    assert svg == _svg()


def test_systems_keep_their_look_and_random_weights_are_the_hollow_twin():
    looks = series.looks(["bert@wiki", "elmo@wiki", "bert_init@wiki"])
    assert looks["bert@wiki"].colour == looks["bert_init@wiki"].colour
    assert looks["bert@wiki"].marker == looks["bert_init@wiki"].marker
    assert (looks["bert@wiki"].filled, looks["bert_init@wiki"].filled) == (True, False)
    assert looks["elmo@wiki"].colour != looks["bert@wiki"].colour


@pytest.mark.parametrize("num", [6, 12])
def test_no_two_of_a_dozen_series_of_each_kind_look_alike(num):
    static, contextual = ([f"{kind}{n}" for n in range(num)] for kind in ("table", "network"))
    looks = series.looks([*static, *contextual], static)
    assert len({(look.colour, look.marker) for look in looks.values()}) == 2 * num
    assert len({(look.colour, look.fill) for look in looks.values()}) == 2 * num
    assert len({look.colour for look in series.looks([static[0], contextual[0]]).values()}) == 2
    kinds = [{looks[name].dashes for name in names} for names in (static, contextual)]
    assert kinds[0].isdisjoint(kinds[1])


@pytest.mark.parametrize("num", [1, 2, 5])
def test_panels_wrap_and_what_is_left_over_is_blank(num):
    with style.styled():
        figure, panels = style.wrapped(num, 2.0)
    assert len(panels) == num
    assert all(axes.axison for axes in panels)
    assert sum(not axes.axison for axes in figure.axes) == len(figure.axes) - num
    assert figure.get_figheight() == 2.0 * -(-num // 2)


def test_last_bits_of_a_layout_leave_no_trace():
    def drawn(nudge):
        figure = Figure((4, 3))
        for left in (0.1, 0.6):
            axes = figure.add_axes((left + nudge, 0.2, 0.3, 0.7))
            axes.plot([0, 1], [0, 1])
            axes.grid()
        return style.to_svg(figure, name="x", title="t", alt="a")

    text = drawn(0.0)
    assert text == drawn(1e-13)
    assert text.count("<clipPath") == 2
    for name in ("x-clip0", "x-clip1"):
        assert f'<clipPath id="{name}"' in text and f"url(#{name})" in text

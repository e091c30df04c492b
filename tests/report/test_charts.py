"""Charts: every value at its place, names apart, round values on the scale."""

import re

import numpy as np
import pytest

from mosaickd_tf.report.charts import (
    BOTTOM,
    HEIGHT,
    ROOM,
    TOP,
    Line,
    line_chart,
    round_values,
    short,
)


def places(chart, kind="main"):
    """Returns the points of the line of a kind, in thousandths of the width and pixels."""
    (path,) = re.findall(f'<path d="M([^"]*)" class="line {kind}"', chart)
    return np.array([[float(number) for number in pair.split()] for pair in path.split("L")])


def names(chart):
    """Words and pixels from the top beside the lines."""
    found = re.findall(r'<text y="([^"]*)" dy="([^"]*)" [^>]*class="name[^>]*>([^<]*)', chart)
    return {words: float(y) + float(dy) for y, dy, words in found}


def ticks(chart):
    return re.findall(r'text-anchor="end">([^<]*)', chart)


def test_points_lie_on_a_line_with_their_values():
    points = [(0, 1.0), (50, 3.0), (200, 2.0)]
    found = places(line_chart("loss", [Line(name="mosaic", points=points)]))
    np.testing.assert_allclose(found[:, 0], [0, 250, 1000])
    slope = (found[1, 1] - found[0, 1]) / 2  # pixels a unit, downwards
    assert slope < 0
    assert found[2, 1] == pytest.approx(found[0, 1] + slope, abs=0.1)
    assert TOP <= found[:, 1].min() <= found[:, 1].max() <= HEIGHT - BOTTOM


def test_on_a_logarithmic_scale_factors_are_distances():
    points = [(0, 0.01), (1, 1.0), (2, 100.0)]
    chart = line_chart("norm", [Line(name="a", points=points)], logarithmic=True)
    y = places(chart)[:, 1]
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.15)
    assert ticks(chart) == ["0.01", "0.1", "1", "10", "100"]


def test_a_logarithmic_scale_of_less_than_a_power_of_ten_has_marks_too():
    points = [(0, 0.2), (1, 0.5)]
    assert len(ticks(line_chart("n", [Line(name="a", points=points)], logarithmic=True))) >= 3


def test_a_value_of_zero_is_not_taken_the_logarithm_of():
    points = [(0, 0.0), (1, 1.0)]
    y = places(line_chart("norm", [Line(name="a", points=points)], logarithmic=True))[:, 1]
    assert y[0] > y[1]


@pytest.mark.parametrize("points", [[(0, 5.0)], [(0, 0.0), (9, 0.0)], [(7, -2.0), (9, -2.0)]])
def test_a_line_without_a_range_is_drawn_in_the_middle(points):
    found = places(line_chart("loss", [Line(name="a", points=points)]))
    np.testing.assert_allclose(found[:, 1], (TOP + HEIGHT - BOTTOM) / 2, atol=0.1)


@pytest.mark.parametrize("low, high, expected", [
    (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    (-3.31, -2.89, [-3.3, -3.2, -3.1, -3.0, -2.9]),
    (48.0, 61.0, [50, 55, 60]),
    (0.0, 1234.0, [0, 500, 1000]),
])  # fmt: skip
def test_round_values_by_hand(low, high, expected):
    np.testing.assert_allclose(round_values(low, high), expected, atol=1e-9)


def test_a_scale_of_any_size_has_a_handful_of_round_values():
    rng = np.random.default_rng(0)
    for _ in range(300):
        low = rng.normal() * 10 ** rng.uniform(-6, 6)
        high = low + 10 ** rng.uniform(-6, 6)
        values = round_values(low, high)
        assert 2 <= len(values) <= 6
        assert low - 1e-9 * abs(low) <= values[0] and values[-1] <= high + 1e-9 * abs(high)


def test_names_of_lines_that_end_together_stand_apart_in_the_order_of_their_ends():
    lines = [Line(name=f"m{n}", points=[(0, 0.0), (9, 0.5 - n / 1000)]) for n in range(4)]
    lines.append(Line(name="high", points=[(0, 1.0), (9, 1.0)], kind="other"))
    found = names(line_chart("loss", lines))
    order = ["high", "m0", "m1", "m2", "m3"]
    tops = [found[name] for name in order]
    assert (np.diff(tops) >= ROOM - 0.01).all()
    assert tops[-1] + 12 <= HEIGHT - BOTTOM
    assert found["0.5"] == pytest.approx(found["m0"] + 12)


def test_names_stay_inside_where_many_lines_end_at_the_bottom():
    lines = [Line(name=f"m{n}", points=[(0, 1.0), (9, n / 100)]) for n in range(6)]
    found = names(line_chart("loss", lines))
    assert found["m0"] + 12 <= HEIGHT - BOTTOM
    assert (np.diff([found[f"m{n}"] for n in range(5, -1, -1)]) >= ROOM - 0.01).all()


def test_a_single_line_is_not_named_but_its_last_value_is():
    found = names(line_chart("loss", [Line(name="mosaic", points=[(0, 1.0), (9, 0.25)])]))
    assert list(found) == ["0.25"]


def test_each_point_says_its_value_and_the_chart_the_last_ones():
    lines = [Line(name="<kd>", points=[(0, 0.5), (1200, 0.75)], kind="other")]
    chart = line_chart("Accuracy", lines, write=lambda share: f"{100 * share:g} %")
    assert "<title>&lt;kd&gt;, rounds 1,200: 75 %</title>" in chart
    assert 'aria-label="Accuracy: &lt;kd&gt; ends at 75 %"' in chart
    assert ">1,200</text>" in chart


def test_a_reference_is_a_line_without_points():
    lines = [Line(name="ln 2", points=[(0, 0.69), (9, 0.69)], kind="reference")]
    chart = line_chart("loss", lines)
    assert 'class="line reference"' in chart
    assert "dot reference" not in chart


@pytest.mark.parametrize("value, words", [
    (0.123456, "0.123"), (-1.5, "-1.5"), (999.4, "999"), (1053.4, "1,053"), (-2e6, "-2,000,000"),
    (1e-6, "1e-06"), (0.0, "0"),
])  # fmt: skip
def test_a_number_in_few_words(value, words):
    assert short(value) == words

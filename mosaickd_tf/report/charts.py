"""Line charts as SVG: lines stretch with the page, text keeps its size."""

import dataclasses
import math

from mosaickd_tf.report.markup import element

HEIGHT, TOP, BOTTOM = 220, 10, 28  # pixels; the scale is between top and bottom
LEFT, WIDTH = 15, 58  # percent of the chart's width; names of the lines are on the right
ROOM = 26  # pixels that the name and the last value of a line take


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart.

    Attributes:
        name: label at its end.
        points: pairs of a round and a value, in order.
        kind: "main", "other", or "reference" for a constant to compare with.
    """

    name: str
    points: list
    kind: str = "main"


def short(value):
    """Returns a number as short text."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def line_chart(title, lines, *, note="", write=short, logarithmic=False, along="rounds"):
    """Draws a chart of one or more lines over rounds, or over another count.

    Args:
        title: of the chart.
        lines: of `Line`, each with at least one point.
        note: explanation of the chart; may be empty.
        write: function of a value that returns its text.
        logarithmic: whether the scale is logarithmic, if all values are above 0.
        along: label of the horizontal axis.

    Returns:
        A `figure` element.
    """
    values = [y for line in lines for _, y in line.points]
    scale = _Scale(values, logarithmic and min(values) > 0)
    last = max(x for line in lines for x, _ in line.points) or 1
    ends = "; ".join(f"{line.name} ends at {write(line.points[-1][1])}" for line in lines)
    drawing = element(
        "svg",
        *_axes(scale, last, write, along),
        element(
            "svg",
            *(part for line in lines for part in _drawn(line, scale, last, write, along)),
            x=f"{LEFT}%",
            y=0,
            width=f"{WIDTH}%",
            height=HEIGHT,
            viewBox=f"0 0 1000 {HEIGHT}",
            preserveAspectRatio="none",
            overflow="visible",
        ),
        *_names(lines, scale, write),
        class_="chart",
        width="100%",
        height=HEIGHT,
        role="img",
        aria_label=f"{title}: {ends}",
    )
    caption = element("figcaption", element("strong", title), f" {note}" if note else "")
    return element("figure", caption, drawing)


class _Scale:
    """Scale from values to pixels from the top."""

    def __init__(self, values, logarithmic):
        self.logarithmic = logarithmic
        low, high = self._of(min(values)), self._of(max(values))
        margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        self.low, self.high = low - margin, high + margin

    def __call__(self, value):
        share = (self._of(value) - self.low) / (self.high - self.low)
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)

    def ticks(self):
        """Returns round values on the scale, up to six of them."""
        if self.logarithmic and self.high - self.low > 1.5:
            powers = range(math.ceil(self.low), math.floor(self.high) + 1)
            return [10.0**power for power in powers[:: -(-len(powers) // 6)]]
        low, high = (10**edge if self.logarithmic else edge for edge in (self.low, self.high))
        return round_values(low, high)

    def _of(self, value):
        return math.log10(value) if self.logarithmic else value


def round_values(low, high):
    """Returns two to six multiples of 1, 2 or 5 times a power of ten between two values."""
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= 0.8 * rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]


def _axes(scale, last, write, along):
    for value in scale.ticks():
        y = f"{scale(value):.1f}"
        across = {"x1": f"{LEFT}%", "x2": f"{LEFT + WIDTH}%", "y1": y, "y2": y}
        yield element("line", class_="grid", **across)
        yield element(
            "text", write(value), x=f"{LEFT - 1.5}%", y=y, dy=4, class_="tick", text_anchor="end"
        )
    for share, anchor in ((0, "middle"), (0.5, "middle"), (1, "middle")):
        place = {"x": f"{LEFT + share * WIDTH}%", "y": HEIGHT - 8}
        number = f"{round(share * last):,}"
        yield element("text", number, class_="tick", text_anchor=anchor, **place)
    yield element("text", along, x=f"{LEFT + WIDTH + 8}%", y=HEIGHT - 8, class_="tick")


def _drawn(line, scale, last, write, along):
    """Yields the line, and a dot with its value at each point."""
    places = [f"{1000 * x / last:.1f} {scale(y):.1f}" for x, y in line.points]
    yield element("path", d="M" + "L".join(places), class_=f"line {line.kind}")
    if line.kind != "reference":
        for (x, y), place in zip(line.points, places, strict=True):
            tooltip = element("title", f"{line.name}, {along} {x:,}: {write(y)}")
            # A line of length zero with round ends: a circle would be stretched.
            yield element("path", tooltip, d=f"M{place}h0", class_=f"dot {line.kind}")


def _names(lines, scale, write):
    """Yields the name and the last value of each line at its end, without overlaps."""
    wanted = sorted((scale(line.points[-1][1]), place) for place, line in enumerate(lines))
    room = ROOM if len(lines) > 1 else 0
    y = TOP - room
    tops = []
    for number, (end, place) in enumerate(wanted):
        latest = HEIGHT - BOTTOM - room / 2 - room * (len(wanted) - 1 - number)
        y = max(min(end, latest), y + room)
        tops.append((place, y))
    for place, y in sorted(tops):
        line = lines[place]
        at = {"x": f"{LEFT + WIDTH + 2.5}%", "class_": f"name {line.kind}"}
        value = write(line.points[-1][1])
        if len(lines) == 1:
            yield element("text", value, y=f"{y:.1f}", dy=4, **at)
        else:
            yield element("text", line.name, y=f"{y:.1f}", dy=0, **at)
            yield element("text", value, y=f"{y:.1f}", dy=12, **at)

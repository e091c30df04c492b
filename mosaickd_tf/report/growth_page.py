"""Page of the growth of a round: its cost by batch size, image size and number of classes."""

import pathlib

from mosaickd_tf.report.charts import Line, line_chart
from mosaickd_tf.report.markup import document, element, table

# Name of a sweep: title, label of the axis, function of a point that returns its value.
_VIEWS = {
    "batch_size": (
        "Milliseconds an image",
        "images a batch",
        lambda point: 1e3 * point["seconds_per_round"] / point["asked"]["batch_size"],
    ),
    "image_size": (
        "Microseconds a pixel",
        "pixels a side",
        lambda point: (
            1e6
            * point["seconds_per_round"]
            / (point["asked"]["batch_size"] * point["asked"]["image_size"] ** 2)
        ),
    ),
    "num_classes": ("Seconds a round", "classes", lambda point: point["seconds_per_round"]),
}


def page(sweeps):
    """Renders the page.

    Args:
        sweeps: dict from an option to its points, each the return value of
            `benchmarking.measure_round`, in the order of the option.
    """
    style = pathlib.Path(__file__).with_name("style.css").read_text(encoding="ascii")
    first = sweeps["batch_size"][0]
    asked, machine = first["asked"], first["versions"]["machine"]
    about = (
        f"{asked['method']}, {asked['teacher']} to {asked['student']}, {first['precision']}, on "
        f"{', '.join(machine['gpus']) or machine['processor']}, {machine['cores']} cores."
    )
    header = element(
        "header",
        element("p", "Benchmark", class_="kicker"),
        element("h1", "How a round grows"),
        element("p", about, class_="lead"),
    )
    sections = [_section(name, points) for name, points in sweeps.items()]
    return document("How a round grows", style, element("main", header, *sections))


def _section(name, points):
    title, along, value = _VIEWS[name]
    places = [(point["asked"][name], value(point)) for point in points]
    cheapest = min(y for _, y in places)
    rows = [(along, title.lower(), "of the least", "seconds a round", "peak memory, MB")]
    rows += [
        (
            f"{x:,}",
            f"{y:.3g}",
            f"{y / cheapest:.2f}",
            f"{point['seconds_per_round']:.3f}",
            f"{point['peak_bytes'] / 1e6:,.0f}",
        )
        for (x, y), point in zip(places, points, strict=True)
    ]
    chart = line_chart(title, [Line(name=title, points=places)], along=along)
    return element("section", element("h2", title), chart, table(rows, title))

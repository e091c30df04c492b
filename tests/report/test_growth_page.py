"""The page of growth: what an image, a pixel and a round cost, beside the least of each."""

from mosaickd_tf.report import growth_page


def point(seconds, **asked):
    base = {"batch_size": 10, "image_size": 20, "num_classes": 5}
    return {
        "asked": {"method": "mosaic", "teacher": "big", "student": "small"} | base | asked,
        "precision": "float32",
        "seconds_per_round": seconds,
        "peak_bytes": 1_500_000_000,
        "versions": {"machine": {"gpus": [], "processor": "a processor", "cores": 2}},
    }


SWEEPS = {
    "batch_size": [point(2.0, batch_size=10), point(6.0, batch_size=20)],
    "image_size": [point(4.0, image_size=20), point(16.0, image_size=40)],
    "num_classes": [point(2.0, num_classes=5), point(3.0, num_classes=5000)],
}


def test_each_sweep_has_its_unit_and_is_held_against_its_least():
    page = growth_page.page(SWEEPS)
    assert "big to small, float32, on a processor, 2 cores." in page
    rows = [line for line in page.split("<tr>") if 'scope="row"' in line]
    cells = [
        [cell.split(">")[-1] for cell in row.replace("</th>", "</td>").split("</td>")[:-1]]
        for row in rows
    ]
    assert cells == [
        ["10", "200", "1.00", "2.000", "1,500"],  # milliseconds an image
        ["20", "300", "1.50", "6.000", "1,500"],
        ["20", "1e+03", "1.00", "4.000", "1,500"],  # microseconds a pixel of a batch
        ["40", "1e+03", "1.00", "16.000", "1,500"],
        ["5", "2", "1.00", "2.000", "1,500"],
        ["5,000", "3", "1.50", "3.000", "1,500"],
    ]


def test_the_page_says_what_is_counted():
    page = growth_page.page(SWEEPS)
    for words in ("images a batch", "pixels a side", "classes"):
        assert words in page

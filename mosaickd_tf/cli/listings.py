"""Tables of what a flag can be, printed for its value `help`: `--ood_dataset=help`.

A field of the config names its table in `listing`.
"""


def text(name):
    """The table of that name, for the terminal."""
    return LISTINGS[name]()


def _datasets():
    from mosaickd_tf.data.datasets import DATASETS
    from mosaickd_tf.report import table

    rows = [("data set", "classes", "image", "train", "test", "good for")]
    for name, fact in DATASETS.items():
        images = {part: f"{there.images:,}" for part, there in fact.parts.items()}
        rows.append(
            (
                name,
                str(fact.classes or "-"),
                _shape(fact),
                images.get("train", images.get("all")),
                images.get("test", "-"),
                fact.good_for,
            )
        )
    sources = [(name, fact.source) for name, fact in DATASETS.items()]
    return (
        f"{table.columns(rows, left=(0, 5))}\n\n{table.columns(sources, left=(0, 1))}\n\n"
        "tfds:NAME takes any other of TFDS too, and folder:PATH any folder of pictures. A TFDS\n"
        "data set is prepared beforehand, where there is network, by `tfds build NAME`."
    )


def _shape(fact):
    side = fact.image_size or "any"
    return f"{side}×{side}×{fact.channels}"


def _methods():
    from mosaickd_tf.methods import METHODS
    from mosaickd_tf.report import table

    return table.of_methods(METHODS)


LISTINGS = {"datasets": _datasets, "methods": _methods}

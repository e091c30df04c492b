"""Tables of the values of a flag, printed for the value `help`: `--ood_dataset=help`.

A field of the config names its table in `listing`.
"""


def text(name):
    """Returns the table of a name, for the terminal."""
    return LISTINGS[name]()


def _datasets():
    from mosaickd_tf.data.datasets import DATASETS
    from mosaickd_tf.report import table

    rows = [("data set", "classes", "image", "train", "test", "good for")]
    for name, fact in DATASETS.items():
        images = {split: f"{facts.images:,}" for split, facts in fact.splits.items()}
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
        "tfds:NAME reads any other data set of TFDS, and folder:PATH any folder of images. A TFDS\n"
        "data set is prepared beforehand, with a network, by `tfds build NAME`."
    )


def _shape(fact):
    side = fact.image_size or "any"
    return f"{side}×{side}×{fact.channels}"


def _methods():
    from mosaickd_tf.config import declared
    from mosaickd_tf.report import table

    return table.of_methods(declared.methods())


LISTINGS = {"datasets": _datasets, "methods": _methods}

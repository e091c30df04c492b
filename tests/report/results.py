"""Results of runs that never ran."""

from mosaickd_tf.config import DistillConfig, options
from mosaickd_tf.report.ledger import Cells

PAIRS = ("resnet34_to_resnet18", "wrn40_2_to_wrn16_1", "wrn16_1_to_wrn10_1")
_DIGITS = {"target_dataset": "embedded:digits", "ood_dataset": "embedded:photos", "rounds": 300}
_CIFAR = {"target_dataset": "tfds:cifar100", "ood_dataset": "tfds:cifar10"}
_FOLDER = {"target_dataset": "tfds:cifar100", "ood_dataset": "folder:pictures/town"}
_METHODS = {
    "mosaic": {},
    "no_local": {"local_weight": 0.0},
    "kd": {"method": "kd", "temperature": 5.0},
}


def asked(**changes):
    """Returns all options of a distillation, as in a result.json."""
    listed = {k: list(v) if isinstance(v, tuple) else v for k, v in options(DistillConfig())}
    assert not set(changes) - set(listed)
    return listed | {"rounds": 39200, "batch_size": 256} | changes


def cells():
    """Returns three data sets, each with three methods."""
    data = {"digits_from_photos": _DIGITS, "cifar100_from_cifar10": _CIFAR, "town": _FOLDER}
    found = {
        (name, method): asked(**pictures, **changes)
        for name, pictures in data.items()
        for method, changes in _METHODS.items()
    }
    return Cells(options=found, pairs=PAIRS)


def result(accuracy=0.61, pair=("wrn40_2", "wrn16_1"), baselines=(), **changes):
    """Returns the result.json of a run, by default on CIFAR-100 from CIFAR-10."""
    config = asked(**(_CIFAR | changes))
    return {
        "method": config["method"],
        "config": config,
        "command": "bin/distill --data_dir=/there",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "machine": {"processor": "A Processor", "cores": 2, "gpus": []},
        "seed": config["seed"],
        "rounds": config["rounds"],
        "seconds": 5400.0,
        "teacher": {"name": pair[0], "accuracy": 0.7583},
        "student": {"name": pair[1], "accuracy": accuracy},
        "baselines": list(baselines),
        "selection": "last: round 39200",
    }

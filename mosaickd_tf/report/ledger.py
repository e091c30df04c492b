"""Our runs in the cells of the published tables.

A cell is a data set, a pair and a method, each by the name of its flagfile. A run belongs to the
data set with the same images, and to the method from which it differs least; the differences are
shown beside its numbers.
"""

import dataclasses

from mosaickd_tf.config import (
    CompressionConfig,
    DataConfig,
    ExportConfig,
    RunConfig,
    TeacherConfig,
    assignment,
    declared,
    flag_name,
)
from mosaickd_tf.config.removed import without_removed
from mosaickd_tf.errors import RequestError


def _names(*sections):
    return {flag_name(field) for section in sections for field in dataclasses.fields(section)}


_FOLDERS = {"data_dir", "cache_dir"}
# Options without effect on how well a student learns, and those that the pair determines.
_FREE = _FOLDERS | _names(TeacherConfig, RunConfig, ExportConfig, CompressionConfig)
_FREE |= {"student", "compare_with", "baseline_learning_rate", "baseline_temperature", "max_broken"}
_FREE |= {"recipe"}  # what it changed are options of their own
# Beyond the paper, and without effect on the methods that run beside it on OOD images.
_EXTENSIONS = {
    flag_name(f): f.default for f in dataclasses.fields(declared.method_sections()["statistics"])
}
_IMAGES = _names(DataConfig) - _FOLDERS - {"validation_fraction", "max_broken"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cells:
    """Cells that flagfiles describe.

    Attributes:
        options: dict from `(data, method)` to the options of a run there.
        pairs: names of the pairs, `TEACHER_to_STUDENT`.
    """

    options: dict[tuple[str, str], dict]
    pairs: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """Student of a result, in its cell.

    Attributes:
        data: name of the data set's flagfile.
        pair: name of the pair's flagfile.
        method: name of the method's flagfile.
        changes: `name=value` of each option that differs from the cell's, but the rounds.
        seed: of the run.
        rounds: number of rounds.
        accuracy: of the student, in [0, 1].
        teacher_accuracy: in [0, 1].
        seconds: of training, or None.
        machine: description.
        commit: of the project.
        name: of the result's file, without its suffix.
    """

    data: str
    pair: str
    method: str
    changes: tuple[str, ...]
    seed: int
    rounds: int
    accuracy: float
    teacher_accuracy: float
    seconds: float | None
    machine: str
    commit: str
    name: str


def runs_of(result, name, cells):
    """Returns the students of a result: its own and those of its baselines.

    Args:
        result: the content of a result.json.
        name: of its file.
        cells: `Cells`.

    Returns:
        A list of `Run`, the result's own first.

    Raises:
        RequestError: when it lacks something or belongs to no cell.
    """
    try:
        result = result | {"config": without_removed(result["config"])}
        own = result["student"] | {"seconds": result["seconds"]}
        students = [(result["config"], own)]
        students += [(_of_baseline(result["config"], b), b) for b in result["baselines"]]
        return [_run(result, config, facts, name, cells) for config, facts in students]
    except (KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            f"Not a result. Expected the result.json of a finished run. Received: {name!r} without "
            f"{error}. Name another"
        ) from error


def portable(options):
    """Returns the options of a run without paths of its machine.

    Args:
        options: the `config` of a result.

    Returns:
        The same dict, with folders and files by their last names.
    """
    shortened = {name: _plain(value) for name, value in options.items()}
    if shortened["teacher"].startswith(("/", "~")):
        shortened["teacher"] = "/".join(shortened["teacher"].split("/")[-2:])
    return shortened | dict.fromkeys(_FOLDERS & set(options), "")


def _of_baseline(config, baseline):
    rate = config["baseline_learning_rate"] or config["student_learning_rate"]
    temperature = config.get("baseline_temperature") or config["temperature"]
    tuning = {"student_learning_rate": rate, "temperature": temperature}
    return config | _EXTENSIONS | {"method": baseline["method"]} | tuning


def _run(result, config, facts, name, cells):
    pair = f"{result['teacher']['name']}_to_{facts['name']}"
    data, method, changes = _cell(config, pair, cells)
    if facts["accuracy"] is None:
        raise RequestError(
            "Nothing was evaluated. Expected accuracies on a test split. Received: none in "
            f"{name!r}. Name a run with a `target_dataset`"
        )
    return Run(
        data=data,
        pair=pair,
        method=method,
        changes=changes,
        seed=result["seed"],
        rounds=result["rounds"],
        accuracy=facts["accuracy"],
        teacher_accuracy=result["teacher"]["accuracy"],
        seconds=facts.get("seconds"),
        machine=_machine(result["machine"]),
        commit=result["commit"],
        name=name,
    )


def _cell(config, pair, cells):
    """Returns the data set and the method from which a run differs least, and the changes."""
    config = {name: _plain(value) for name, value in config.items()}
    candidates, other_images = [], set()
    for (data, method), options in cells.options.items():
        options = {name: _plain(value) for name, value in options.items()}
        if any(config[n] != options[n] for n in ("method", "target_dataset", "ood_dataset")):
            continue
        changed = [n for n in config if n not in _FREE and config[n] != options.get(n)]
        other_images |= _IMAGES & set(changed)
        if not _IMAGES & set(changed):
            # With equal numbers the method without an ablation.
            candidates.append((len(changed), method != options["method"], data, method, changed))
    if not candidates or pair not in cells.pairs:
        raise RequestError(
            "This run belongs to no cell. Expected the images of a file in configs/data, a pair "
            f"of configs/pairs and a method of configs/methods. Received: {config['method']} for "
            f"{pair} on {config['target_dataset']} from {config['ood_dataset']} "
            f"{' '.join(assignment(name, config[name]) for name in sorted(other_images))}"
        )
    _, _, data, method, changed = min(candidates)
    return data, method, tuple(assignment(n, config[n]) for n in changed if n != "rounds")


def _plain(value):
    """Returns a value as it is compared: a folder by its last name, a list as a tuple."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and value.startswith("folder:"):
        return "folder:" + value.rstrip("/").split("/")[-1].removeprefix("folder:")
    return value


def _machine(machine):
    return ", ".join(machine["gpus"]) or f"{machine['cores']} cores, {machine['processor']}"

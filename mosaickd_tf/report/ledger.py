"""Runs of ours in the cells of the published tables: which result belongs where.

A cell is a data set, a pair and a method, each by the name of its flagfile. A run belongs to
a data set when it had the same pictures, and to the method from which it differs least; in
what it differs is said beside its numbers.
"""

import dataclasses

from mosaickd_tf.config import (
    CompressionConfig,
    DataConfig,
    ExportConfig,
    ExtensionConfig,
    RunConfig,
    TeacherConfig,
    assignment,
    flag_name,
)
from mosaickd_tf.errors import RequestError


def _names(*topics):
    return {flag_name(field) for topic in topics for field in dataclasses.fields(topic)}


_PLACES = {"data_dir", "cache_dir"}
# What tells nothing about how well a student learns, or is told by the pair.
_FREE = _PLACES | _names(TeacherConfig, RunConfig, ExportConfig, CompressionConfig)
_FREE |= {"student", "compare_with", "baseline_learning_rate", "baseline_temperature", "max_broken"}
# Beyond the paper, and of no meaning to the methods that run beside it on OOD images.
_EXTENSIONS = {flag_name(f): f.default for f in dataclasses.fields(ExtensionConfig)}
_PICTURES = _names(DataConfig) - _PLACES - {"validation_fraction", "max_broken"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells that there are flagfiles for.

    Attributes:
        options: dict from `(data, method)` to the options of a run there.
        pairs: names of the pairs, `TEACHER_to_STUDENT`.
    """

    options: dict[tuple[str, str], dict]
    pairs: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One student of a result, in its cell.

    Attributes:
        data: name of the data set's flagfile.
        pair: name of the pair's flagfile.
        method: name of the method's flagfile.
        changes: `name=value` of each option that differs from the cell's, but the rounds.
        seed: of the run.
        rounds: that it played.
        accuracy: of the student, in [0, 1].
        teacher_accuracy: in [0, 1].
        seconds: of training, or None.
        machine: in words.
        commit: of the project.
        name: of the file that says all this, without its suffix.
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
    """The students of a result: its own and those of its baselines.

    Args:
        result: the content of a result.json.
        name: by which its file is to be known.
        cells: `Cells`.

    Returns:
        A list of `Run`, the result's own first.

    Raises:
        RequestError: when it lacks something or belongs to no cell.
    """
    try:
        own = result["student"] | {"seconds": result["seconds"]}
        students = [(result["config"], own)]
        students += [(_of_baseline(result["config"], b), b) for b in result["baselines"]]
        return [_run(result, asked, facts, name, cells) for asked, facts in students]
    except (KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            f"Not a result. Expected the result.json of a finished run. Received: {name!r} without "
            f"{error}. Name another"
        ) from error


def portable(asked):
    """The options of a run without the places on its machine.

    Args:
        asked: the `config` of a result.

    Returns:
        The same dict, with folders and files by their last names.
    """
    shortened = {name: _plain(value) for name, value in asked.items()}
    if shortened["teacher"].startswith(("/", "~")):
        shortened["teacher"] = "/".join(shortened["teacher"].split("/")[-2:])
    return shortened | dict.fromkeys(_PLACES & set(asked), "")


def _of_baseline(asked, baseline):
    rate = asked["baseline_learning_rate"] or asked["student_learning_rate"]
    temperature = asked.get("baseline_temperature") or asked["temperature"]
    tuning = {"student_learning_rate": rate, "temperature": temperature}
    return asked | _EXTENSIONS | {"method": baseline["method"]} | tuning


def _run(result, asked, facts, name, cells):
    pair = f"{result['teacher']['name']}_to_{facts['name']}"
    data, method, changes = _cell(asked, pair, cells)
    if facts["accuracy"] is None:
        raise RequestError(
            "Nothing was measured. Expected accuracies on a test part. Received: none in "
            f"{name!r}. Name a run with --target_dataset"
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


def _cell(asked, pair, cells):
    """The data set and the method from which a run differs least, and in what it does."""
    asked = {name: _plain(value) for name, value in asked.items()}
    candidates, other_pictures = [], set()
    for (data, method), options in cells.options.items():
        options = {name: _plain(value) for name, value in options.items()}
        if any(asked[n] != options[n] for n in ("method", "target_dataset", "ood_dataset")):
            continue
        changed = [n for n in asked if n not in _FREE and asked[n] != options.get(n)]
        other_pictures |= _PICTURES & set(changed)
        if not _PICTURES & set(changed):
            # Of equals the method without an ablation.
            candidates.append((len(changed), method != options["method"], data, method, changed))
    if not candidates or pair not in cells.pairs:
        raise RequestError(
            "This run belongs to no cell. Expected the pictures of a file in configs/data, a pair "
            f"of configs/pairs and a method of configs/methods. Received: {asked['method']} for "
            f"{pair} on {asked['target_dataset']} from {asked['ood_dataset']} "
            f"{' '.join(assignment(name, asked[name]) for name in sorted(other_pictures))}"
        )
    _, _, data, method, changed = min(candidates)
    return data, method, tuple(assignment(n, asked[n]) for n in changed if n != "rounds")


def _plain(value):
    """A value as it is compared: a folder by its last name, a list as a tuple."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and value.startswith("folder:"):
        return "folder:" + value.rstrip("/").split("/")[-1].removeprefix("folder:")
    return value


def _machine(machine):
    return ", ".join(machine["gpus"]) or f"{machine['cores']} cores, {machine['processor']}"

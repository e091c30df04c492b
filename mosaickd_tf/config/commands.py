"""Options of single commands, beside the config of a run."""

import dataclasses

from mosaickd_tf.config import paths
from mosaickd_tf.config.data import (
    LABELS_HELP,
    MAX_BROKEN,
    TASK_HELP,
    TASKS,
    TEACHER_INPUTS,
    DataConfig,
    TeacherConfig,
)
from mosaickd_tf.config.distillation import PRECISIONS
from mosaickd_tf.config.methods import METHODS
from mosaickd_tf.config.options import ConfigSection, option, same_option

SYNTHESIS_FORMATS = ("png", "tfrecord")


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkdirConfig(ConfigSection):
    """Work folder."""

    workdir: str = option(
        "", "Folder of the run; the same command again resumes it.", parse=paths.path
    )
    resume: bool = option(True, "Resume when the work folder holds a run with the same flags.")
    dry_run: bool = option(
        False,
        "Validate the request, print what would be done, write nothing; a distillation runs a few "
        "rounds of each method for it, and prints their time and memory.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TerminalConfig(ConfigSection):
    """Terminal."""

    verbose: bool = option(False, "Show TensorFlow's own messages.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class InspectionConfig(ConfigSection):
    """Inspection."""

    teacher: str = same_option(TeacherConfig, "teacher")
    allow_code: bool = same_option(TeacherConfig, "allow_code")
    custom_objects: str = same_option(TeacherConfig, "custom_objects")
    teacher_network: str = same_option(TeacherConfig, "teacher_network")
    teacher_signature: str = same_option(TeacherConfig, "teacher_signature")
    teacher_input: str = same_option(TeacherConfig, "teacher_input")
    teacher_mean: tuple[float, ...] = same_option(TeacherConfig, "teacher_mean")
    teacher_std: tuple[float, ...] = same_option(TeacherConfig, "teacher_std")
    teacher_layout: str = same_option(TeacherConfig, "teacher_layout")
    teacher_output: str = same_option(TeacherConfig, "teacher_output")
    teacher_output_kind: str = same_option(TeacherConfig, "teacher_output_kind")
    task: str = same_option(DataConfig, "task")
    image_size: int | tuple = same_option(DataConfig, "image_size")
    channels: int = same_option(DataConfig, "channels")
    json: str = option("", "File for the facts, as JSON.", parse=paths.path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(ConfigSection):
    """Evaluation."""

    model: str = option(
        "",
        "A model file: .keras (student or serving model), .h5, .hdf5 or .tflite.",
        parse=paths.path,
    )
    model_input: str = option(
        "auto",
        "Pixels that the model expects, as --teacher_input of bin/distill.",
        choices=TEACHER_INPUTS,
    )
    teacher: str = option("", "A model file to compare with; optional.", parse=paths.network)
    teacher_input: str = option(
        "auto",
        "Pixels that this teacher expects, as --teacher_input of bin/distill.",
        choices=TEACHER_INPUTS,
    )
    task: str = option("auto", TASK_HELP, choices=TASKS)
    target_dataset: str = option(
        "",
        "Labeled images: tfds:NAME, folder:PATH or embedded:digits; its test split is used.",
        listing="datasets",
        parse=paths.data_set,
    )
    labels: str = option("", LABELS_HELP, parse=paths.path)
    data_dir: str = option("", "Folder of the prepared TFDS data sets.", parse=paths.path)
    max_broken: float = MAX_BROKEN
    json: str = option("", "File for the numbers, as JSON.", parse=paths.path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportSourceConfig(ConfigSection):
    """Source of the export."""

    workdir: str = option(
        "", "Folder of a finished run, whose student is exported again.", parse=paths.path
    )
    student: str = option(
        "",
        "A .keras classifier of unit images; export/student.keras of --workdir if empty.",
        parse=paths.network,
    )
    task: str = option("auto", f"{TASK_HELP} That of --workdir if one is given.", choices=TASKS)
    export_dir: str = option(
        "", "Folder for the files; export/ of --workdir if empty.", parse=paths.path
    )
    images: str = option(
        "",
        "Images that the teacher never saw, on which each file is compared with the student and "
        "which --calibration=ood uses: tfds:NAME, folder:PATH or embedded:NAME. If empty those of "
        "--workdir, with its test split, or embedded:photos.",
        parse=paths.data_set,
    )
    data_dir: str = option("", "Folder of the prepared TFDS data sets.", parse=paths.path)
    max_broken: float = MAX_BROKEN
    labels: str = option("", LABELS_HELP, parse=paths.path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LedgerConfig(ConfigSection):
    """Ledger of results."""

    add: str = option("", "A result.json to add before the page is written.", parse=paths.path)
    commit: str = option(
        "", "Commit of this project that produced the added result, where it does not record it."
    )
    check: bool = option(False, "Write nothing; fail unless the page is up to date.")
    results_dir: str = option("results", "Folder of the results.", parse=paths.path)
    page: str = option("docs/results.md", "The page.", parse=paths.path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportConfig(ConfigSection):
    """Report."""

    workdir: str = option("", "Folder of a finished run.", parse=paths.path)
    labels: str = option(
        "", f"{LABELS_HELP} They take the place of the run's own.", parse=paths.path
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SynthesisConfig(ConfigSection):
    """Synthetic images."""

    workdir: str = option(
        "", "Folder of a finished run of a method that synthesizes images.", parse=paths.path
    )
    count: int = option(1000, "Number of images.", at_least=1)
    format: str = option(
        "png",
        "`png`: a folder for each class, and the logits as JSON lines; `tfrecord`: one file.",
        choices=SYNTHESIS_FORMATS,
    )
    output_dir: str = option(
        "", "Folder for the images; synthetic/ of --workdir if empty.", parse=paths.path
    )
    seed: int = option(0, "Random seed of the noise.", at_least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoConfig(ConfigSection):
    """Demo."""

    workdir: str = option("", "Folder of a finished run.", parse=paths.path)
    port: int = option(
        0, "Port of the page on this machine; 0 for any free one.", at_least=0, at_most=65535
    )
    cache_dir: str = option(
        "",
        "Cache of LiteRT.js, which npm downloads once; mosaickd_tf in the user's cache if empty.",
        parse=paths.path,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchmarkConfig(ConfigSection):
    """Benchmark."""

    method: str = option(
        "mosaic", "Method whose rounds are timed.", choices=METHODS, listing="methods"
    )
    teacher: str = option("wrn40_2", "Name of a network, with random weights.", parse=paths.network)
    student: str = option("wrn16_1", "Name of a network, or a .keras file.", parse=paths.network)
    num_classes: int = option(100, "Number of classes.", at_least=2)
    image_size: int = option(32, "Side of the square images in pixels.", at_least=8)
    channels: int = option(3, "Channels of an image: 1 is gray, 3 is color.", choices=(1, 3))
    batch_size: int = option(64, "Images in an update of any network.", at_least=2)
    student_steps_per_round: int = option(5, "Updates of the student in a round.", at_least=1)
    rounds: int = option(5, "Number of timed rounds.", at_least=1)
    warmup_rounds: int = option(1, "Warm-up rounds between the first and those.", at_least=0)
    precision: str = option("auto", "As of bin/distill.", choices=PRECISIONS)
    jit_compile: str = option("auto", "As of bin/distill.", choices=("auto", "true", "false"))
    steps_per_execution: int = option(1, "As of bin/distill.", at_least=1)
    against_pytorch: bool = option(
        False, "Run a PyTorch round after each of ours; needs PyTorch and the source tree."
    )
    latency: bool = option(
        False, "Export the student too and time each .tflite file, on one thread and on all."
    )
    growth: str = option(
        "",
        "Folder for a page and the numbers of the cost of a round by batch size, image size and "
        "number of classes; each point is a process of its own.",
        parse=paths.path,
    )
    json: str = option("", "File for the numbers, as JSON.", parse=paths.path)

"""What single commands ask for beside a run's config."""

import dataclasses

from mosaickd_tf.config.data import MAX_BROKEN, TEACHER_INPUTS
from mosaickd_tf.config.distillation import PRECISIONS
from mosaickd_tf.config.methods import METHODS
from mosaickd_tf.config.options import ConfigSection, option

SYNTHESIS_FORMATS = ("png", "tfrecord")


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkdirConfig(ConfigSection):
    """Where and how to start."""

    workdir: str = option("", "The folder of the run; the same command again goes on in it.")
    resume: bool = option(True, "Go on when the work folder holds a run of the same flags.")
    dry_run: bool = option(False, "Check the request, say what would be done, write nothing.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TerminalConfig(ConfigSection):
    """Terminal."""

    verbose: bool = option(False, "Let TensorFlow's own messages through.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(ConfigSection):
    """Evaluation."""

    model: str = option("", "A .keras file (student or serving model) or a .tflite file.")
    teacher: str = option("", "A .keras classifier to compare with; may be left out.")
    teacher_input: str = option("unit", "What that teacher expects.", choices=TEACHER_INPUTS)
    target_dataset: str = option(
        "",
        "Labelled images: tfds:NAME, folder:PATH or embedded:digits; its test part is used.",
        listing="datasets",
    )
    data_dir: str = option("", "Where TFDS keeps its prepared data sets.")
    max_broken: float = MAX_BROKEN
    json: str = option("", "A file for the numbers, beside the table.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportSourceConfig(ConfigSection):
    """What to export."""

    workdir: str = option("", "A finished run, whose student is exported again.")
    student: str = option(
        "", "A .keras classifier of unit images; export/student.keras of --workdir if empty."
    )
    export_dir: str = option("", "Where the files go; export/ of --workdir if empty.")
    images: str = option(
        "",
        "Pictures that the teacher never saw, on which each file is compared with the student and "
        "which --calibration=ood takes: tfds:NAME, folder:PATH or embedded:NAME. If empty those "
        "of --workdir, whose test part is then looked at too, or embedded:photos.",
    )
    data_dir: str = option("", "Where TFDS keeps its prepared data sets.")
    max_broken: float = MAX_BROKEN
    labels: str = option("", "A text file with the name of each class on a line.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LedgerConfig(ConfigSection):
    """Ledger of results."""

    add: str = option("", "A result.json to keep, before the page is written.")
    commit: str = option(
        "", "The project's commit that made the added result, where it does not say so itself."
    )
    check: bool = option(False, "Write nothing; fail unless the page is what the results give.")
    results_dir: str = option("results", "Where the results are kept.")
    page: str = option("docs/results.md", "The page.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportConfig(ConfigSection):
    """Report."""

    workdir: str = option("", "The folder of a finished run.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SynthesisConfig(ConfigSection):
    """Synthetic images."""

    workdir: str = option("", "The folder of a finished run that kept its generator.")
    count: int = option(1000, "How many images.", at_least=1)
    format: str = option(
        "png",
        "`png`: a folder a class, and the logits as JSON lines; `tfrecord`: one file.",
        choices=SYNTHESIS_FORMATS,
    )
    output_dir: str = option("", "Where they go; synthetic/ of --workdir if empty.")
    seed: int = option(0, "Fixes the noise, and with it the images.", at_least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoConfig(ConfigSection):
    """Demo."""

    workdir: str = option("", "The folder of a finished run.")
    port: int = option(
        0, "Port of the page on this machine; 0 for any that is free.", at_least=0, at_most=65535
    )
    cache_dir: str = option(
        "",
        "Where LiteRT.js is kept, which npm brings once; mosaickd_tf in the user's cache if empty.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchmarkConfig(ConfigSection):
    """Benchmark."""

    method: str = option("mosaic", "Whose rounds are timed.", choices=METHODS, listing="methods")
    teacher: str = option("wrn40_2", "Name of a network; its weights are random.")
    student: str = option("wrn16_1", "Name of a network, or a .keras file.")
    num_classes: int = option(100, "Classes of both.", at_least=2)
    image_size: int = option(32, "Side of the square images in pixels.", at_least=8)
    channels: int = option(3, "Channels of an image: 1 is gray, 3 is color.", choices=(1, 3))
    batch_size: int = option(64, "Images in an update of any player.", at_least=2)
    student_steps_per_round: int = option(5, "Updates of the student in a round.", at_least=1)
    rounds: int = option(5, "Rounds that are timed.", at_least=1)
    warmup_rounds: int = option(1, "Rounds between the first and those.", at_least=0)
    precision: str = option("auto", "As of bin/distill.", choices=PRECISIONS)
    jit_compile: str = option("auto", "As of bin/distill.", choices=("auto", "true", "false"))
    steps_per_execution: int = option(1, "As of bin/distill.", at_least=1)
    against_pytorch: bool = option(
        False, "Play a round of PyTorch after each of ours; needs PyTorch and the source tree."
    )
    latency: bool = option(
        False, "Export the student too and time each .tflite, on one thread and on all."
    )
    growth: str = option(
        "",
        "A folder for a page and the numbers of how the round grows with the batch, the image and "
        "the classes; each point is a process of its own.",
    )
    json: str = option("", "A file for the numbers, beside the table.")

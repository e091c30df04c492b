"""Everything that a distillation, or the training of a teacher, can be asked for."""

import dataclasses

from mosaickd_tf.config.compression import COMPRESSED, CompressionConfig
from mosaickd_tf.config.data import DataConfig, TeacherConfig
from mosaickd_tf.config.methods import (
    BaselineTerms,
    DataFreeTerms,
    ExtensionConfig,
    LossWeights,
    MethodConfig,
)
from mosaickd_tf.config.options import ConfigSection, option

EXPORTS = (
    "keras",
    "saved_model",
    "tflite_float32",
    "tflite_float16",
    "tflite_dynamic",
    "tflite_int8",
    "tflite_int16x8",
    *COMPRESSED,
)
CALIBRATIONS = ("auto", "synthetic", "ood", "mixed")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "bfloat16", "mixed_float16", "float16")
ON_DIVERGENCE = ("stop", "rollback", "skip")
STUDENT_IMAGES = ("both", "synthetic", "ood")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayersConfig(ConfigSection):
    """Student, generator, discriminator."""

    student: str = option("wrn16_1", "Name of a network, or a .keras file to start from.")
    noise_dim: int = option(100, "Length of the generator's noise vector.", at_least=1)
    generator_filters: int = option(64, "Filters of the generator's last layers.", at_least=1)
    discriminator_filters: int = option(
        128, "Filters of the discriminator's first layer.", at_least=1
    )
    patch_size: int = option(
        10, "Side in pixels of the patches that are judged, 1 to the image size.", at_least=1
    )
    patch_crops: int = option(
        0,
        "0: a convolutional discriminator judges every patch of an image at once. Above 0: so "
        "many random crops of the patch size are cut from each image and judged whole.",
        at_least=0,
    )
    student_images: str = option(
        "both",
        "What the student of --method=mosaic learns from: synthetic and OOD images, or as many "
        "of one kind alone.",
        choices=STUDENT_IMAGES,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizationConfig(ConfigSection):
    """Optimization."""

    rounds: int = option(39200, "Rounds of the game; all schedules end with them.", at_least=1)
    batch_size: int = option(
        256, "Synthetic images, and OOD images, in an update of any player.", at_least=2
    )
    student_steps_per_round: int = option(5, "Updates of the student in a round.", at_least=1)
    student_learning_rate: float = option(0.1, "Peak of the student's schedule.", above=0.0)
    student_momentum: float = option(0.9, "Momentum of the student.", at_least=0.0, at_most=0.999)
    weight_decay: float = option(1e-4, "L2 in the student's gradient.", at_least=0.0)
    generator_learning_rate: float = option(
        1e-3, "Peak of the generator's and the discriminator's schedule.", above=0.0
    )
    temperature: float = option(1.0, "Softens both sides of L_kd.", above=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(ConfigSection):
    """Run."""

    seed: int = option(0, "Fixes weights, noise, order and augmentation.", at_least=0)
    deterministic: bool = option(False, "Only operations that give the same bits each time.")
    precision: str = option(
        "auto",
        "Arithmetic of the networks; `auto` is mixed_bfloat16 where the GPU, or without one the "
        "processor, computes in it, mixed_float16 with scaled losses on older GPUs, else float32; "
        "bfloat16 and float16 are short for the mixed ones.",
        choices=PRECISIONS,
    )
    jit_compile: str = option(
        "auto",
        "Whether XLA compiles rounds, and updates of a teacher; `auto` is on where there is a GPU.",
        choices=("auto", "true", "false"),
    )
    steps_per_execution: int = option(
        1,
        "Rounds in a call of the compiled function, of which evaluations and checkpoints have to "
        "be multiples; more spare a GPU the waits between them.",
        at_least=1,
    )
    evaluate_every: int = option(
        0, "Rounds between evaluations; 0 for ten of them in the run.", at_least=0
    )
    checkpoint_every: int = option(
        0, "Rounds between checkpoints; 0 for one at each evaluation.", at_least=0
    )
    checkpoint_minutes: float = option(
        10.0, "Minutes after which a checkpoint is due whatever the round; 0 for never.", at_least=0
    )
    on_divergence: str = option(
        "stop",
        "What to do when a loss or a gradient is not finite, the student falls into one class or "
        "the discriminator always wins: `stop` with the last good checkpoint intact; `rollback` "
        "to it and go on with half of all learning rates, at most three times; `skip` the "
        "updates that are not finite, say the rest, and go on.",
        choices=ON_DIVERGENCE,
    )
    no_samples: bool = option(
        False,
        "Keep synthetic images, which can resemble what the teacher was trained on, out of "
        "samples/, TensorBoard and report.html.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(ConfigSection):
    """Export."""

    exports: tuple[str, ...] = option(
        ("keras", "saved_model", "tflite_float32"),
        "Formats in which the student leaves.",
        choices=EXPORTS,
    )
    outputs: str = option(
        "probabilities", "What the serving model returns.", choices=("probabilities", "logits")
    )
    calibration: str = option(
        "auto",
        "What shows the formats of integers how large activations are: `synthetic` images of the "
        "run's generator, `ood` ones, or as many of both, `mixed`; `auto` is mixed where there is "
        "a generator, else ood. Never the teacher's own data.",
        choices=CALIBRATIONS,
    )
    calibration_images: int = option(500, "How many images calibrate.", at_least=1)
    min_agreement: float = option(
        0.9,
        "Share of the compared images on which a file of fewer bits must name the student's "
        "class; below it the command fails.",
        at_least=0.0,
        at_most=1.0,
    )
    author: str = option("", "Who made the student, for the .tflite files to say.")
    license: str = option("", "Its licence, for the same.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """Everything that a distillation can be asked for, by topic."""

    method: MethodConfig = dataclasses.field(default_factory=MethodConfig)
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    teacher: TeacherConfig = dataclasses.field(default_factory=TeacherConfig)
    players: PlayersConfig = dataclasses.field(default_factory=PlayersConfig)
    losses: LossWeights = dataclasses.field(default_factory=LossWeights)
    baselines: BaselineTerms = dataclasses.field(default_factory=BaselineTerms)
    data_free: DataFreeTerms = dataclasses.field(default_factory=DataFreeTerms)
    extensions: ExtensionConfig = dataclasses.field(default_factory=ExtensionConfig)
    optimization: OptimizationConfig = dataclasses.field(default_factory=OptimizationConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)
    export: ExportConfig = dataclasses.field(default_factory=ExportConfig)
    compression: CompressionConfig = dataclasses.field(default_factory=CompressionConfig)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherTrainingConfig:
    """Everything that the training of a teacher can be asked for, by topic."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    teacher: TeacherConfig = dataclasses.field(default_factory=TeacherConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)


def as_baseline(config, method):
    """The `DistillConfig` of a method that runs beside the asked one, with its own tuning."""
    tuning = {
        "student_learning_rate": config.method.baseline_learning_rate,
        "temperature": config.method.baseline_temperature,
    }
    given = {name: value for name, value in tuning.items() if value}
    return dataclasses.replace(
        config,
        method=dataclasses.replace(config.method, method=method, compare_with=()),
        optimization=dataclasses.replace(config.optimization, **given),
    )

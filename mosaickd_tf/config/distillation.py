"""Options of a distillation and of the training of a teacher."""

import dataclasses

from mosaickd_tf.config import declared, paths
from mosaickd_tf.config.compression import COMPRESSED, CompressionConfig
from mosaickd_tf.config.data import DataConfig, TeacherConfig
from mosaickd_tf.config.methods import MethodConfig
from mosaickd_tf.config.options import ConfigSection, option, section_from_options
from mosaickd_tf.errors import RequestError

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
RECIPES = ("auto", "paper", "short")
ON_DIVERGENCE = ("stop", "rollback", "skip")
PAPER_ROUNDS, PAPER_BATCH_SIZE = 39200, 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworksConfig(ConfigSection):
    """Student, generator, discriminator."""

    student: str = option(
        "wrn16_1", "Name of a network, or a .keras file to initialize it from.", parse=paths.network
    )
    student_stride: int = option(
        0,
        "Stride of the first convolution of a student wrnD_W, 1, 2 or 4: at 2 it costs a quarter "
        "and sees twice as far. 0 for 1, or for that of the --recipe.",
        choices=(0, 1, 2, 4),
    )
    noise_dim: int = option(100, "Length of the generator's noise vector.", at_least=1)
    generator_filters: int = option(
        64,
        "Filters of the generator after its second upsampling: in its last layers for images of "
        "up to 64 pixels a side, and half of them there for larger ones.",
        at_least=1,
    )
    discriminator_filters: int = option(
        128, "Filters of the discriminator's first layer.", at_least=1
    )
    patch_size: int = option(
        0,
        "Side in pixels of the patches that the discriminator sees, 1 to the image size; 0 for "
        "one that grows with it: 10 for images of up to 64 pixels a side, then 22 to 128, 46 to "
        "256, 94 to 512.",
        at_least=0,
    )
    patch_crops: int = option(
        0,
        "0: a convolutional discriminator classifies every patch of an image at once. Above 0: "
        "number of random crops of the patch size that are cut from each image and classified.",
        at_least=0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizationConfig(ConfigSection):
    """Optimization."""

    recipe: str = option(
        "auto",
        "Settings of the options that are at their defaults: `paper` leaves them; `short` has "
        "those for about an hour on a processor, for a teacher with BatchNormalization. `auto` "
        "is short for --method=mosaic without --rounds and without a GPU, else paper.",
        choices=RECIPES,
    )
    rounds: int = option(
        0,
        "Number of training rounds; all learning-rate schedules end with them. 0 for the paper's "
        "39200 on a GPU, and without one for as many as take about 50 minutes, as some rounds on "
        "trial tell.",
        at_least=0,
    )
    batch_size: int = option(
        0,
        "Synthetic images, and OOD images, in an update of any network, 2 or more; 0 for 256, or "
        "for images of more than 32 pixels a side the largest power of two up to 256 that fits "
        "in memory. Without a GPU and without --rounds it is lowered, down to 16, to leave 1000 "
        "rounds.",
        at_least=0,
    )
    student_steps_per_round: int = option(5, "Updates of the student in a round.", at_least=1)
    student_optimizer: str = option(
        "sgd",
        "Optimizer of the student: SGD with momentum, the paper's, or Adam with decoupled weight "
        "decay, for a rate of at most 0.02.",
        choices=("sgd", "adam"),
    )
    student_learning_rate: float = option(0.1, "Peak learning rate of the student.", above=0.0)
    student_momentum: float = option(0.9, "Momentum of SGD.", at_least=0.0, at_most=0.999)
    weight_decay: float = option(1e-4, "L2 weight decay of the student.", at_least=0.0)
    generator_learning_rate: float = option(
        1e-3, "Peak learning rate of the generator and the discriminator.", above=0.0
    )
    temperature: float = option(1.0, "Temperature of both sides of L_kd.", above=0.0)

    def __post_init__(self):
        """Checks that a batch is more than one image, or left to the program."""
        super().__post_init__()
        if self.batch_size == 1:
            raise RequestError(
                "`batch_size` has a wrong value. Expected at least 2, or 0 for one that fits. "
                "Received: batch_size=1"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(ConfigSection):
    """Run."""

    seed: int = option(0, "Random seed of weights, noise, order and augmentation.", at_least=0)
    deterministic: bool = option(False, "Use only operations with reproducible results.")
    precision: str = option(
        "auto",
        "Precision of the networks; `auto` is mixed_bfloat16 where the GPU, or without one the "
        "CPU, supports it, mixed_float16 with loss scaling on older GPUs, else float32; bfloat16 "
        "and float16 are short for the mixed ones.",
        choices=PRECISIONS,
    )
    jit_compile: str = option(
        "auto",
        "Compile training steps with XLA; `auto` is on where there is a GPU.",
        choices=("auto", "true", "false"),
    )
    steps_per_execution: int = option(
        1,
        "Rounds in a call of the compiled function; evaluations and checkpoints have to be "
        "multiples of it. More reduce the overhead on a GPU.",
        at_least=1,
    )
    evaluate_every: int = option(
        0, "Rounds between evaluations; 0 for ten evaluations in a run.", at_least=0
    )
    checkpoint_every: int = option(
        0, "Rounds between checkpoints; 0 for one at each evaluation.", at_least=0
    )
    checkpoint_minutes: float = option(
        10.0, "Minutes between checkpoints, whatever the round; 0 for no limit.", at_least=0
    )
    on_divergence: str = option(
        "stop",
        "Reaction to a loss or a gradient that is not finite, a student that predicts one class "
        "only, or a discriminator that always wins: `stop` with the last good checkpoint intact; "
        "`rollback` to it and continue with half of all learning rates, at most three times; "
        "`skip` updates that are not finite, log the others, and continue.",
        choices=ON_DIVERGENCE,
    )
    no_samples: bool = option(
        False,
        "Do not write synthetic images, which can resemble the teacher's training data, to "
        "samples/, TensorBoard and report.html.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(ConfigSection):
    """Export."""

    exports: tuple[str, ...] = option(
        ("keras", "saved_model", "tflite_float32"),
        "Formats in which the student is exported.",
        choices=EXPORTS,
    )
    outputs: str = option(
        "probabilities", "Outputs of the serving model.", choices=("probabilities", "logits")
    )
    calibration: str = option(
        "auto",
        "Images that calibrate the ranges of integer formats: `synthetic` ones of the run's "
        "generator, `ood` ones, or as many of both, `mixed`; `auto` is mixed where there is a "
        "generator, else ood. Never the teacher's own data.",
        choices=CALIBRATIONS,
    )
    calibration_images: int = option(500, "Number of images for calibration.", at_least=1)
    min_agreement: float = option(
        0.9,
        "Share of the compared images on which the predictions of a quantized file must agree with "
        "the student's; below it the command fails.",
        at_least=0.0,
        at_most=1.0,
    )
    author: str = option("", "Author of the student, for the metadata of .tflite files.")
    license: str = option("", "License of the student, for the same.")


def _default_sections():
    return {name: section() for name, section in declared.method_sections().items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """All options of a distillation, in sections.

    Attributes:
        methods: dict from the name of a file in `methods/` to the options that it declares; those
            left out have their defaults.
    """

    method: MethodConfig = dataclasses.field(default_factory=MethodConfig)
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    teacher: TeacherConfig = dataclasses.field(default_factory=TeacherConfig)
    networks: NetworksConfig = dataclasses.field(default_factory=NetworksConfig)
    methods: dict[str, ConfigSection] = dataclasses.field(default_factory=dict)
    optimization: OptimizationConfig = dataclasses.field(default_factory=OptimizationConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)
    export: ExportConfig = dataclasses.field(default_factory=ExportConfig)
    compression: CompressionConfig = dataclasses.field(default_factory=CompressionConfig)

    def __post_init__(self):
        object.__setattr__(self, "methods", _default_sections() | self.methods)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherTrainingConfig:
    """All options of the training of a teacher, in sections."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    teacher: TeacherConfig = dataclasses.field(default_factory=TeacherConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)


def section_types(config):
    """Returns the classes of a config's sections by name, those of the methods by their files'.

    Args:
        config: `DistillConfig` or `TeacherTrainingConfig`, the class.
    """
    types = {}
    for field in dataclasses.fields(config):
        types |= (
            declared.method_sections()
            if field.name == "methods"
            else {field.name: field.default_factory}
        )
    return types


def from_sections(config, sections):
    """Builds a config from its sections.

    Args:
        config: `DistillConfig` or `TeacherTrainingConfig`, the class.
        sections: dict of instances, by the names of `section_types`.
    """
    own = {field.name for field in dataclasses.fields(config)}
    of_methods = {name: section for name, section in sections.items() if name not in own}
    given = {name: section for name, section in sections.items() if name in own}
    return config(**given, **({"methods": of_methods} if of_methods else {}))


def from_options(config, given):
    """Builds a config from the options that `options` gave; those left out have their defaults.

    Args:
        config: `DistillConfig` or `TeacherTrainingConfig`, the class.
        given: dict from flag names to values, as the `config` of a result.json.
    """
    types = section_types(config)
    return from_sections(config, {n: section_from_options(t, given) for n, t in types.items()})


def with_options(config, **sections):
    """Returns a config with other values of some options.

    Args:
        config: `DistillConfig` or `TeacherTrainingConfig`.
        **sections: dict from fields to values, by the name of the section or of a method's file.
    """
    of_methods = getattr(config, "methods", {})
    changed = {
        name: dataclasses.replace(of_methods.get(name) or getattr(config, name), **values)
        for name, values in sections.items()
    }
    methods = of_methods | {name: changed.pop(name) for name in sections if name in of_methods}
    return dataclasses.replace(config, **changed, **({"methods": methods} if methods else {}))


def as_baseline(config, method):
    """Returns the `DistillConfig` of a baseline, with the tuning that baselines have."""
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

"""What a run can be asked for: frozen dataclasses, the only place where a default stands.

Each class is a topic. The commands turn every field into a flag of the same name, help text
and default; a field whose flag is called otherwise says so in its metadata.
"""

import dataclasses
import math

from mosaickd_tf.errors import RequestError

METHODS = (
    "mosaic",
    "kd",
    "dro_ood",
    "balanced",
    "fitnet",
    "rkd",
    "crd",
    "sskd",
    "dafl",
    "zskt",
    "deep_inversion",
    "dfq",
)
EXPORTS = ("keras", "saved_model", "tflite_float32")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "bfloat16")
TEACHER_INPUTS = ("unit", "signed", "bytes", "imagenet", "cifar10", "cifar100")
STUDENT_IMAGES = ("both", "synthetic", "ood")
AUGMENTATIONS = ("none", "pad_crop", "pad_crop_flip")


def option(
    default,
    help,
    *,
    at_least=None,
    above=None,
    at_most=None,
    choices=None,
    flag=None,
    listing=None,
):
    """A field with its default, its help text and the values it may take.

    `listing` names the table that the commands print for the value `help`.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "at_least": at_least,
            "above": above,
            "at_most": at_most,
            "choices": choices,
            "flag": flag,
            "listing": listing,
        },
    )


def flag_name(field):
    """The name under which a person meets the field."""
    return field.metadata["flag"] or field.name


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Topic:
    """Checks every field against its metadata when it is made."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(flag_name(field), getattr(self, field.name), field.metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(_Topic):
    """Data."""

    target_dataset: str = option(
        "",
        "The teacher's own data, for evaluation, choice of weights and training a teacher by "
        "name; never shown to the student. tfds:NAME, folder:PATH or embedded:digits. May be "
        "left out when the teacher is a file.",
        listing="datasets",
    )
    ood_dataset: str = option(
        "",
        "The unrelated, unlabeled pictures: tfds:NAME, folder:PATH or embedded:photos.",
        listing="datasets",
    )
    data_dir: str = option("", "Where TFDS keeps its prepared data sets; its own default if empty.")
    image_size: int = option(
        32, "Side of the square images in pixels, a multiple of 4 from 8 up.", at_least=8
    )
    channels: int = option(3, "Channels of the images.", choices=(1, 3))
    ood_fit: str = option(
        "resize",
        "How an OOD picture becomes an image: `resize` its shorter side and cut the middle, or "
        "cut random square `crops` out of it.",
        choices=("resize", "crops"),
    )
    ood_crops_per_picture: int = option(
        16, "How many random crops each OOD picture gives, with --ood_fit=crops.", at_least=1
    )
    ood_smallest_crop: int = option(
        0, "Smallest side of a random crop in pixels; 0 for the image size.", at_least=0
    )
    ood_largest_crop: int = option(
        0, "Largest side of a random crop in pixels; 0 for three times the smallest.", at_least=0
    )
    ood_subset: int = option(
        0,
        "Keep only so many OOD images, those of which the teacher is least sure; 0 for all.",
        at_least=0,
    )
    validation_fraction: float = option(
        0.1,
        "Share of the target's training part kept for choosing weights, where the data set has "
        "no validation part of its own; 0 for none.",
        at_least=0.0,
        at_most=0.5,
    )
    cache_dir: str = option(
        "",
        "Where the teacher's opinions of the OOD images are kept, so that --ood_subset is "
        "computed once for a teacher and its pictures; mosaickd_tf in the user's cache if empty.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherConfig(_Topic):
    """Teacher."""

    teacher: str = option(
        "",
        "A .keras file, a .pth file of the official PyTorch code (with --teacher_network), or the "
        "name of a network that is then trained on the target data.",
    )
    teacher_network: str = option(
        "", "Name of the network whose official PyTorch weights the .pth of --teacher holds."
    )
    teacher_mean: tuple[float, ...] = option(
        (),
        "Mean of each channel of images in [0, 1], by which a teacher from a .pth file or by name "
        "standardises them; that of the target's training part if empty.",
        at_least=0.0,
        at_most=1.0,
    )
    teacher_std: tuple[float, ...] = option(
        (), "Standard deviation of each channel, given with --teacher_mean.", above=0.0, at_most=1.0
    )
    teacher_input: str = option(
        "unit",
        "What a teacher from a .keras file expects: `unit` images in [0, 1], `signed` in [-1, 1], "
        "`bytes` in [0, 255], or standardised by the statistics of ImageNet, CIFAR-10 or "
        "CIFAR-100.",
        choices=TEACHER_INPUTS,
    )
    teacher_epochs: int = option(200, "Passes over the training part.", at_least=1)
    teacher_batch_size: int = option(128, "Images in an update of the teacher.", at_least=2)
    teacher_learning_rate: float = option(0.1, "Peak of its cosine schedule.", above=0.0)
    teacher_weight_decay: float = option(5e-4, "L2 in its gradient.", at_least=0.0)
    teacher_augmentation: str = option(
        "pad_crop_flip", "What its training images go through.", choices=AUGMENTATIONS
    )

    def __post_init__(self):
        """Checks that the options about files go with the file that is named."""
        super().__post_init__()
        is_pth = self.teacher.endswith(".pth")
        if is_pth and not self.teacher_network:
            raise RequestError(
                "`teacher_network` is needed with a .pth file, which holds weights alone. Expected "
                f"the name of the network. Received: teacher={self.teacher} without"
            )
        if self.teacher_network and not is_pth:
            raise RequestError(
                "`teacher_network` goes with a .pth file. Expected one as `teacher`. Received: "
                f"teacher={self.teacher or 'nothing'}"
            )
        if is_pth and self.teacher_input != "unit":
            raise RequestError(
                "`teacher_input` goes with a .keras file. Expected `teacher_mean` and "
                f"`teacher_std` for a .pth file. Received: teacher_input={self.teacher_input}"
            )
        if self.teacher_mean and self.teacher.endswith(".keras"):
            raise RequestError(
                "`teacher_mean` goes with a .pth file or the name of a network. Expected "
                f"`teacher_input` for a .keras file. Received: teacher={self.teacher}"
            )
        if len(self.teacher_mean) != len(self.teacher_std):
            raise RequestError(
                "`teacher_mean` and `teacher_std` go together, a number a channel in each. "
                f"Received: {len(self.teacher_mean)} and {len(self.teacher_std)} numbers"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayersConfig(_Topic):
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
class LossWeights(_Topic):
    """Loss weights."""

    local: float = option(
        1.0,
        "Weight of L_local (Eq. 3), a sum over patches; 0 also stops the discriminator.",
        at_least=0.0,
        flag="local_weight",
    )
    align: float = option(1.0, "Weight of L_align (Eq. 4).", at_least=0.0, flag="align_weight")
    adversarial: float = option(
        1.0, "Weight of L_adv (Eq. 7).", at_least=0.0, flag="adversarial_weight"
    )
    balance: float = option(
        10.0, "Weight of L_balance (appendix).", at_least=0.0, flag="balance_weight"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BaselineTerms(_Topic):
    """Terms of the baselines."""

    dro_ood_robustness: float = option(
        1.0,
        "Price in nats of a distribution away from that of the OOD images: a small one makes "
        "the worst images count alone, a large one gives plain distillation.",
        above=0.0,
    )
    fitnet_hint_weight: float = option(100.0, "Weight of the hint.", at_least=0.0)
    rkd_distance_weight: float = option(25.0, "Weight of the distances.", at_least=0.0)
    rkd_angle_weight: float = option(50.0, "Weight of the angles.", at_least=0.0)
    crd_weight: float = option(0.8, "Weight of the contrastive term.", at_least=0.0)
    crd_negatives: int = option(
        16384, "Other images against which each is told; at most all of them.", at_least=1
    )
    sskd_teacher_share: float = option(
        0.2,
        "Share of the rounds in which a head of the teacher learns to match rotated images.",
        at_least=0.0,
        at_most=0.9,
    )
    sskd_transformed_weight: float = option(
        2.7, "Weight of the distillation on rotated images.", at_least=0.0
    )
    sskd_transformed_share: float = option(
        1.0,
        "Share kept of the rotated images that the teacher puts into another class.",
        at_least=0.0,
        at_most=1.0,
    )
    sskd_similarity_weight: float = option(
        10.0, "Weight of the similarities between images.", at_least=0.0
    )
    sskd_similarity_share: float = option(
        0.75,
        "Share kept of the rotated images that the teacher matches to another image.",
        at_least=0.0,
        at_most=1.0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataFreeTerms(_Topic):
    """Terms of the data-free methods."""

    dafl_one_hot_weight: float = option(
        1.0, "Weight of the cross-entropy to the teacher's own classes.", at_least=0.0
    )
    dafl_activation_weight: float = option(
        0.1, "Weight of the size of the teacher's features.", at_least=0.0
    )
    dafl_balance_weight: float = option(
        5.0, "Weight of the entropy of the mean prediction, in nats.", at_least=0.0
    )
    zskt_attention_weight: float = option(
        250.0, "Weight of the attention transfer, summed over stages.", at_least=0.0
    )
    dfq_adversarial_weight: float = option(
        1.0, "Weight of the divergence of teacher and student.", at_least=0.0
    )
    dfq_statistics_weight: float = option(
        1.0, "Weight of the teacher's normalisation statistics.", at_least=0.0
    )
    dfq_entropy_weight: float = option(
        1.0, "Weight of the entropy of each prediction.", at_least=0.0
    )
    dfq_balance_weight: float = option(
        20.0, "Weight of the entropy of the mean prediction, in nats.", at_least=0.0
    )
    deep_inversion_steps: int = option(
        1000, "Rounds in which a batch of images is optimised.", at_least=1
    )
    deep_inversion_learning_rate: float = option(0.1, "Adam's rate for pixels.", above=0.0)
    deep_inversion_statistics_weight: float = option(
        10.0, "Weight of the teacher's normalisation statistics.", at_least=0.0
    )
    deep_inversion_variation_weight: float = option(
        1e-3, "Weight of the total variation.", at_least=0.0
    )
    deep_inversion_norm_weight: float = option(0.0, "Weight of the images' L2 norm.", at_least=0.0)
    deep_inversion_competition_weight: float = option(
        1.0, "Weight of the competition with the student; 0 is plain DeepInversion.", at_least=0.0
    )
    deep_inversion_bank: int = option(
        10240, "Finished images that are kept; the oldest leave first.", at_least=2
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtensionConfig(_Topic):
    """Beyond the paper, for methods with a generator."""

    statistics_weight: float = option(
        0.0,
        "Weight of the teacher's normalisation statistics in synthetic images, as in CMI "
        "(arXiv 2105.08584); 0 leaves them out.",
        at_least=0.0,
    )
    memory_size: int = option(
        0,
        "Synthetic images of earlier rounds that are kept, of which half of the student's "
        "synthetic images are drawn; CMI (arXiv 2105.08584) keeps them all; 0 for none.",
        at_least=0,
    )
    generator_restart_every: int = option(
        0,
        "Rounds after which the generator and its optimizer start anew, from the peak of its "
        "schedule, as in CMI (arXiv 2105.08584) for each batch of images; 0 for never.",
        at_least=0,
    )
    generator_steps_per_round: int = option(
        1,
        "Updates of the generator in a round, as in CMI (arXiv 2105.08584).",
        at_least=1,
        at_most=50,
    )
    conditional_weight: float = option(
        0.0,
        "Above 0 the generator is told a class for each image, and this is the weight of the "
        "teacher's cross-entropy to it, as in NAYER (arXiv 2310.00258) without its text.",
        at_least=0.0,
    )
    adversarial_warmup: int = option(
        0,
        "Rounds over which the weight of L_adv rises from 0, in --method=mosaic; Fang et al., Up "
        "to 100x Faster Data-free Knowledge Distillation (AAAI 2022), switch it on after some; "
        "0 for the whole weight at once.",
        at_least=0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizationConfig(_Topic):
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
class MethodConfig(_Topic):
    """Method."""

    method: str = option("mosaic", "How the student learns.", choices=METHODS, listing="methods")
    compare_with: tuple[str, ...] = option(
        (), "Methods to run beside it on the same data, for the table.", choices=METHODS
    )
    baseline_learning_rate: float = option(
        0.0,
        "Peak of the student's schedule in those, so that each can be tuned; 0 for "
        "--student_learning_rate.",
        at_least=0.0,
    )
    baseline_temperature: float = option(
        0.0, "Temperature of L_kd in those; 0 for --temperature.", at_least=0.0
    )
    teacher_layers: tuple[str, ...] = option(
        (),
        "Names of the teacher's layers whose outputs a method compares; found by itself in "
        "networks of ours.",
    )
    student_layers: tuple[str, ...] = option((), "The same of the student, as many.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(_Topic):
    """Run."""

    seed: int = option(0, "Fixes weights, noise, order and augmentation.", at_least=0)
    deterministic: bool = option(False, "Only operations that give the same bits each time.")
    precision: str = option(
        "auto",
        "Arithmetic of the networks; `auto` is mixed_bfloat16 where the processor computes in "
        "it, else float32; bfloat16 is short for mixed_bfloat16.",
        choices=PRECISIONS,
    )
    jit_compile: str = option(
        "auto",
        "Whether XLA compiles the round; `auto` is on where there is a GPU.",
        choices=("auto", "true", "false"),
    )
    evaluate_every: int = option(
        0, "Rounds between evaluations; 0 for ten of them in the run.", at_least=0
    )
    checkpoint_every: int = option(
        0, "Rounds between checkpoints; 0 for one at each evaluation.", at_least=0
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(_Topic):
    """Export."""

    exports: tuple[str, ...] = option(
        EXPORTS, "Formats in which the student leaves.", choices=EXPORTS
    )
    outputs: str = option(
        "probabilities", "What the serving model returns.", choices=("probabilities", "logits")
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlaceConfig(_Topic):
    """Where and how to start."""

    workdir: str = option("", "The folder of the run; the same command again goes on in it.")
    resume: bool = option(True, "Go on when the work folder holds a run of the same flags.")
    dry_run: bool = option(False, "Check the request, say what would be done, write nothing.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TerminalConfig(_Topic):
    """Terminal."""

    verbose: bool = option(False, "Let TensorFlow's own messages through.")


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherTrainingConfig:
    """Everything that the training of a teacher can be asked for, by topic."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    teacher: TeacherConfig = dataclasses.field(default_factory=TeacherConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(_Topic):
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
    json: str = option("", "A file for the numbers, beside the table.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportSourceConfig(_Topic):
    """What to export."""

    workdir: str = option("", "A finished run, whose student is exported again.")
    student: str = option(
        "", "A .keras classifier of unit images; export/student.keras of --workdir if empty."
    )
    export_dir: str = option("", "Where the files go; export/ of --workdir if empty.")
    images: str = option(
        "embedded:photos",
        "Real images on which each file is compared with the student: tfds:NAME, folder:PATH "
        "or embedded:NAME.",
    )
    data_dir: str = option("", "Where TFDS keeps its prepared data sets.")
    labels: str = option("", "A text file with the name of each class on a line.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LedgerConfig(_Topic):
    """Ledger of results."""

    add: str = option("", "A result.json to keep, before the page is written.")
    commit: str = option(
        "", "The project's commit that made the added result, where it does not say so itself."
    )
    check: bool = option(False, "Write nothing; fail unless the page is what the results give.")
    results_dir: str = option("results", "Where the results are kept.")
    page: str = option("docs/results.md", "The page.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportConfig(_Topic):
    """Report."""

    workdir: str = option("", "The folder of a finished run.")


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


def assignment(name, value):
    """An option and its value as a person writes them: `name=value`."""
    if isinstance(value, tuple | list):
        value = ",".join(map(str, value))
    elif isinstance(value, bool):
        value = str(value).lower()
    return f"{name}={value}"


def options(config):
    """The options of a config of several topics: pairs of flag name and value, in order."""
    for topic in dataclasses.fields(config):
        section = getattr(config, topic.name)
        for field in dataclasses.fields(section):
            yield flag_name(field), getattr(section, field.name)


def _check(name, value, rule):
    values = value if isinstance(value, tuple) else (value,)
    for item in values:
        if rule["choices"] and item not in rule["choices"]:
            known = ", ".join(map(str, rule["choices"]))
            raise RequestError(f"`{name}` must be one of: {known}. Received: {name}={item}")
        if isinstance(item, float) and not math.isfinite(item):
            raise RequestError(f"`{name}` must be a finite number. Received: {name}={item}")
        if rule["at_least"] is not None and item < rule["at_least"]:
            raise RequestError(
                f"`{name}` must be at least {rule['at_least']}. Received: {name}={item}"
            )
        if rule["above"] is not None and item <= rule["above"]:
            raise RequestError(f"`{name}` must be above {rule['above']}. Received: {name}={item}")
        if rule["at_most"] is not None and item > rule["at_most"]:
            raise RequestError(
                f"`{name}` must be at most {rule['at_most']}. Received: {name}={item}"
            )

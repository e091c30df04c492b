"""How the student learns: the methods and the weights of their terms."""

import dataclasses

from mosaickd_tf.config.options import ConfigSection, option

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodConfig(ConfigSection):
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
class LossWeights(ConfigSection):
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
class BaselineTerms(ConfigSection):
    """Terms of the baselines."""

    dro_ood_robustness: float = option(
        1.0,
        "Price of a distribution away from that of the OOD images: an image counts by "
        "exp(L / price), L being its squared temperature times its divergence in nats. A small "
        "one, or a high --temperature, makes the worst images of a batch count alone; a large "
        "one gives plain distillation.",
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
class DataFreeTerms(ConfigSection):
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
        1000, "Rounds in which a batch of images is optimised; at most --rounds.", at_least=1
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
class ExtensionConfig(ConfigSection):
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
        "schedule, as in CMI (arXiv 2105.08584) for each batch of images; fewer than --rounds; "
        "0 for never.",
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
        "at most --rounds; 0 for the whole weight at once.",
        at_least=0,
    )

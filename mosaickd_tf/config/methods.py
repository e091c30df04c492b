"""How the student learns: the methods and the weights of their terms."""

import dataclasses

from mosaickd_tf.config.options import Topic, option

METHODS = ("mosaic", "kd", "dro_ood", "balanced", "fitnet", "rkd", "crd", "sskd")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodConfig(Topic):
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
class LossWeights(Topic):
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
class BaselineTerms(Topic):
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

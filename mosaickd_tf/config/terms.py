"""Terms: the numbers that a method reports, and how they are shown."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Term:
    """A number that a method reports as its mean since the last evaluation.

    Progress bars, charts, the report's advice and the docs' tables are derived from it.

    Attributes:
        name: of the metric, also in `metrics.jsonl`.
        short: name in a progress bar.
        title: of its chart.
        note: what the number says; may be empty.
        unit: for example "nats"; empty for a number without one.
        direction: "lower" or "higher", where the method moves it; empty where it balances others.
        flag: name of the option that weights it, or empty.
    """

    name: str
    short: str
    title: str
    note: str = ""
    unit: str = ""
    direction: str = "lower"
    flag: str = ""

    def weighted_by(self, flag):
        """Returns the same term with the name of the option that weights it."""
        return dataclasses.replace(self, flag=flag)


# Terms of MosaicKD, most of which other methods report too.
DISTILLATION = Term(
    name="distillation_loss",
    short="kd",
    title="Distillation loss",
    note="of the student",
    unit="nats",
)
ADVERSARIAL = Term(
    name="adversarial_loss",
    short="adv",
    title="Adversarial loss",
    note="far below 0 the generator finds images that the student has not learned",
    unit="nats",
)
LABEL_SPACE_ALIGNMENT = Term(
    name="label_space_alignment_loss",
    short="align",
    title="Label-space alignment",
    note="low when the teacher is sure of synthetic images",
    unit="nats",
)
CLASS_BALANCE = Term(
    name="class_balance_loss",
    short="balance",
    title="Class balance",
    note="at its lowest, minus log2 of the classes, all classes are used evenly",
    unit="bits",
)
PATCH_DISCRIMINATION = Term(
    name="patch_discrimination_loss",
    short="D",
    title="Patch discrimination loss",
    note="of the discriminator, an image",
    unit="nats",
)
LOCAL_PATCH = Term(
    name="local_patch_loss",
    short="local",
    title="Local patch loss",
    note="of the generator, an image",
    unit="nats",
)
STATISTICS = Term(
    name="statistics_loss",
    short="stats",
    title="Normalization statistics",
    note="distance of synthetic images from the statistics that the teacher's BatchNormalization "
    "layers store",
)
CLASSIFICATION = Term(
    name="classification_loss",
    short="ce",
    title="Classification loss",
    note="cross-entropy of the teacher's predictions to the classes that the images aim at",
    unit="nats",
)

"""Options of compressed students."""

import dataclasses

from mosaickd_tf.config.options import ConfigSection, option

COMPRESSED = ("tflite_qat_int8", "tflite_pruned", "tflite_clustered")
COMBINATIONS = ("pruned_int8", "pruned_clustered", "clustered_int8", "pruned_clustered_int8")
SPARSITY_PATTERNS = ("free", "2_of_4")
PRUNING_SCHEDULES = ("polynomial", "constant")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressionConfig(ConfigSection):
    """Compression, for the formats tflite_qat_int8, tflite_pruned and tflite_clustered."""

    compression_rounds: int = option(
        60, "Rounds of further distillation for each compressed student.", at_least=1
    )
    compression_learning_rate: float = option(
        3e-4, "Peak learning rate of these rounds, of Adam, which decays to zero.", above=0.0
    )
    pruning_learning_rate: float = option(
        1e-3,
        "The same for tflite_pruned, whose student keeps its BatchNormalization layers during "
        "training.",
        above=0.0,
    )
    sparsity: tuple[float, ...] = option(
        (0.5, 0.75),
        "Share of zeros among the weights of convolutions and dense layers; one tflite_pruned file "
        "for each.",
        above=0.0,
        at_most=0.99,
    )
    sparsity_pattern: str = option(
        "free",
        "Pattern of the zeros: anywhere in a layer, or 2 in each 4 input channels, for hardware "
        "that skips those.",
        choices=SPARSITY_PATTERNS,
    )
    pruning_schedule: str = option(
        "polynomial",
        "Growth of the sparsity over the first half of the rounds, or constant from the start.",
        choices=PRUNING_SCHEDULES,
    )
    clusters: tuple[int, ...] = option(
        (16, 32),
        "Number of distinct values of the weights of a layer; one tflite_clustered file for each.",
        at_least=2,
    )
    combine: tuple[str, ...] = option(
        (),
        "Further files that combine two compressions, each made from the pruned student of each "
        "--sparsity. Those of clustered_int8 are refused: integers do not keep clusters.",
        choices=COMBINATIONS,
    )

"""Which compressed students are asked for, and in which order they are made."""

import dataclasses

from mosaickd_tf.errors import RequestError

_WORDS = {
    "clustered_int8": "a range for each channel gives equal weights different integers",
    "pruned_clustered_int8": "a range for each channel gives equal weights different integers",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressionJob:
    """One compressed student.

    Attributes:
        name: of its folder and files, for example "pruned_50".
        format: the one of `config.EXPORTS` that it belongs to.
        sparsity: share of zeros that pruning shall reach, or None.
        clusters: how many values the weights of a layer may take, or None.
        start: the stage whose student it starts from, whose zeros it keeps; None for the run's.
    """

    name: str
    format: str
    sparsity: float | None = None
    clusters: int | None = None
    start: "CompressionJob | None" = None

    @property
    def integer(self):
        """Whether the file computes in integers."""
        return self.format == "tflite_qat_int8"

    @property
    def keeps_normalizations(self):
        """Whether they go on learning; clusters and integers need the folded form of the file."""
        return self.format == "tflite_pruned"

    def learning_rate(self, config):
        """The one of a `CompressionConfig` that is this stage's."""
        if self.keeps_normalizations:
            return config.pruning_learning_rate
        return config.compression_learning_rate


def stages(exports, config):
    """The stages that a person asks for; each comes after the one it starts from.

    Args:
        exports: names of formats, also of others.
        config: a `CompressionConfig`.

    Returns:
        A list of `CompressionJob`.

    Raises:
        RequestError: for a combination that does not keep what it promises.
    """
    for name in config.combine:
        if name in _WORDS:
            raise RequestError(
                f"--combine={name} is not made: {_WORDS[name]}. Expected pruned_int8 or "
                f"pruned_clustered. Received: {name}"
            )
    if config.sparsity_pattern == "2_of_4" and set(config.sparsity) != {0.5}:
        raise RequestError(
            "2 zeros in each 4 weights are a sparsity of a half. Expected --sparsity=0.5 with "
            f"--sparsity_pattern=2_of_4. Received: {','.join(map(str, config.sparsity))}"
        )
    pruned = [_pruned(share, config) for share in config.sparsity]
    clustered = [_clustered(number) for number in config.clusters]
    wanted = {
        "tflite_pruned": pruned,
        "tflite_clustered": clustered,
        "tflite_qat_int8": [CompressionJob(name="qat_int8", format="tflite_qat_int8")],
    }
    asked = [stage for name, rows in wanted.items() if name in exports for stage in rows]
    for start in pruned if config.combine else ():
        asked += [start] if start not in asked else []
        if "pruned_clustered" in config.combine:
            asked += [_started(stage, start) for stage in clustered]
        if "pruned_int8" in config.combine:
            asked += [_started(stage, start) for stage in wanted["tflite_qat_int8"]]
    return asked


def _pruned(share, config):
    pattern = "" if config.sparsity_pattern == "free" else f"_{config.sparsity_pattern}"
    name = f"pruned_{100 * share:g}{pattern}"
    return CompressionJob(name=name, format="tflite_pruned", sparsity=share)


def _clustered(number):
    return CompressionJob(name=f"clustered_{number}", format="tflite_clustered", clusters=number)


def _started(stage, start):
    return dataclasses.replace(stage, name=f"{start.name}_{stage.name}", start=start)

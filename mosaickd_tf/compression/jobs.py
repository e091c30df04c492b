"""Compression jobs: the requested compressed students, in the order in which they are made."""

import dataclasses

from mosaickd_tf.errors import RequestError

_CLUSTERS_ARE_LOST = "a range for each channel gives equal weights different integers"
_UNSUPPORTED = {
    "clustered_int8": _CLUSTERS_ARE_LOST,
    "pruned_clustered_int8": _CLUSTERS_ARE_LOST,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressionJob:
    """One compressed student. Its fields are part of facts.json.

    Attributes:
        name: of its folder and files, for example "pruned_50".
        format: the export format that it belongs to, of `config.EXPORTS`.
        sparsity: share of zeros after pruning, or None.
        clusters: number of values that the weights of a layer may take, or None.
        start: job whose student it starts from and whose zeros it keeps; None for the run's.
    """

    name: str
    format: str
    sparsity: float | None = None
    clusters: int | None = None
    start: "CompressionJob | None" = None

    @property
    def integer(self):
        """True for a file that computes in integers."""
        return self.format == "tflite_qat_int8"

    @property
    def keeps_batch_normalization(self):
        """True for training with batch normalization; else that is folded from the start."""
        return self.format == "tflite_pruned"

    @property
    def learning_rate_option(self):
        """The name of its learning rate in a `CompressionConfig`."""
        is_pruning = self.keeps_batch_normalization
        return "pruning_learning_rate" if is_pruning else "compression_learning_rate"

    def learning_rate(self, config):
        """Returns its learning rate in a `CompressionConfig`."""
        return getattr(config, self.learning_rate_option)


def compression_jobs(exports, config):
    """Returns the requested jobs; each comes after the one that it starts from.

    Args:
        exports: names of formats, also of other kinds.
        config: a `CompressionConfig`.

    Returns:
        A list of `CompressionJob`.

    Raises:
        RequestError: for a combination whose file would lose one of its properties.
    """
    for name in config.combine:
        if name in _UNSUPPORTED:
            raise RequestError(
                f"combine={name} is not supported: {_UNSUPPORTED[name]}. Expected pruned_int8 or "
                f"pruned_clustered. Received: {name}"
            )
    if config.sparsity_pattern == "2_of_4" and set(config.sparsity) != {0.5}:
        raise RequestError(
            "A `sparsity_pattern` of 2_of_4, 2 zeros in each 4 weights, is a sparsity of a half. "
            f"Expected sparsity=0.5. Received: {','.join(map(str, config.sparsity))}"
        )
    pruned = [_pruned(share, config) for share in config.sparsity]
    clustered = [_clustered(number) for number in config.clusters]
    by_format = {
        "tflite_pruned": pruned,
        "tflite_clustered": clustered,
        "tflite_qat_int8": [CompressionJob(name="qat_int8", format="tflite_qat_int8")],
    }
    jobs = [job for name, of_format in by_format.items() if name in exports for job in of_format]
    for start in pruned if config.combine else ():
        jobs += [start] if start not in jobs else []
        if "pruned_clustered" in config.combine:
            jobs += [_started(job, start) for job in clustered]
        if "pruned_int8" in config.combine:
            jobs += [_started(job, start) for job in by_format["tflite_qat_int8"]]
    return jobs


def _pruned(share, config):
    pattern = "" if config.sparsity_pattern == "free" else f"_{config.sparsity_pattern}"
    name = f"pruned_{100 * share:g}{pattern}"
    return CompressionJob(name=name, format="tflite_pruned", sparsity=share)


def _clustered(number):
    return CompressionJob(name=f"clustered_{number}", format="tflite_clustered", clusters=number)


def _started(job, start):
    return dataclasses.replace(job, name=f"{start.name}_{job.name}", start=start)

"""Weights of small magnitude become zero and stay so."""

from mosaickd_tf.compression.toolkit import optimization_toolkit
from mosaickd_tf.compression.weight_statistics import GROUP
from mosaickd_tf.compression.wrapping import wrapped

_LOOKS = 100  # how often, at most, a training chooses anew which weights are zero


def prune(twin, sparsity, config, updates):
    """Wraps a twin so that training it brings zeros into its kernels.

    The toolkit's schedules choose the zeros every 100 updates unless told otherwise; here as
    often as there is time for, and when they grow for the last time at half of the updates.

    Args:
        twin: a tf_keras model; left as it is.
        sparsity: share of zeros in each kernel at the end, in (0, 1).
        config: a `CompressionConfig`, for the pattern and the schedule.
        updates: how often the student will be updated.

    Returns:
        A tf_keras model to be trained, then given to `unwrap`.
    """
    toolkit = optimization_toolkit().sparsity.keras
    every = max(1, updates // _LOOKS)
    if config.pruning_schedule == "polynomial":
        end = every * max(1, updates // 2 // every)
        schedule = toolkit.PolynomialDecay(0.0, sparsity, 0, end, frequency=every)
    else:
        schedule = toolkit.ConstantSparsity(sparsity, 0, frequency=every)

    def wrap(layer):
        groups = config.sparsity_pattern == "2_of_4" and layer.kernel.shape[-2] % GROUP == 0
        pattern = {"sparsity_m_by_n": (2, GROUP)} if groups else {}
        return toolkit.prune_low_magnitude(layer, pruning_schedule=schedule, **pattern)

    model = wrapped(twin, wrap)
    for layer in _wrappers(model):
        layer.pruning_step.assign(0)  # it counts by itself from here
    return model


def unwrap(model):
    """The twin inside of a pruned model, its zeros in place."""
    for layer in _wrappers(model):
        layer.pruning_obj.weight_mask_op()
    return optimization_toolkit().sparsity.keras.strip_pruning(model)


def _wrappers(model):
    return [layer for layer in model.layers if hasattr(layer, "pruning_obj")]

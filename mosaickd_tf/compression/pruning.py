"""Magnitude pruning: weights of small magnitude become zero."""

from mosaickd_tf.compression.toolkit import optimization_toolkit
from mosaickd_tf.compression.weight_statistics import GROUP
from mosaickd_tf.compression.wrapping import wrapped

_MAX_MASK_UPDATES = 100  # in a training


def prune(model, sparsity, config, updates):
    """Wraps a model so that training it brings zeros into its kernels.

    The toolkit's schedules update the masks every 100 updates by default; here a hundredth of the
    training lies between two, and the sparsity stops growing at half of the updates.

    Args:
        model: a tf_keras model; left as it is.
        sparsity: share of zeros in each kernel at the end, in (0, 1).
        config: a `CompressionConfig`, for the pattern and the schedule.
        updates: number of updates of the whole training.

    Returns:
        A tf_keras model to be trained, then given to `unwrap`.
    """
    toolkit = optimization_toolkit().sparsity.keras
    every = max(1, updates // _MAX_MASK_UPDATES)
    if config.pruning_schedule == "polynomial":
        end = every * max(1, updates // 2 // every)
        schedule = toolkit.PolynomialDecay(0.0, sparsity, 0, end, frequency=every)
    else:
        schedule = toolkit.ConstantSparsity(sparsity, 0, frequency=every)

    def wrap(layer):
        groups = config.sparsity_pattern == "2_of_4" and layer.kernel.shape[-2] % GROUP == 0
        pattern = {"sparsity_m_by_n": (2, GROUP)} if groups else {}
        return toolkit.prune_low_magnitude(layer, pruning_schedule=schedule, **pattern)

    pruned = wrapped(model, wrap)
    for layer in _wrappers(pruned):
        layer.pruning_step.assign(0)  # the toolkit's callback would; the layer counts from here
    return pruned


def unwrap(model):
    """Returns the model inside of a pruned one, with its zeros."""
    for layer in _wrappers(model):
        layer.pruning_obj.weight_mask_op()
    return optimization_toolkit().sparsity.keras.strip_pruning(model)


def _wrappers(model):
    return [layer for layer in model.layers if hasattr(layer, "pruning_obj")]

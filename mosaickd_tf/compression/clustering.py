"""Weights of a layer share a few values."""

from mosaickd_tf.compression.toolkit import optimization_toolkit, sparse_clustering
from mosaickd_tf.compression.wrapping import wrapped


def cluster(twin, clusters, keep_zeros=False):
    """Wraps a twin so that the weights of each kernel take few values, which training moves.

    Args:
        twin: a tf_keras model; left as it is.
        clusters: how many values, at least 2; layers of fewer weights are left alone.
        keep_zeros: whether weights that are zero stay so; zero is then one of the values.

    Returns:
        A tf_keras model to be trained, then given to `unwrap`.
    """
    start = optimization_toolkit().clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def wrap(layer):
        if layer.kernel.shape.num_elements() <= clusters:
            return layer
        return sparse_clustering().cluster_weights(
            layer,
            number_of_clusters=clusters,
            cluster_centroids_init=start,
            preserve_sparsity=keep_zeros,
        )

    return wrapped(twin, wrap)


def unwrap(model):
    """The twin inside of a clustered model, each weight at its value."""
    return optimization_toolkit().clustering.keras.strip_clustering(model)

"""Weight clustering: the weights of a layer share a few values."""

from mosaickd_tf.compression.toolkit import optimization_toolkit, sparse_clustering
from mosaickd_tf.compression.wrapping import wrapped


def cluster(model, clusters, keep_zeros=False):
    """Wraps a model so that the weights of each kernel take few values, which training adapts.

    Args:
        model: a tf_keras model; left as it is.
        clusters: number of values, at least 2; layers of fewer weights are not wrapped.
        keep_zeros: whether weights that are zero stay zero; zero is then one of the values.

    Returns:
        A tf_keras model to be trained, then given to `unwrap`.
    """
    initialization = optimization_toolkit().clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def wrap(layer):
        if layer.kernel.shape.num_elements() <= clusters:
            return layer
        return sparse_clustering().cluster_weights(
            layer,
            number_of_clusters=clusters,
            cluster_centroids_init=initialization,
            preserve_sparsity=keep_zeros,
        )

    return wrapped(model, wrap)


def unwrap(model):
    """Returns the model inside of a clustered one, each weight at one of the few values."""
    return optimization_toolkit().clustering.keras.strip_clustering(model)

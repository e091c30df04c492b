"""From names of data sets to batches of unit images."""

from mosaickd_tf.data.loading import load_ood, load_target
from mosaickd_tf.data.streams import rounds

__all__ = ["load_ood", "load_target", "rounds"]

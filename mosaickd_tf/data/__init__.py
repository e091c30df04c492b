"""Data sets by name, decoded, augmented and batched as unit images."""

from mosaickd_tf.data.loading import load_ood, load_target
from mosaickd_tf.data.streams import rounds

__all__ = ["load_ood", "load_target", "rounds"]

"""The networks, each a Keras model of built-in layers."""

from mosaickd_tf.models.generator import build_generator
from mosaickd_tf.models.graph.copies import computes_in_float16, portable_copy, training_copy
from mosaickd_tf.models.graph.cost import macs, parameters
from mosaickd_tf.models.graph.stages import stage_outputs
from mosaickd_tf.models.io.keras import load_classifier, load_generator, load_teacher
from mosaickd_tf.models.io.torch import load_torch_classifier
from mosaickd_tf.models.patch_discriminator import build_patch_discriminator, patch_layers
from mosaickd_tf.models.registry import build_classifier, check_classifier_name, classifier_names
from mosaickd_tf.models.sampling import as_bytes, synthetic_images
from mosaickd_tf.models.wide_resnet import wide_resnet

__all__ = [
    "as_bytes",
    "build_classifier",
    "build_generator",
    "build_patch_discriminator",
    "check_classifier_name",
    "classifier_names",
    "computes_in_float16",
    "training_copy",
    "load_classifier",
    "load_generator",
    "load_teacher",
    "load_torch_classifier",
    "macs",
    "parameters",
    "patch_layers",
    "portable_copy",
    "stage_outputs",
    "synthetic_images",
    "wide_resnet",
]

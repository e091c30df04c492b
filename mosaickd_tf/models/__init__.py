"""Networks, copies of them for another purpose, and their files."""

from mosaickd_tf.models.generator import build_generator
from mosaickd_tf.models.graph.activations import ActivationCapture
from mosaickd_tf.models.graph.augmentation import without_augmentation
from mosaickd_tf.models.graph.copies import computes_in_float16, portable_copy, training_copy
from mosaickd_tf.models.graph.cost import activations, macs, parameters
from mosaickd_tf.models.graph.inference import inference_copy
from mosaickd_tf.models.graph.input_statistics import input_statistics
from mosaickd_tf.models.graph.stages import stage_outputs
from mosaickd_tf.models.io.keras import load_classifier, load_generator
from mosaickd_tf.models.io.saved_model import load_saved_model
from mosaickd_tf.models.io.student_file import load_student_file
from mosaickd_tf.models.io.torch import load_torch_classifier
from mosaickd_tf.models.patch_discriminator import (
    build_patch_discriminator,
    default_patch_size,
    patch_layers,
)
from mosaickd_tf.models.registry import (
    build_classifier,
    check_classifier_name,
    classifier_names,
    is_wide_resnet,
)
from mosaickd_tf.models.sampling import synthetic_images
from mosaickd_tf.models.wide_resnet import wide_resnet
from mosaickd_tf.utils.deprecation import attribute_getter

__all__ = [
    "ActivationCapture",
    "activations",
    "build_classifier",
    "build_generator",
    "build_patch_discriminator",
    "check_classifier_name",
    "classifier_names",
    "computes_in_float16",
    "default_patch_size",
    "inference_copy",
    "input_statistics",
    "is_wide_resnet",
    "load_classifier",
    "load_generator",
    "load_saved_model",
    "load_student_file",
    "load_torch_classifier",
    "macs",
    "parameters",
    "patch_layers",
    "portable_copy",
    "stage_outputs",
    "synthetic_images",
    "training_copy",
    "wide_resnet",
    "without_augmentation",
]

__getattr__ = attribute_getter(__name__)

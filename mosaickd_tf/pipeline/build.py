"""From a config to networks, and from networks to the distiller that trains them."""

import dataclasses
import random

import keras

from mosaickd_tf import models
from mosaickd_tf.config import OptimizationConfig, RunConfig
from mosaickd_tf.config.method import FEATURES, STATISTICS, TEACHER_FEATURES
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS, Distiller
from mosaickd_tf.methods.statistics import StatisticsMatcher
from mosaickd_tf.models.graph.inference import inference_copy
from mosaickd_tf.pipeline.students import is_student_file, load_student
from mosaickd_tf.tasks import get_task
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam


@dataclasses.dataclass(frozen=True, kw_only=True)
class Networks:
    """Networks of a method beside the teacher, in float32 and of built-in layers.

    Attributes:
        by_name: the student and its adversaries, by the names that the method gives them.
        random_state: of Python's generator, from which Keras takes its seeds, after they were
            built; layers that are built later continue from it, whatever happens in between.
        kind: the `Distiller` that trains them, a class.
        arguments: its keyword arguments beside teacher and networks.
        optimization: `OptimizationConfig` of the training.
        run: `RunConfig` of the training.
    """

    by_name: dict[str, keras.Model]
    random_state: tuple
    kind: type[Distiller]
    arguments: dict
    optimization: OptimizationConfig
    run: RunConfig


def build_networks(config, teacher, num_images=None):
    """Builds the networks of the config's method, and checks that they fit together.

    Args:
        config: a `DistillConfig`.
        teacher: Keras model from unit images to logits; may be untrained.
        num_images: number of OOD images, for methods that remember each.

    Returns:
        `Networks`, whose initial weights are a function of the seed.

    Raises:
        RequestError: for a student that cannot be built or loaded, or networks that do not fit
            together in the method.
    """
    keras.utils.set_random_seed(config.run.seed)
    mean, std = models.input_statistics(teacher)
    builders = {"generator": _generator, "discriminator": _discriminator}
    kind = METHODS[config.method.method]
    adversaries = [name for name in kind.method.networks if name in builders]
    networks = {"student": _student(config, teacher, mean, std)}
    networks |= {name: builders[name](config, mean, std) for name in adversaries}
    networks = Networks(
        by_name=networks,
        random_state=random.getstate(),
        kind=kind,
        arguments=kind.arguments(config, num_images) | {"task": get_task(config.data.task)},
        optimization=config.optimization,
        run=config.run,
    )
    _check(networks, teacher)
    return networks


def build_distiller(networks, teacher, policy, num_images=None):
    """Builds and compiles the distiller of networks.

    It trains copies of the networks with fused layers, and runs an inference copy of the teacher
    unless the method captures the teacher's features.

    Args:
        networks: `Networks`.
        teacher: Keras model from unit images to logits.
        policy: name of the dtype policy in which the copies run.
        num_images: number of OOD images, where it is not the one that they were built with.

    Returns:
        A compiled `Distiller`.

    Raises:
        RequestError: when the networks do not fit together.
    """
    arguments = dict(networks.arguments)
    if num_images and "num_images" in arguments:
        arguments["num_images"] = num_images
    random.setstate(networks.random_state)
    teacher_copy = models.training_copy(teacher, policy)
    copies = {name: models.training_copy(x, policy) for name, x in networks.by_name.items()}
    distiller = networks.kind(
        **_teacher_arguments(networks.kind.method, arguments, teacher_copy), **copies, **arguments
    )
    distiller.compile(
        **_optimizers(networks.optimization, copies, distiller.warmup_rounds),
        jit_compile=networks.run.jit_compile,
        steps_per_execution=networks.run.steps_per_execution,
    )
    return distiller


def patch_size_of(config):
    """Returns the side of the discriminator's patches: the config's, else that of the images."""
    return config.networks.patch_size or models.default_patch_size(config.data.image_shape[:2])


def _check(networks, teacher):
    """Raises `RequestError` unless the networks, as they are, fit together in the method."""
    trainable = teacher.trainable
    networks.kind(teacher=teacher, **networks.by_name, **networks.arguments)
    teacher.trainable = trainable


def _teacher_arguments(method, arguments, teacher):
    """Returns the teacher as the method runs it, with its `StatisticsMatcher` where needed."""
    if {FEATURES, TEACHER_FEATURES} & set(method.needs):
        return {"teacher": teacher}
    found = {"teacher": inference_copy(teacher)}
    if STATISTICS in method.needs or arguments.get("statistics_weight"):
        distance = arguments.get("statistics_distance", "norm")
        found["statistics"] = StatisticsMatcher(teacher, distance=distance)
    return found


def _student(config, teacher, mean, std):
    name, stride = config.networks.student, config.networks.student_stride
    if is_student_file(name):
        if stride > 1:
            raise RequestError(
                "`student_stride` is of networks by name. Expected 0 for a student from a file. "
                f"Received: {stride} with {name!r}. Leave it out"
            )
        return load_student(name, teacher.input_shape[1:], teacher.output_shape[-1])
    return models.build_classifier(
        name,
        num_classes=teacher.output_shape[-1],
        input_shape=teacher.input_shape[1:],
        mean=mean,
        std=std,
        stem_stride=stride or 1,
    )


def _generator(config, mean, std):
    return models.build_generator(
        image_size=config.data.image_shape[:2],
        channels=config.data.image_shape[2],
        noise_dim=config.networks.noise_dim,
        base_filters=config.networks.generator_filters,
    )


def _discriminator(config, mean, std):
    *size, channels = config.data.image_shape
    patch_size = patch_size_of(config)
    if config.networks.patch_crops:
        size = (patch_size, patch_size)
    return models.build_patch_discriminator(
        image_size=size,
        channels=channels,
        patch_size=patch_size,
        base_filters=config.networks.discriminator_filters,
        mean=mean,
        std=std,
    )


def _optimizers(options, networks, warmup_rounds):
    """Returns the student's optimizer and those of its adversaries, by keyword."""
    student_rate = CosineOverRounds(
        options.student_learning_rate,
        options.rounds - warmup_rounds,
        options.student_steps_per_round,
    )
    if options.student_optimizer == "adam":
        student_optimizer = keras.optimizers.AdamW(student_rate, weight_decay=options.weight_decay)
    else:
        student_optimizer = MomentumSGD(
            student_rate, momentum=options.student_momentum, l2=options.weight_decay
        )
    adversaries = [name for name in networks if name != "student"]
    return {"student_optimizer": student_optimizer} | {
        f"{name}_optimizer": gan_adam(
            CosineOverRounds(options.generator_learning_rate, options.rounds)
        )
        for name in adversaries
    }

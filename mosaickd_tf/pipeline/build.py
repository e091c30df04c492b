"""From a config to the networks of the game and the method that plays it."""

import functools
import pathlib

import keras
import numpy as np

from mosaickd_tf import evaluation, models, vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam


def build_distiller(config, teacher, policy=None, num_images=None):
    """Builds and compiles the distiller of the config's method.

    Args:
        config: a `DistillConfig`.
        teacher: Keras model from unit images to logits.
        policy: name of the dtype policy in which copies of the players run; None takes them
            as they are built, to see whether they fit together.
        num_images: how many OOD images there are, for methods that remember each.

    Returns:
        A compiled `Distiller`.

    Raises:
        RequestError: when the players do not fit together.
    """
    kind = METHODS[config.method.method]
    keras.utils.set_random_seed(config.run.seed)
    mean, std = input_statistics(teacher)
    copy = functools.partial(models.training_copy, policy=policy) if policy else lambda model: model
    builders = {"generator": _generator, "discriminator": _discriminator}
    rivals = [player for player in kind.players if player in builders]
    made = {"teacher": teacher, "student": _student(config, teacher, mean, std)}
    made |= {player: builders[player](config, teacher, mean, std) for player in rivals}
    distiller = kind(
        **{player: copy(model) for player, model in made.items()},
        **kind.options(config),
        num_images=num_images,
    )
    distiller.compile(
        **_optimizers(config, rivals),
        jit_compile=config.run.jit_compile,
        steps_per_execution=config.run.steps_per_execution,
    )
    return distiller


def input_statistics(model):
    """Mean and standard deviation with which a classifier standardises its images.

    Args:
        model: a Keras classifier of unit images.

    Returns:
        Two lists, a number a channel; 0.5 and 0.25 for a model without a `Normalization`.
    """
    channels = model.input_shape[-1]
    scale, offset = np.ones(channels), np.zeros(channels)  # of unit images, up to the layer
    for layer in _in_order(model):
        if isinstance(layer, keras.layers.Rescaling):
            scale, offset = scale * layer.scale, offset * layer.scale + layer.offset
        if isinstance(layer, keras.layers.Normalization):
            mean = keras.ops.convert_to_numpy(layer.mean).reshape(-1)
            std = keras.ops.convert_to_numpy(layer.variance).reshape(-1) ** 0.5
            return ((mean - offset) / scale).tolist(), (std / np.abs(scale)).tolist()
    return [0.5] * channels, [0.25] * channels


def _in_order(model):
    """The layers of a model and of the models in it, in the order of computation."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _in_order(layer)
        else:
            yield layer


def check_logits(teacher, images):
    """Raises `RequestError` when what the teacher returns are probabilities.

    Args:
        teacher: Keras model from unit images to what should be logits.
        images: some uint8 images `(n, height, width, channels)`.
    """
    outputs = evaluation.predict_logits(teacher, images)
    if outputs.min() >= 0 and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3):
        raise RequestError(
            "The teacher must return logits. Expected its last layer without softmax. Received: "
            "outputs that sum to 1. Save it without"
        )


def check_teacher(teacher, config, label_names):
    """Raises `RequestError` unless the teacher takes our images and names our classes."""
    expected = (config.data.image_size, config.data.image_size, config.data.channels)
    received = teacher.input_shape[1:]
    if received != expected:
        raise RequestError(
            f"Teacher and images do not fit. Expected a teacher of {expected}, as --image_size and "
            f"--channels say. Received: one of {received}. Change those flags"
        )
    classes = teacher.output_shape[-1]
    if label_names and classes != len(label_names):
        raise RequestError(
            f"Teacher and data do not fit. Expected the {len(label_names)} classes of "
            f"--target_dataset={config.data.target_dataset}. Received: a teacher of {classes} "
            "classes. Name the data of the teacher"
        )


def _student(config, teacher, mean, std):
    name = config.players.student
    if name.endswith(".keras") or pathlib.Path(name).is_file() or vetting.is_saved_model(name):
        return models.load_classifier(name)
    return models.build_classifier(
        name,
        num_classes=teacher.output_shape[-1],
        input_shape=teacher.input_shape[1:],
        mean=mean,
        std=std,
    )


def _generator(config, teacher, mean, std):
    told = teacher.output_shape[-1] if config.extensions.conditional_weight else 0
    return models.build_generator(
        image_size=config.data.image_size,
        channels=config.data.channels,
        noise_dim=config.players.noise_dim + told,  # a one-hot class behind the noise
        base_filters=config.players.generator_filters,
    )


def _discriminator(config, teacher, mean, std):
    patch_size = config.players.patch_size
    return models.build_patch_discriminator(
        image_size=patch_size if config.players.patch_crops else config.data.image_size,
        channels=config.data.channels,
        patch_size=patch_size,
        base_filters=config.players.discriminator_filters,
        mean=mean,
        std=std,
    )


def _optimizers(config, rivals):
    """The student's optimizer and those of the players that it meets, by keyword."""
    options = config.optimization
    student_rate = CosineOverRounds(
        options.student_learning_rate, options.rounds, options.student_steps_per_round
    )
    updates = {"generator": config.extensions.generator_steps_per_round, "discriminator": 1}
    return {
        "student_optimizer": MomentumSGD(
            student_rate, momentum=options.student_momentum, l2=options.weight_decay
        )
    } | {
        f"{player}_optimizer": gan_adam(
            CosineOverRounds(options.generator_learning_rate, options.rounds, updates[player])
        )
        for player in rivals
    }

"""A request before anything is written: checked, its data read, its plan told."""

import pathlib

from mosaickd_tf import compression, models, teachers, vetting
from mosaickd_tf.config import as_baseline
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import calibration
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.base import OOD_IMAGES
from mosaickd_tf.pipeline import build
from mosaickd_tf.teachers import training as teacher_training
from mosaickd_tf.training import plan_for
from mosaickd_tf.utils import machine

LOOKED_AT = 64  # OOD images on which a teacher's outputs are checked


def validate_and_load(config):
    """Checks the request and reads the data, before anything is written.

    Returns:
        `(target, ood, teacher)`: `TargetData` or None, an `ImageSet`, and the teacher, None
        if it is to be trained.

    Raises:
        RequestError: when the request is wrong.
    """
    _check_needs(config)
    check_long_enough(config)
    plan_for(config)
    if not _is_file_name(config.players.student):
        models.check_classifier_name(config.players.student)
    from_file = _is_file_name(config.teacher.teacher)
    training = not from_file or teachers.needs_statistics(config)
    target = loading.load_target(config.data, training) if config.data.target_dataset else None
    teacher = None
    if from_file:
        teacher = teachers.load_teacher(config, target)
        build.check_teacher(teacher, config, target.label_names if target else ())
    else:
        teacher_training.check_trainable(config, target)
    ood = loading.load_ood(config.data) if config.data.ood_dataset else None
    if teacher and ood:
        build.check_logits(teacher, ood.images[:LOOKED_AT])
    # An untrained stand-in shows now, not after hours, whether the players fit together.
    stand_in = teacher or teacher_training.untrained_teacher(config, target)
    for asked in (config, *(as_baseline(config, name) for name in config.method.compare_with)):
        distiller = build.build_distiller(asked, stand_in, num_images=len(ood) if ood else None)
    compression.check(distiller.student, config.export.exports, config.compression)
    return target, ood, teacher


def _check_needs(config):
    """Raises `RequestError` when the teacher, or what method and exports need, was not given."""
    if not config.teacher.teacher:
        raise RequestError(
            "`teacher` is needed. Expected a name or a path. Received: nothing. See --help"
        )
    for method in (config.method.method, *config.method.compare_with):
        if OOD_IMAGES in METHODS[method].needs and not config.data.ood_dataset:
            raise RequestError(
                f"`ood_dataset` is needed: --method={method} learns from OOD images. Expected "
                "tfds:NAME, folder:PATH or embedded:NAME. Received: nothing. Name some, or "
                "another --method"
            )
    calibration.check(
        config.export,
        synthetic=METHODS[config.method.method].makes_images(),
        ood=bool(config.data.ood_dataset),
    )


def check_long_enough(config):
    """Raises `RequestError` when the game ends before a setting of its methods takes effect."""
    rounds, wanted = config.optimization.rounds, config.extensions
    methods = {config.method.method, *config.method.compare_with}
    generated = any("generator" in METHODS[method].players for method in methods)
    inverted = "deep_inversion" in methods
    limits = {
        "generator_restart_every": (wanted.generator_restart_every, rounds - 1, generated),
        "adversarial_warmup": (wanted.adversarial_warmup, rounds, "mosaic" in methods),
        "deep_inversion_steps": (config.data_free.deep_inversion_steps, rounds, inverted),
    }
    for name, (value, limit, played) in limits.items():
        if played and value > limit:
            raise RequestError(
                f"The game ends before `{name}` takes effect. Expected at most {limit:,} with "
                f"--rounds={rounds}. Received: {name}={value}. Lower it, or play more rounds"
            )


def plan(config):
    """What a run would do, as text; nothing is trained or written."""
    target, ood, teacher = validate_and_load(config)
    teacher = teacher or teacher_training.untrained_teacher(config, target)
    distiller = build.build_distiller(config, teacher, num_images=len(ood) if ood else None)
    parts = {"target": None, "OOD": ood}
    if target:
        parts = {
            f"target, {p}": getattr(target, p) for p in ("train", "validation", "test")
        } | parts
    lines = [f"{name}: {len(part):,} images" for name, part in parts.items() if part]
    for name in ("teacher", *distiller.players):
        player = getattr(distiller, name)
        lines.append(f"{name}: {player.name}, {models.parameters(player):,} parameters")
    rounds, batch_size = config.optimization.rounds, config.optimization.batch_size
    lines.append(
        f"{config.method.method}: {rounds:,} rounds of batch {batch_size} in "
        f"{machine.resolve_precision(config.run.precision)}"
    )
    return "\n".join(lines)


def _is_file_name(name):
    return pathlib.Path(name).suffix != "" or vetting.is_saved_model(name)

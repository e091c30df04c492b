"""Validates a request, reads its data and builds its networks, before anything is written."""

import dataclasses
import logging
import pathlib

import tensorflow as tf

from mosaickd_tf import compression, models, teachers, vetting
from mosaickd_tf.config import as_baseline, declared, flag_name, with_options
from mosaickd_tf.config.distillation import PAPER_ROUNDS
from mosaickd_tf.config.method import FEATURES, OOD_IMAGES, TEACHER_FEATURES
from mosaickd_tf.config.paths import with_absolute_paths
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import calibration
from mosaickd_tf.pipeline.batch_size import with_batch_size
from mosaickd_tf.pipeline.build import build_networks, patch_size_of
from mosaickd_tf.pipeline.prepared import Prepared, PreparedMethod
from mosaickd_tf.pipeline.recipe import SHORT_BATCH_SIZE, with_recipe
from mosaickd_tf.pipeline.students import warn_of_size
from mosaickd_tf.pipeline.trial import (
    TRIAL_BATCH_SIZE,
    affordable_batch_size,
    affordable_rounds,
    run_trials,
)
from mosaickd_tf.tasks import get_task
from mosaickd_tf.teachers import training as teacher_training
from mosaickd_tf.teachers.checks import check_teacher
from mosaickd_tf.training import plan_for

logger = logging.getLogger(__name__)

_LARGEST_ADAM_RATE = 0.02


def validate_and_load(config):
    """Validates a request, reads the data and builds each network, once.

    Args:
        config: a `DistillConfig`.

    Returns:
        A `Prepared`.

    Raises:
        RequestError: when the request is wrong.
    """
    asked = config.optimization
    if not asked.rounds:
        config = with_options(config, optimization={"rounds": PAPER_ROUNDS})
    _check_request(config)
    config = with_absolute_paths(config)
    plan_for(config)  # raises for rounds that do not fit together
    teacher = config.teacher.teacher
    is_trained = _is_file_name(teacher)
    load = _load_with_file if is_trained and not teachers.is_torch_file(teacher) else _load
    config, teacher, target, ood = load(config)
    config = with_recipe(config, teacher, rounds_are_open=not asked.rounds)
    networks = {"patch_size": patch_size_of(config)}
    config = with_options(config, networks=networks)
    config = with_batch_size(config, teacher, len(ood) if ood else None)
    prepared = Prepared(
        config=config,
        target=target,
        ood=ood,
        teacher=teacher,
        teacher_is_trained=is_trained,
        methods=_prepare_methods(config, teacher, target, ood),
    )
    student = prepared.method.networks.by_name["student"]
    warn_of_size(student, teacher)
    compression.check_compressible(student, config.export.exports, config.compression)
    return prepared if asked.rounds else _with_affordable_rounds(prepared, not asked.batch_size)


def _prepare_methods(config, teacher, target, ood):
    """Returns `PreparedMethod` of the config's method and of its baselines."""
    plan = plan_for(config)
    if target and target.validation:
        select_by = get_task(config.data.task).selection_metric
        plan = dataclasses.replace(plan, select_by=select_by)
    methods = []
    for asked in (config, *(as_baseline(config, name) for name in config.method.compare_with)):
        _check_learning_rate(asked.optimization)
        networks = build_networks(asked, teacher, len(ood) if ood else None)
        methods.append(PreparedMethod(config=asked, networks=networks, plan=plan))
    return tuple(methods)


def _check_learning_rate(options):
    if options.student_optimizer == "adam" and options.student_learning_rate > _LARGEST_ADAM_RATE:
        raise RequestError(
            "The learning rate of a student is one for SGD. Expected at most "
            f"{_LARGEST_ADAM_RATE} with `student_optimizer`=adam. Received: "
            f"{options.student_learning_rate}. Set `student_learning_rate` (and "
            "`baseline_learning_rate`, if given) to 0.004, say, or `student_optimizer`=sgd"
        )


def _with_affordable_rounds(prepared, batch_size_is_open):
    """Returns a request with the rounds that its methods can take in time, without a GPU.

    A batch size that is left open too is lowered where it would leave few rounds.
    """
    if tf.config.list_physical_devices("GPU"):
        return prepared
    largest = fitting = prepared.config.optimization.batch_size
    if batch_size_is_open and prepared.config.optimization.recipe == "short":
        largest = min(largest, SHORT_BATCH_SIZE)
    if batch_size_is_open and largest > TRIAL_BATCH_SIZE:
        prepared = _with_optimization(prepared, batch_size=TRIAL_BATCH_SIZE)
        batch_size = affordable_batch_size(run_trials(prepared), largest)
        if batch_size < fitting:
            logger.info("batches of %d images, so that more rounds fit in the time", batch_size)
        prepared = _with_optimization(prepared, batch_size=batch_size)
    trials = run_trials(prepared)
    rounds = affordable_rounds(trials, prepared.config.run.steps_per_execution)
    prepared = _with_optimization(prepared, rounds=rounds)
    _check_long_enough(prepared.config, [declared.methods()[name] for name in trials])
    return dataclasses.replace(prepared, trials=trials)


def _with_optimization(prepared, **changes):
    """Returns a request with other options of the optimization; its networks are built again."""
    config = with_options(prepared.config, optimization=changes)
    methods = _prepare_methods(config, prepared.teacher, prepared.target, prepared.ood)
    return dataclasses.replace(prepared, config=config, methods=methods)


def _load_with_file(config):
    """Loads a teacher from a file that says itself what it takes and returns, then the data.

    Returns:
        `(config, teacher, target, ood)`, the config with all that was left to the file.
    """
    file = teachers.open_teacher(config.teacher)
    _check_black_box(file, config.method)
    config = teachers.with_image_shape(config, file)
    ood = loading.load_ood(config.data) if config.data.ood_dataset else None
    found = teachers.inspect_file(file, config.teacher, config.data, ood.images if ood else None)
    logger.info("%s", found.summary())
    config = found.resolved(config)
    target = None
    if config.data.target_dataset:
        target = loading.load_target(config.data, False, num_labels=found.head.num_labels)
    teacher = found.network()
    check_teacher(teacher, config.data, loading.label_names(config.data, target))
    return config, teacher, target, ood


def _check_black_box(file, options):
    """Raises `RequestError` for methods that need more of a teacher than its file gives."""
    if file.has_gradients:
        return
    fitting = [name for name, method in declared.methods().items() if method.needs_outputs_alone]
    asked = [name for name in (options.method, *options.compare_with) if name not in fitting]
    if asked:
        raise RequestError(
            "The `teacher` is a black box: its file gives outputs, but neither gradients nor "
            f"features. Expected `method` and `compare_with` of {', '.join(fitting)}. Received: "
            f"{', '.join(asked)} with {file.path!r}, a {file.kind}. Choose another `method`, or "
            "the teacher as a Keras file"
        )


def _load(config):
    """Loads the data, and then a teacher from a .pth file or one that the run trains.

    Returns:
        As `_load_with_file`.
    """
    config = teachers.with_own_format(config)
    data = config.data
    is_file = teachers.is_torch_file(config.teacher.teacher)
    target = ood = None
    if data.target_dataset:
        needs_training_split = not is_file or teachers.needs_statistics(config)
        target = loading.load_target(data, needs_training_split)
    if is_file:
        teacher = teachers.load_teacher(config, target)
        check_teacher(teacher, data, loading.label_names(data, target))
    else:
        teacher = teacher_training.untrained_teacher(config, target)
    if data.ood_dataset:
        ood = loading.load_ood(data)
    return config, teacher, target, ood


def _check_request(config):
    """Checks what can be checked without data and networks."""
    if not config.teacher.teacher:
        raise RequestError(
            "`teacher` is needed. Expected a name or a path. Received: nothing. Name one"
        )
    names = (config.method.method, *config.method.compare_with)
    methods = [declared.methods()[name] for name in names]
    for method in methods:
        if OOD_IMAGES in method.needs and not config.data.ood_dataset:
            raise RequestError(
                f"`ood_dataset` is needed: `method`={method.name} learns from OOD images. Expected "
                "tfds:NAME, folder:PATH or embedded:NAME. Received: nothing. Name some, or "
                "another `method`"
            )
    calibration.resolve_calibration(
        config.export,
        synthetic=methods[0].synthetic_images is not None,
        ood=bool(config.data.ood_dataset),
    )
    _check_layers_have_effect(config, methods)
    _check_long_enough(config, methods)
    if not _is_file_name(config.networks.student):
        models.check_classifier_name(config.networks.student)


def _check_layers_have_effect(config, methods):
    needs = {need for method in methods for need in method.needs}
    named = config.method.teacher_layers or config.method.student_layers
    if named and not needs & {FEATURES, TEACHER_FEATURES}:
        raise RequestError(
            "`teacher_layers` and `student_layers` are of methods that compare features. Expected "
            f"such a `method`. Received: {methods[0].name}. Leave them out"
        )


def _check_long_enough(config, methods):
    """Raises `RequestError` when a run ends before an option of its methods takes effect."""
    rounds = config.optimization.rounds
    names = {name for method in methods for name in (method.name, *method.shared)}
    for section in (config.methods[name] for name in config.methods if name in names):
        for field in dataclasses.fields(section):
            value = getattr(section, field.name)
            if not field.metadata["at_most_rounds"] or value <= rounds:
                continue
            name = flag_name(field)
            raise RequestError(
                f"The run ends before `{name}` takes effect. Expected at most {rounds:,}, the "
                f"`rounds`. Received: {name}={value}. Lower it, or train for more rounds"
            )


def _is_file_name(name):
    return pathlib.Path(name).suffix != "" or vetting.is_saved_model(name)

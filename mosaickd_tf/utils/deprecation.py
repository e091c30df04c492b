"""Public names of earlier versions, kept for one version with a `DeprecationWarning`.

This is the only place that knows them; they go with version 0.3.
"""

import dataclasses
import functools
import importlib
import warnings

_PACKAGE = "mosaickd_tf"

_MOSAIC, _METHODS = "methods.mosaic.MosaicConfig", "the config classes in mosaickd_tf.methods"

# Old name: the module and the name that replace it, None for the module itself; and what to use,
# where that is something else.
RENAMED = {
    "experiment": ("pipeline.run", None),
    "LossWeights": ("utils.deprecation", "loss_weights", _MOSAIC),
    "compression.check": ("compression", "check_compressible"),
    "compression.stages": ("compression", "compression_jobs"),
    "config.BaselineTerms": ("utils.deprecation", "method_options", _METHODS),
    "config.DataFreeTerms": ("utils.deprecation", "method_options", _METHODS),
    "config.ExtensionConfig": ("methods.statistics", "StatisticsConfig"),
    "config.LossWeights": ("utils.deprecation", "loss_weights", _MOSAIC),
    "config.PlaceConfig": ("config", "WorkdirConfig"),
    "config.PlayersConfig": ("config", "NetworksConfig"),
    "config.STUDENT_IMAGES": ("utils.deprecation", "STUDENT_IMAGES", _MOSAIC),
    "config.Topic": ("config", "ConfigSection"),
    "evaluation.variety": ("evaluation", "prediction_diversity"),
    "export.Supplies": ("export", "ExportImages"),
    "export.export_supplied": ("export", "export_with_images"),
    "methods.GenerativeDistiller": ("methods", "Distiller"),
    "models.as_bytes": ("utils.images", "to_uint8"),
    "models.fast_copy": ("models", "training_copy"),
    "models.load_teacher": ("teachers", "load_teacher_file"),
    "synthesis.Supply": ("synthesis", "ImageSource"),
    "synthesis.open_supply": ("synthesis", "open_image_source"),
}

STUDENT_IMAGES = ("both", "synthetic", "ood")


def attribute_getter(module):
    """Returns a module's `__getattr__`, which finds the old names of its attributes.

    Args:
        module: full name of the module.
    """
    room = module.removeprefix(_PACKAGE).lstrip(".")

    def __getattr__(name):
        old = f"{room}.{name}".lstrip(".")
        if old not in RENAMED:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        target, attribute, *advice = RENAMED[old]
        new = advice[0] if advice else ".".join(filter(None, (_PACKAGE, target, attribute)))
        warnings.warn(
            f"{_PACKAGE}.{old} is deprecated, use {new}", DeprecationWarning, stacklevel=2
        )
        found = importlib.import_module(f"{_PACKAGE}.{target}")
        return getattr(found, attribute) if attribute else found

    return __getattr__


def loss_weights(*, local=1.0, align=1.0, adversarial=1.0, balance=10.0):
    """Returns the `MosaicConfig` of the former `LossWeights`."""
    return _config().declared.method_sections()["mosaic"](
        local_weight=local,
        align_weight=align,
        adversarial_weight=adversarial,
        balance_weight=balance,
    )


def renamed_arguments(**names):
    """Returns a decorator that accepts former names of keyword arguments with a warning.

    Args:
        **names: the former name of each, and its present one.
    """

    def decorate(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            for old, new in names.items():
                if old in kwargs:
                    warnings.warn(
                        f"`{old}` is deprecated, use `{new}`", DeprecationWarning, stacklevel=2
                    )
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return wrapped

    return decorate


def _config():
    return importlib.import_module(f"{_PACKAGE}.config")


def method_options(**terms):
    """Returns the options of the former `BaselineTerms` and `DataFreeTerms` by method.

    They are for `DistillConfig(methods=...)`; that of one method is for its `config`.
    """
    config, found = _config(), {}
    for method, section in config.declared.method_sections().items():
        fields = {config.flag_name(field): field.name for field in dataclasses.fields(section)}
        own = {fields[name]: terms.pop(name) for name in list(terms) if name in fields}
        if own:
            found[method] = section(**own)
    if terms:
        raise TypeError(f"Unknown terms: {', '.join(terms)}")
    return found

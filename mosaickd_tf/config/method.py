"""Declaration of a method: options, terms, needs; without TensorFlow, so that flags are quick."""

import dataclasses

from mosaickd_tf.config.options import flag_name
from mosaickd_tf.config.terms import Term
from mosaickd_tf.errors import RequestError

# What a method may need beside teacher and student.
OOD_IMAGES = "OOD images"
FEATURES = "features of teacher and student"
TEACHER_FEATURES = "features of the teacher"
TEACHER_GRADIENTS = "gradients of the teacher"
STATISTICS = "the teacher's BatchNormalization statistics"

_CLASSES = {}  # config classes by module and name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method:
    """A way in which a student learns from a teacher.

    Attributes:
        name: value of `--method`, and name of the module in `methods/`.
        distiller: name of the `Distiller` subclass in that module.
        source: paper that it comes from.
        needs: of `OOD_IMAGES`, `FEATURES`, `TEACHER_FEATURES`, `TEACHER_GRADIENTS` (to the images)
            and `STATISTICS`.
        networks: names of the networks that learn; each is an attribute of the distiller and may
            have an optimizer of its own, `NAME_optimizer`.
        terms: what it reports, in order.
        synthetic_images: where they come from, "generator" or "image bank"; None where it
            synthesizes none.
        tasks: names of the tasks that it works for.
        config: class of its own options, or None.
        shared: names of further sections of options that it reads.
    """

    name: str
    distiller: str
    source: str
    terms: tuple[Term, ...]
    needs: tuple[str, ...] = (OOD_IMAGES,)
    networks: tuple[str, ...] = ("student",)
    synthetic_images: str | None = None
    tasks: tuple[str, ...] = ("single_label", "multi_label")
    config: type | None = None
    shared: tuple[str, ...] = ()

    @property
    def needs_outputs_alone(self):
        """True where the teacher may be a black box, of which only the outputs are known."""
        return set(self.needs) <= {OOD_IMAGES}

    def term(self, name):
        """Returns the `Term` of that name, or None where the method does not report it."""
        return next((term for term in self.terms if term.name == name), None)


def method_config(flag_prefix=""):
    """Returns a decorator that makes a class of options, as `dataclasses.dataclass` does.

    The declarations of a method are executed twice in a process that trains: for the flags, and
    when its module is imported. Both times give the same class.

    Args:
        flag_prefix: what the flags' names have before the fields' names.
    """

    def decorate(cls):
        key = cls.__module__, cls.__qualname__
        if key not in _CLASSES:
            for name in cls.__annotations__:
                field = getattr(cls, name)
                named = dict(field.metadata) | {
                    "flag": field.metadata["flag"] or flag_prefix + name
                }
                setattr(cls, name, dataclasses.field(default=field.default, metadata=named))
            _CLASSES[key] = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        return _CLASSES[key]

    return decorate


def check_generator_weights(config, **others):
    """Checks that the generator of a method has a loss.

    Args:
        config: options of the method, of which the weights end in `_weight`.
        **others: further weights by the names of their options.

    Raises:
        RequestError: when all weights are 0.
    """
    weights = {
        flag_name(field): getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name.endswith("_weight")
    } | others
    if not any(weights.values()):
        *names, last = (f"`{name}`" for name in weights)
        raise RequestError(
            f"The generator has no loss. Expected a weight above 0 of {', '.join(names)} or "
            f"{last}. Received: 0 for all"
        )

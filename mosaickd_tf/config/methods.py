"""Options that all methods share: which one, what runs beside it, which layers it compares."""

import dataclasses

from mosaickd_tf.config import declared
from mosaickd_tf.config.options import ConfigSection, option

METHODS = tuple(declared.methods())


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodConfig(ConfigSection):
    """Method."""

    method: str = option(
        "mosaic", "How the student learns from the teacher.", choices=METHODS, listing="methods"
    )
    compare_with: tuple[str, ...] = option(
        (), "Baselines: methods to run on the same data, for comparison.", choices=METHODS
    )
    baseline_learning_rate: float = option(
        0.0,
        "Peak learning rate of the baselines' students; 0 for --student_learning_rate.",
        at_least=0.0,
    )
    baseline_temperature: float = option(
        0.0, "Temperature of L_kd in the baselines; 0 for --temperature.", at_least=0.0
    )
    teacher_layers: tuple[str, ...] = option(
        (),
        "Names of the teacher's layers whose outputs a method compares; found automatically in "
        "the networks of this package.",
    )
    student_layers: tuple[str, ...] = option((), "The student's counterparts, as many.")

"""A request that was found right: its data, its networks and the plan of its training."""

import dataclasses

import keras
import numpy as np

from mosaickd_tf.config import DistillConfig
from mosaickd_tf.data import streams
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.pipeline.build import Networks
from mosaickd_tf.pipeline.trial import Trial
from mosaickd_tf.training import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedMethod:
    """A method that is ready to be trained.

    Attributes:
        config: the `DistillConfig` with the method's tuning.
        networks: `Networks` beside the teacher.
        plan: `Plan` of its training.
    """

    config: DistillConfig
    networks: Networks
    plan: Plan

    @property
    def name(self):
        """Name of the method."""
        return self.config.method.method

    def black_images(self, teacher):
        """Returns the stream's images where a method needs none: one batch of black ones, uint8."""
        shape = (self.config.optimization.batch_size, *teacher.input_shape[1:])
        return np.zeros(shape, np.uint8)

    def batches(self, distiller, images, view_logits=lambda: None):
        """Returns a function from the number of a round to the stream of batches from it on.

        Args:
            distiller: that of the method.
            images: uint8 array `(n, height, width, channels)`.
            view_logits: function that returns those of `streams.rounds`, called for a stream.
        """
        optimization = self.config.optimization
        return lambda start_round: streams.rounds(
            images,
            batch_size=distiller.transfer_factor * optimization.batch_size,
            student_steps=optimization.student_steps_per_round,
            seed=self.config.run.seed,
            start_round=start_round,
            view_logits=view_logits(),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request that was found right, with what it needs.

    Attributes:
        config: the `DistillConfig`, which leaves nothing to the teacher's file and has absolute
            paths.
        target: `TargetData`, or None.
        ood: `ImageSet` of the OOD images, or None.
        teacher: Keras model from unit images to logits, in float32.
        teacher_is_trained: False for a teacher by name, which the run trains first.
        methods: `PreparedMethod` of the run's method and then of its baselines.
        trials: `Trial` of each method by name, where the rounds were left to them.
    """

    config: DistillConfig
    target: TargetData | None
    ood: ImageSet | None
    teacher: keras.Model
    teacher_is_trained: bool
    methods: tuple[PreparedMethod, ...]
    trials: dict[str, Trial] = dataclasses.field(default_factory=dict)

    @property
    def method(self):
        """The run's own method."""
        return self.methods[0]

    @property
    def baselines(self):
        """The methods that run beside it."""
        return self.methods[1:]

"""The protocol of everything that the training loop trains."""

import types
import typing


class Trainable(typing.Protocol):
    """A network, or several, that learn in rounds, with all that the learning needs.

    `methods.base.Distiller`, `teachers.training.TeacherTrainer` and
    `compression.training.CompressedStudentTrainer` follow it. A class that derives from it
    inherits the attributes below as defaults.

    Attributes:
        optimizers: its optimizers, whose learning rates a rollback lowers.
        gradient_norms: `keras.metrics.Mean` by name, each of the norms of one network's
            gradients since the metrics were last reset.
        unrecorded: names of terms without a value since the metrics were last reset, such as the
            student's before it learns; they are left out of the log.
        skipped_updates: number of updates that were skipped because they were not finite.
    """

    optimizers: typing.Sequence = ()
    gradient_norms: typing.Mapping = types.MappingProxyType({})
    unrecorded: typing.Collection = ()
    skipped_updates: int = 0

    def make_train_function(self, force=False):
        """Compiles `train_function` if there is none yet, or again if `force`."""
        ...

    def train_function(self, iterator):
        """Trains on the next batches of an iterator, one of each round.

        Returns:
            A dict of float scalars by name: the terms of the loss and other metrics, each the mean
            since the metrics were last reset.
        """
        ...

    def reset_metrics(self):
        """Sets the means that `train_function` returns, and `gradient_norms`, back to zero."""
        ...

    def state(self):
        """Returns everything that training changes.

        Returns:
            A dict of objects that `tf.train.Checkpoint` tracks: models, optimizers, variables.
        """
        ...

"""A Keras model whose entry points check their data before Keras traces anything."""

import keras
import tensorflow as tf

from mosaickd_tf.methods import batches


class CheckedModel(keras.Model):
    """Base of distillers: `fit`, `evaluate` and `predict` refuse data that they cannot use."""

    def fit(self, x=None, y=None, **kwargs):
        """Trains the student on rounds.

        Args:
            x: a stream of rounds, as `mosaickd_tf.data.rounds` builds.
            y: not given: the teacher labels the images.
            **kwargs: of `keras.Model.fit`; `validation_data` are as in `evaluate`.

        Returns:
            The `History` of Keras.

        Raises:
            RequestError: before `compile`, or for data of another kind.
        """
        batches.check_fit(self, x, y, kwargs)
        return super().fit(x, **({"shuffle": False} | kwargs))  # the stream has its order

    def evaluate(self, x=None, y=None, **kwargs):
        """Compares the student with labels and with the teacher.

        Args:
            x: unit images `(n, height, width, channels)`, or a data set of batches of
                `(unit images, labels)`.
            y: labels of images that are an array, as the task has them.
            **kwargs: of `keras.Model.evaluate`.

        Returns:
            Accuracy and agreement, as Keras returns metrics.

        Raises:
            RequestError: for data of another kind.
        """
        batches.check_pairs(self, x, y)
        return super().evaluate(x, y, **kwargs)

    def predict(self, x, **kwargs):
        """Returns the student's logits `(n, outputs)` of unit images.

        Args:
            x: unit images `(n, height, width, channels)`, or a data set of batches of them.
            **kwargs: of `keras.Model.predict`.

        Raises:
            RequestError: for data of another kind.
        """
        batches.check_images(self, x)
        return super().predict(x, **kwargs)

    def train_on_batch(self, x, y=None, **kwargs):
        """Runs one round.

        Args:
            x: dict of the images of the round, as `mosaickd_tf.data.rounds` gives them.
            y: not given: the teacher labels the images.
            **kwargs: none but `return_dict`, which is always on.

        Returns:
            Dict of the metrics of the round.

        Raises:
            RequestError: for data of another kind, or with other arguments.
        """
        batches.check_round(self, x)
        kwargs.pop("return_dict", None)
        stream = tf.data.Dataset.from_tensors(x)
        # Keras would pass the round to `train_step` inside of a tuple.
        found = self.fit(stream, y, **kwargs, verbose=0).history
        return {name: values[-1] for name, values in found.items()}

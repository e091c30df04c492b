"""Records which images a run evaluates and trains on, and which distillers it trains."""

import contextlib

import pytest

from mosaickd_tf import evaluation
from mosaickd_tf.data import streams
from mosaickd_tf.pipeline import run


class Recorder:
    """Record of a run.

    Attributes:
        trained: names of the methods that were trained.
        distillers: their distillers.
        evaluated: images on which a network was evaluated during a training.
        consumed: images of each stream of batches.
    """

    def __init__(self):
        self.trained = []
        self.distillers = []
        self.evaluated = []
        self.consumed = []

    @contextlib.contextmanager
    def on(self):
        """Records until the context ends."""
        with pytest.MonkeyPatch.context() as patch:
            train, predict, rounds = run.train, evaluation.predict_logits, streams.rounds
            training = []

            def recorded_train(distiller, *args, **kwargs):
                self.trained.append(kwargs["name"])
                self.distillers.append(distiller)
                training.append(True)
                try:
                    return train(distiller, *args, **kwargs)
                finally:
                    training.pop()

            def recorded_predict(model, images):
                if training:
                    self.evaluated.append(images)
                return predict(model, images)

            def recorded_rounds(images, **kwargs):
                self.consumed.append(images)
                return rounds(images, **kwargs)

            patch.setattr(run, "train", recorded_train)
            patch.setattr(evaluation, "predict_logits", recorded_predict)
            patch.setattr(streams, "rounds", recorded_rounds)
            yield self

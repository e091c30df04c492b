"""What methods share that have a generator and no images at all."""

from mosaickd_tf.config import DataFreeTerms
from mosaickd_tf.methods.generative import GenerativeDistiller

PUBLISHED = DataFreeTerms()


class DataFreeDistiller(GenerativeDistiller):
    """A generator after what the teacher, and perhaps the student, say of its images.

    Args:
        loss_weights: `DataFreeTerms`; the method's own begin with its name.
        **kwargs: those of `GenerativeDistiller`.
    """

    def __init__(self, *, loss_weights=PUBLISHED, **kwargs):
        super().__init__(**kwargs)
        self.loss_weights = loss_weights

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {"loss_weights": config.data_free}

"""ZSKT: a generator after the images on which teacher and student differ."""

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import FEATURES
from mosaickd_tf.methods.data_free import DataFreeDistiller
from mosaickd_tf.methods.features import paired_stages, watched_shapes, with_layers
from mosaickd_tf.models.graph.stages import stage_outputs


class ZsktDistiller(DataFreeDistiller):
    """No images at all: the generator against the student, which also imitates attention.

    The official code averages the divergence over classes too, which makes its attention
    weigh as many times more as there are classes; here the divergence is the paper's. The
    student's images are fresh in each update, where the official code repeats the generator's.
    Attention is compared at the ends of the stages that `paired_stages` finds in both networks.

    Args:
        loss_weights: the `DataFreeTerms`, of which it uses those that begin with `zskt`.
        **kwargs: those of `GenerativeDistiller`; the layers are feature maps, as many and as
            high and wide in teacher and student.

    Raises:
        RequestError: for layers that cannot be compared, unless the weight is 0.

    Reference:
        - [Micaelli and Storkey, 2019](https://arxiv.org/abs/1905.09768)
    """

    source = "Micaelli and Storkey, Zero-shot Knowledge Transfer, NeurIPS 2019"
    needs = (FEATURES,)
    terms = ("adversarial_loss", "distillation_loss", "attention_loss")

    def __init__(self, **kwargs):
        super().__init__(**with_layers(_stages, kwargs))
        if self.loss_weights.zskt_attention_weight:
            self._check_layers()

    @staticmethod
    def watched_layers(model):
        """The end of each stage, if it has stages; taken beside named layers of the other."""
        try:
            return stage_outputs(model)
        except RequestError:
            return []

    def generator_terms(self, synthetic_images, teacher):
        """The divergence, to be made large; the student is in training mode."""

        def adversarial():
            student_logits = self.student(synthetic_images, training=True)
            return losses.adversarial_loss(teacher.logits, student_logits)

        return {"adversarial_loss": (1.0, adversarial)}

    def student_loss(self, teacher, student):
        """The divergence, and the attention summed over stages."""
        loss = super().student_loss(teacher, student)
        weight = self.loss_weights.zskt_attention_weight
        if not weight:
            return loss
        pairs = zip(teacher.features, student.features, strict=True)
        attention = sum(losses.attention_loss(*pair) for pair in pairs)
        self.report(attention_loss=attention)
        return loss + weight * attention

    def _check_layers(self):
        taps = (self.teacher_capture, self.student_capture)
        sides = [[shape[:-1] for shape in watched_shapes(side)] for side in taps]
        if not sides[0] or sides[0] != sides[1] or any(len(size) != 2 for size in sides[0]):
            raise RequestError(
                "Attention is compared map by map. Expected as many maps of the same heights and "
                "widths; see --teacher_layers, --student_layers and --zskt_attention_weight=0. "
                f"Received: {sides[0]} of the teacher, {sides[1]} of the student"
            )


def _stages(teacher, student):
    try:
        return paired_stages(teacher, student)
    except RequestError:
        return [], []

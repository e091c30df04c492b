"""Plain knowledge distillation on the OOD images: the baseline."""

import tensorflow as tf

from mosaickd_tf.config.method import Method
from mosaickd_tf.config.terms import DISTILLATION
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.known_logits import logits_of, ood_batch

METHOD = Method(
    name="kd",
    distiller="KnowledgeDistiller",
    source="Hinton et al., Distilling the Knowledge in a Neural Network, 2015",
    terms=(DISTILLATION,),
)


class KnowledgeDistiller(Distiller):
    """The student imitates the teacher on OOD images alone.

    Reference:
        - [Hinton et al., 2015](https://arxiv.org/abs/1503.02531)
    """

    method = METHOD
    takes_known_logits = True

    def train_step(self, batch):
        """Runs one round: k updates of the student on OOD images."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(*ood_batch(batch, k))
        return self.end_round()

    def update_student(self, unit_images, known_logits=None):
        """Updates the student once: L_kd on these images."""
        teacher_logits = logits_of(self.teacher, unit_images, known_logits)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = self.task.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", loss)

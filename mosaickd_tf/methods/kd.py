"""Plain knowledge distillation on the OOD images: the baseline."""

import tensorflow as tf

from mosaickd_tf.config.method import Method
from mosaickd_tf.config.terms import DISTILLATION
from mosaickd_tf.methods.base import Distiller

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

    def train_step(self, batch):
        """Runs one round: k updates of the student on OOD images."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(self.student_images(batch, k))
        return self.end_round()

    def update_student(self, unit_images):
        """Updates the student once: L_kd on these images."""
        teacher_logits = self.teacher(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = self.task.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", loss)

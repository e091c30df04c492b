"""Plain knowledge distillation on the OOD images: the baseline."""

from mosaickd_tf.methods.base import Distiller


class KnowledgeDistiller(Distiller):
    """The student imitates the teacher on OOD images alone.

    Methods that add terms to the student's loss on the same images derive from it.

    Reference:
        - [Hinton et al., 2015](https://arxiv.org/abs/1503.02531)
    """

    source = "Hinton et al., Distilling the Knowledge in a Neural Network, 2015"

    def train_step(self, batch):
        """Plays one round: an update of the student on each of its batches of OOD images."""
        self.play_student(batch)
        return self.end_round()

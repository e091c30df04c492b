"""The interface of a task."""

import abc


class Task(abc.ABC):
    """Meaning of the outputs of a classifier.

    Logits are `(batch, outputs)`. The loss terms are pure functions of `losses/`, in float32 and
    log space; predictions and metrics work on NumPy arrays.

    Attributes:
        name: value of `--task`.
        label_rank: rank of a batch of labels: 1 for class numbers, 2 for multi-hot rows.
        validation_metrics: names of the `metrics` that are computed during training; weights are
            selected by the first.
    """

    name = ""
    label_rank = 1
    validation_metrics = ("accuracy",)

    @property
    def selection_metric(self):
        """Name of the number of an evaluation by which weights are selected."""
        return f"validation_{self.validation_metrics[0]}"

    # Terms of the methods, each of tensors.

    @abc.abstractmethod
    def divergences(self, teacher_logits, student_logits, temperature=1.0):
        """Returns `temperature² · KL(teacher ‖ student)` of each image, `(batch,)`, in nats."""

    @abc.abstractmethod
    def distillation_loss(self, teacher_logits, student_logits, temperature=1.0):
        """Returns `L_kd`, the mean of `divergences`, a scalar in nats."""

    @abc.abstractmethod
    def label_space_alignment_loss(self, teacher_logits):
        """Returns `L_align`, the mean entropy of the teacher's predictions, a scalar in nats."""

    @abc.abstractmethod
    def class_balance_loss(self, teacher_logits):
        """Returns `L_balance`, minus the entropy of the batch's mean prediction, in bits."""

    @abc.abstractmethod
    def one_hot_loss(self, teacher_logits):
        """Returns the cross-entropy of predictions to the likeliest labels, a scalar in nats."""

    def adversarial_loss(self, teacher_logits, student_logits):
        """Returns `L_adv` (Eq. 7), minus the divergence of the student from the teacher."""
        return -self.distillation_loss(teacher_logits, student_logits)

    # Supervised training, by Keras.

    @abc.abstractmethod
    def supervised_loss(self):
        """Returns the Keras loss of labels and logits with which a teacher is trained."""

    @abc.abstractmethod
    def accuracy_metric(self, name="accuracy"):
        """Returns the Keras metric of labels and logits that `metrics` calls `accuracy`."""

    @abc.abstractmethod
    def agrees(self, logits, other_logits):
        """Returns how far the predictions of two batches of logits agree, `(batch,)` in [0, 1]."""

    # Exported files.

    @abc.abstractmethod
    def probability_layer(self, name):
        """Returns the Keras layer from logits to probabilities."""

    @abc.abstractmethod
    def probabilities(self, logits):
        """Returns the probabilities of logits, NumPy or TensorFlow, as a tensor or array alike."""

    @abc.abstractmethod
    def looks_like_probabilities(self, outputs):
        """Checks whether outputs, `(n, outputs)` in NumPy, are probabilities and not logits."""

    # Predictions and metrics, of NumPy arrays. Outputs are `(n, outputs)`; their `kind` is "logits"
    # or "probabilities".

    @abc.abstractmethod
    def predictions(self, outputs, kind="logits"):
        """Returns the predicted labels in the form of labels: `(n,)` or multi-hot `(n, labels)`."""

    @abc.abstractmethod
    def count_labels(self, predictions, num_labels):
        """Returns the number of images with each label, a list of integers."""

    @abc.abstractmethod
    def has_label(self, predictions, label):
        """Returns which images have a label, bool `(n,)`."""

    @abc.abstractmethod
    def as_lists(self, predictions):
        """Returns predictions or labels as a list for JSON, one entry an image."""

    @abc.abstractmethod
    def confidence(self, logits):
        """Returns the mean probability of what is predicted, a float in [0, 1]."""

    @abc.abstractmethod
    def metrics(self, outputs, labels, kind="logits"):
        """Returns the metrics of outputs by name: `accuracy`, `top5_accuracy` and others."""

    @abc.abstractmethod
    def per_label_accuracy(self, outputs, labels, kind="logits"):
        """Returns the accuracy of each label, None for one without images."""

    @abc.abstractmethod
    def agreement(self, outputs, other_outputs, kind="logits", other_kind="logits"):
        """Returns the share of equal predictions, a float in [0, 1]."""

    @abc.abstractmethod
    def prediction_diversity(self, outputs, other_outputs):
        """Returns how varied the predictions of logits are, relative to those of another model."""

    @abc.abstractmethod
    def entropy(self, logits):
        """Returns the entropy of each prediction, float64 `(n,)`, in nats."""

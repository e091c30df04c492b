"""Base of all methods: a frozen teacher, a student, metrics, updates, state for checkpoints.

What a round is stands in the file of each method.
"""

import keras
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.arguments import check_compile, check_options, check_pair
from mosaickd_tf.methods.checked_model import CheckedModel
from mosaickd_tf.methods.noise import round_seed
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.models.graph.copies import computes_in_float16
from mosaickd_tf.tasks import SingleLabel
from mosaickd_tf.training.optimizers import MomentumSGD, gan_adam
from mosaickd_tf.training.update_guard import LossScale, UpdateGuard, update_if_finite
from mosaickd_tf.utils import machine
from mosaickd_tf.utils.deprecation import renamed_arguments


class Distiller(CheckedModel):
    """A student that learns from a frozen teacher, round by round.

    A method derives from it and says in `train_step` what a round is. Each term of a round is
    recorded under its name as the mean since the metrics were last reset.

    Class attributes of a method:
        method: its declaration, a `config.method.Method`.
        batch_keys: keys of the batch of a round that the method reads.
        takes_known_logits: whether its rounds use `transfer_logits` of the batch.
        trained_with_student: names of the networks that the student's optimizer updates.
        warmup_rounds: rounds at the start in which the student does not learn yet.

    Args:
        teacher: Keras model from unit images `(batch, height, width, channels)` to logits
            `(batch, outputs)`. It is frozen, moving statistics included. A method that does not
            capture features runs faster with an `inference_copy`.
        student: Keras model of the same input and output shape.
        config: options of the method; its defaults if left out.
        task: a `Task`, what the logits mean; `SingleLabel` by default.
        temperature: positive; softens both sides of the distillation loss.
        seed: at least 0. All noise is a function of the seed, the round and its purpose.
        skip_nonfinite: whether updates that are not finite are left out and counted.

    Raises:
        RequestError: when teacher and student do not fit together, or the method does not work
            for the task.
    """

    method = None
    batch_keys = ("transfer_images",)
    takes_known_logits = False
    trained_with_student = ("student",)
    warmup_rounds = 0

    @renamed_arguments(loss_weights="config")
    def __init__(
        self,
        *,
        teacher,
        student,
        config=None,
        task=None,
        temperature=1.0,
        seed=0,
        skip_nonfinite=False,
        name=None,
    ):
        super().__init__(name=name)
        check_options(self.method, config=config, task=task, temperature=temperature, seed=seed)
        check_pair(teacher, student)
        teacher.trainable = False
        self.teacher = teacher
        self.student = student
        self.config = config or (self.method.config and self.method.config())
        self.task = task or SingleLabel()
        self._check_task()
        self.temperature = temperature
        self.seed = seed
        self.skip_nonfinite = skip_nonfinite
        self.guard = None
        self.loss_scales = {}
        self.rounds_completed = self.add_weight(
            name="rounds_completed", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.term_means = _means(term.name for term in self.method.terms)
        self.gradient_norms = _means(f"gradient_norm_{network}" for network in self.networks)
        self.student_accuracy = self.task.accuracy_metric()
        self.teacher_agreement = keras.metrics.Mean(name="agreement")
        self.built = True

    @classmethod
    def arguments(cls, config, num_images=None):
        """Returns what a `DistillConfig` says of the method, as keyword arguments.

        Args:
            config: the `DistillConfig`.
            num_images: number of OOD images, for methods that remember each.
        """
        return {
            "config": config.methods.get(cls.method.name),
            "temperature": config.optimization.temperature,
            "seed": config.run.seed,
            "skip_nonfinite": config.run.on_divergence == "skip",
        }

    @property
    def networks(self):
        """Names of the networks that learn; each is an attribute."""
        return self.method.networks

    @property
    def transfer_factor(self):
        """Number of OOD images of a student's update, in batch sizes.

        Two, or one where as many synthetic images join them: all methods see as many images.
        """
        return 2

    # Optimizers.

    def compile(self, *, jit_compile="auto", **kwargs):
        """Sets an optimizer for each network; that of the published recipe where left out.

        Args:
            jit_compile: whether XLA compiles the round; `"auto"` where there is a GPU.
            **kwargs: `student_optimizer` and so on, one for each network; and
                `auto_scale_loss`, `run_eagerly` and `steps_per_execution` of Keras.

        Raises:
            RequestError: for other arguments, such as a loss, which the method has.
        """
        given = {network: kwargs.pop(f"{network}_optimizer", None) for network in self._leaders}
        check_compile(given, kwargs)
        # Keras would add an optimizer of its own.
        jit_compile = machine.compiles_with_xla(jit_compile)
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        for network, optimizer in given.items():
            optimizer = optimizer or self.default_optimizer(network)
            # Variables exist before the first trace, so that the round is traced once.
            optimizer.build(tf.nest.flatten(self._variables_trained_with(network)))
            setattr(self, f"{network}_optimizer", optimizer)
        if computes_in_float16(self.teacher, *(getattr(self, name) for name in self.networks)):
            self.loss_scales = {network: LossScale() for network in self.networks}
        if self.skip_nonfinite or self.loss_scales:
            self.guard = UpdateGuard([getattr(self, network) for network in self.networks])

    def default_optimizer(self, network):
        """Returns the optimizer of the published recipe for a network."""
        return MomentumSGD(0.1, l2=1e-4) if network == "student" else gan_adam()

    @property
    def optimizers(self):
        """Optimizers of the networks that have one, in the order of `networks`."""
        return [getattr(self, f"{network}_optimizer") for network in self._leaders]

    @property
    def _leaders(self):
        """Names of the networks with an optimizer of their own."""
        led = set(self.trained_with_student) - {"student"}
        return [network for network in self.networks if network not in led]

    # A round.

    def train_step(self, batch):
        """Runs one round."""
        raise NotImplementedError(f"{type(self).__name__} does not define a round.")

    def student_images(self, batch, k):
        """Returns the unit images of the student's update `k` of the round: OOD images."""
        return batch["transfer_images"][:, k]

    def traced_once(self, update):
        """Returns an update as a function that a round traces once, however often it calls it.

        XLA compiles the whole round into one program.
        """
        if tf.executing_eagerly():
            return update
        once = {} if self.jit_compile else {"_noinline": True}
        return tf.function(update, autograph=False, experimental_attributes=once)

    def apply_gradients(self, tape, loss, network):
        """Updates the network of that name, and those trained with it, by its optimizer.

        Args:
            tape: the `tf.GradientTape` that recorded the loss.
            loss: a scalar.
            network: one of `networks` with an optimizer of its own.
        """
        variables = self._variables_trained_with(network)
        scale = self.loss_scales.get(network)
        if scale:
            gradients = scale.gradient(tape, loss, variables)
        else:
            gradients = tape.gradient(loss, variables)
        optimizer = getattr(self, f"{network}_optimizer")
        flat = tf.nest.flatten(gradients), tf.nest.flatten(variables)
        if self.guard:
            self.guard.apply(optimizer, *flat, loss, scale)
        else:
            optimizer.apply(*flat)
        for name, of_network in gradients.items():
            norm = tf.linalg.global_norm(of_network)  # L2, over all variables
            mean = self.gradient_norms[f"gradient_norm_{name}"]
            _update_mean(mean, norm, only_finite=self.guard is not None)

    def track(self, name):
        """Adds the mean of a term that the method reports with some settings only."""
        self.term_means |= _means([name])

    def record(self, name, value):
        """Adds a value to the mean of a term and returns it."""
        _update_mean(self.term_means[name], value, only_finite=self.skip_nonfinite)
        return value

    def end_round(self):
        """Counts the round; returns the means of the terms since the last reset."""
        self.rounds_completed.assign_add(1)
        return {name: mean.result() for name, mean in self.term_means.items()}

    def stateless_seed(self, purpose):
        """Returns a seed `(2,)` for one purpose in this round, an integer below 1,000."""
        return round_seed(self.seed, self.rounds_completed, purpose)

    # Evaluation and state.

    def call(self, unit_images, training=False):
        """Returns the student's logits: to predict with a distiller is to predict with it."""
        return self.student(unit_images, training=training)

    def test_step(self, data):
        """Compares the student with the labels and with the teacher on `(images, labels)`."""
        unit_images, labels = data[:2]
        student_logits = self.student(unit_images, training=False)
        teacher_logits = self.teacher(unit_images, training=False)
        self.student_accuracy.update_state(labels, student_logits)
        self.teacher_agreement.update_state(self.task.agrees(student_logits, teacher_logits))
        return {m.name: m.result() for m in (self.student_accuracy, self.teacher_agreement)}

    @property
    def metrics(self):
        """Metrics that `fit` and `evaluate` reset and report."""
        means = [*self.term_means.values(), *self.gradient_norms.values()]
        return [*means, self.student_accuracy, self.teacher_agreement]

    def state(self):
        """Returns what a checkpoint holds: networks, optimizers, round, means; not the teacher."""
        optimizers = [f"{network}_optimizer" for network in self._leaders]
        names = [*self.networks, *(name for name in optimizers if hasattr(self, name))]
        means = self.term_means | self.gradient_norms
        return {name: getattr(self, name) for name in names} | {
            "rounds": self.rounds_completed,
            "means": {name: mean.variables for name, mean in means.items()},
            **({"guard": self.guard} if self.guard else {}),
            **({"loss_scales": dict(self.loss_scales)} if self.loss_scales else {}),
        }

    @property
    def unrecorded(self):
        """Names of the terms that no round recorded since the means were last reset."""
        return [name for name, mean in self.term_means.items() if not float(mean.count)]

    @property
    def skipped_updates(self):
        """Number of updates that were left out because they were not finite."""
        return int(self.guard.skipped.numpy()) if self.guard else 0

    def samples(self, count):
        """Returns synthetic unit images `(count, height, width, channels)` to look at, or None."""
        return None

    def _variables_trained_with(self, network):
        """Returns the trainable variables that an update of a network changes, by network."""
        names = self.trained_with_student if network == "student" else (network,)
        return {name: getattr(self, name).trainable_variables for name in names}

    def _check_task(self):
        if self.task.name not in self.method.tasks:
            raise RequestError(
                f"`method` {self.method.name} does not support this task. Expected one of: "
                f"{', '.join(self.method.tasks)}. Received: {self.task.name}. Use another method"
            )
        if known_shape(self.teacher, "output") == (1,) and self.task.label_rank == 1:
            raise RequestError(
                "`teacher` has one output, whose softmax is always 1. Expected two logits or more, "
                "or the task `multi_label`. Received: 1. Make it logits of two classes, `[0, x]`"
            )


def _update_mean(mean, value, only_finite):
    if only_finite:
        update_if_finite(mean, value)
    else:
        mean.update_state(value)


def _means(names):
    return {name: keras.metrics.Mean(name=name) for name in names}

"""The ways in which a run can end that are not defects of this package."""


class RequestError(ValueError):
    """What was asked for cannot be done as asked; the commands exit with 2."""


class RunError(RuntimeError):
    """The run could not go on, but what there was is intact; the commands exit with 3."""


class Interrupted(BaseException):
    """A signal stopped the run after its state was written; the commands exit with 128 + it.

    Like `KeyboardInterrupt` it is no `Exception`: TensorFlow and Keras wrap those that come up
    while they trace.

    Attributes:
        signal: number of the signal.
    """

    def __init__(self, signal):
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal

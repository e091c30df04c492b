"""Errors of requests and runs, which are no defects of this package."""


class RequestError(ValueError):
    """An invalid argument, configuration or input file; the commands exit with 2."""


class RunError(RuntimeError):
    """A failure of a run that leaves its stored state intact; the commands exit with 3."""


class Interrupted(BaseException):
    """A signal that stopped a run after its state was stored; the commands exit with 128 + it.

    Like `KeyboardInterrupt` it is no `Exception`: TensorFlow and Keras wrap exceptions that are
    raised while they trace.

    Attributes:
        signal: number of the signal.
    """

    def __init__(self, signal):
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal

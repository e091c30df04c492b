"""Errors of requests and runs."""

import signal

from mosaickd_tf.errors import Interrupted, RequestError, RunError


def test_a_request_error_is_a_value_error():
    assert issubclass(RequestError, ValueError)
    assert not issubclass(RunError, ValueError)


def test_interrupted_has_its_signal():
    error = Interrupted(signal.SIGTERM)
    assert error.signal == 15
    assert "15" in str(error)
    assert not isinstance(error, Exception)

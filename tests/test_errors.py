"""The ways in which a run can end."""

import signal

from mosaickd_tf.errors import Interrupted, RequestError, RunError


def test_a_wrong_request_is_a_value_error_for_users_of_the_library():
    assert issubclass(RequestError, ValueError)
    assert not issubclass(RunError, ValueError)


def test_an_interruption_carries_its_signal():
    error = Interrupted(signal.SIGTERM)
    assert error.signal == 15
    assert "15" in str(error)
    assert not isinstance(error, Exception)

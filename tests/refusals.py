"""Messages of refusals."""

import pytest

from mosaickd_tf.errors import RequestError


def refusal(read, path, **options):
    """Returns the message with which a function refuses a file, after checks of its form."""
    with pytest.raises(RequestError) as caught:
        read(path, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "Expected" in message and repr(str(path)) in message
    return message

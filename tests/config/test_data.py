"""Options of the teacher that go with a file, and those that go with a name."""

import pytest

from mosaickd_tf.config import TeacherConfig
from mosaickd_tf.errors import RequestError


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({"teacher": "a.pth"}, "`teacher_network` is needed"),
        ({"teacher": "a.keras", "teacher_network": "wrn16_1"}, "`teacher_network` goes with"),
        ({"teacher_network": "wrn16_1"}, "teacher=nothing"),
        (
            {"teacher": "a.pth", "teacher_network": "wrn16_1", "teacher_input": "bytes"},
            "`teacher_input` goes with other files",
        ),
        (
            {
                "teacher": "a",
                "teacher_input": "bytes",
                "teacher_mean": (0.5,),
                "teacher_std": (0.5,),
            },
            "`teacher_mean` takes the place",
        ),
        ({"teacher": "wrn16_1", "teacher_mean": (0.5,)}, "1 and 0 numbers"),
        ({"teacher": "wrn16_1", "teacher_std": (0.5, 0.5)}, "0 and 2 numbers"),
    ],
    ids=str,
)
def test_options_that_do_not_go_with_the_teacher_are_refused(arguments, expected):
    with pytest.raises(RequestError, match=expected) as caught:
        TeacherConfig(**arguments)
    assert "Received: " in str(caught.value) and len(str(caught.value).splitlines()) == 1

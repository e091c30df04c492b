"""Errors of a process that ran out of memory, on the processor or on a device."""

import re

ADVICE = (
    "Lower `batch_size`, `image_size` or the number of images, or allow the process more memory"
)
# TensorFlow's, by name: it is not imported for a command that does without.
_NAMES = ("MemoryError", "ResourceExhaustedError", "_ArrayMemoryError")
_MESSAGES = re.compile(
    r"OOM when allocating|RESOURCE_EXHAUSTED|failed to allocate memory|bad_alloc"
    r"|[Cc]annot allocate memory|[Uu]nable to allocate|CUDA_ERROR_OUT_OF_MEMORY"
    r"|can't start new thread"
)
_LONGEST = 160  # characters of the reason


def is_exhausted(error):
    """Checks whether an error, or one that it was raised from, is a lack of memory."""
    while error is not None:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & set(_NAMES) or _MESSAGES.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def reason(error):
    """Returns the first line that says what was not allocated, or the name of the error."""
    while error is not None:
        lines = [line.strip() for line in str(error).splitlines() if _MESSAGES.search(line)]
        if lines:
            return lines[0][:_LONGEST]
        error = error.__cause__ or error.__context__
    return "MemoryError"

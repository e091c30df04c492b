"""Commands as a person calls them, in this process."""

import sys
from unittest import mock

from mosaickd_tf.cli import app


def call(command, *argv):
    """Runs a command and returns its exit code; the terminal of this process stays as it is.

    Args:
        command: a module of `mosaickd_tf.cli`.
        *argv: its flags.
    """
    with (
        mock.patch.object(app, "_set_up_terminal"),
        mock.patch.object(sys, "argv", [command.__file__, *map(str, argv)]),
    ):
        try:
            command.main()
        except SystemExit as end:
            return end.code

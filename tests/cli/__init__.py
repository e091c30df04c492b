"""Commands as a person calls them, in this process."""

import sys
from unittest import mock

from mosaickd_tf.cli import app
from mosaickd_tf.utils import environment, streams


def call(command, *argv):
    """Runs a command and returns its exit code; streams and settings of this process stay.

    Args:
        command: a module of `mosaickd_tf.cli`.
        *argv: its flags.
    """
    with (
        mock.patch.object(app, "_use_utf8"),
        mock.patch.object(app, "_set_up_terminal"),
        mock.patch.object(streams, "set_up"),
        mock.patch.object(environment, "set_up_command"),
        mock.patch.object(sys, "argv", [command.__file__, *map(str, argv)]),
    ):
        try:
            command.main()
        except SystemExit as end:
            return end.code

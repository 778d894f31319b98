"""The `strongroom` command of the wheel; the code is in Rust (`src/cli`)."""

from __future__ import annotations

import os
import signal
import sys

from strongroom import _native
from strongroom.exceptions import InternalError

#: The exit code of a defect, which is neither the user's fault nor the configuration's.
STORE = 4


def main() -> int:
    """Run the command line and return its exit code."""
    # The work happens outside Python, where Ctrl-C would only take effect at its end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # An argument that is not Unicode cannot name anything, and must not end in a traceback.
    arguments = [os.fsencode(argument).decode(errors="replace") for argument in sys.argv[1:]]
    try:
        return _native.run_command_line(["strongroom", *arguments])
    except InternalError as error:
        print(f"strongroom: {error}", file=sys.stderr)
        return STORE

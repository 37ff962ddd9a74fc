"""`python -m app`."""

import os
import sys

from app.cli import main

if __name__ == "__main__":
    status = main()
    # Not sys.exit: all of ours is closed by now, but the HTTP client's thread (Rust) may still be
    # letting go of Python objects. While the interpreter is taken down, that aborts the process,
    # which happened to every third `check` that could not reach Infobip.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

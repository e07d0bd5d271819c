"""The command: `tap-exports`, or `python -m tap_exports`."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress

import click
from singer_sdk.exceptions import SingerSDKError

from tap_exports.errors import InvalidSettings, Stopped, TapExportsError, UnexpectedError
from tap_exports.singer.session import StreamsFailed
from tap_exports.singer.writer import OutputFailed, TargetGone, standard_output
from tap_exports.tap import TapExports

logger = logging.getLogger(TapExports.name)


def main() -> None:
    """Run the tap. Each error is one log line, and the exit code is 1."""
    if sys.stdout is None:  # it is closed, and the system would give its number to the first connection
        os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
    sys.stdout = standard_output()
    sys.exit(run())


def run() -> int:
    """Run the tap and return the exit code."""
    try:
        ended: object = 0
        with suppress(SystemExit):  # after --about, with the code 0
            ended = TapExports.cli(standalone_mode=False)  # an int after click's Context.exit()
        sys.stdout.flush()
        return ended if isinstance(ended, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TargetGone:
        logger.warning("Output closed by the target; stopping")
        _discard_output()
    except OutputFailed as error:
        logger.error("Standard output could not be written: %s. Check its target, and run again.", error)
        logger.debug("Traceback:", exc_info=error)
        _discard_output()
    except Stopped:
        logger.warning("Stopped by a signal; the state has the windows that are complete")
        return 128 + TapExports.ended_by
    except StreamsFailed:
        pass  # each was reported
    except Exception as error:  # noqa: BLE001 - reported as one line
        _report(error)
    return 1


def _report(error: Exception) -> None:
    """Log one line for each error, and the traceback at debug level."""
    known = error if isinstance(error, (TapExportsError, SingerSDKError)) else UnexpectedError(error)
    for line in known.lines if isinstance(known, InvalidSettings) else [str(known)]:
        logger.error("%s", " ".join(line.split()))
    logger.debug("Traceback:", exc_info=known)


def _discard_output() -> None:
    """Discard the buffer, which Python would otherwise try to write again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()

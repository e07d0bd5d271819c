"""The command: `tap-exports`, or `python -m tap_exports`."""

from __future__ import annotations

import logging
import os
import sys

import click
from singer_sdk.exceptions import SingerSDKError

from tap_exports.errors import InvalidSettings, Stopped, TapExportsError, UnexpectedError
from tap_exports.singer.writer import OutputFailed, TargetGone
from tap_exports.tap import StreamsFailed, TapExports

logger = logging.getLogger(TapExports.name)


def main() -> None:
    """Run the tap. Whatever goes wrong ends in one line for each fault, and exit code 1."""
    sys.exit(run())


def run() -> int:
    """Run the tap.

    Returns:
        The exit code.
    """
    try:
        return _called()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TargetGone:
        logger.warning("Nobody reads the tap's output any more: it ends here")
        _write_no_more()
    except OutputFailed as error:
        logger.error("standard output could not be written: %s. See to where it goes, and run again.", error)
        logger.debug("How it came to that:", exc_info=error)
        _write_no_more()
    except Stopped:
        logger.warning("Ended by a signal; the state tells which windows are complete")
        return 128 + TapExports.ended_by
    except StreamsFailed:
        pass  # each has had its line
    except Exception as error:  # noqa: BLE001 - the last one that can say it in a line
        _tell(error)
    return 1


def _called() -> int:
    """What the command is asked to do, down to the last character that it prints."""
    try:
        ended: object = TapExports.cli(standalone_mode=False)
        click.echo(nl=False)  # flushes it all, while it can still be told that it did not work
    except OSError as error:  # of the output: whatever else reads or writes has words of its own for it
        raise OutputFailed(error.strerror) from error
    return ended if isinstance(ended, int) else 0  # what click's Context.exit() was given


def _tell(error: Exception) -> None:
    """One line for each fault, and the way to it at debug level."""
    known = error if isinstance(error, (TapExportsError, SingerSDKError)) else UnexpectedError(error)
    for line in known.lines if isinstance(known, InvalidSettings) else [str(known)]:
        logger.error("%s", " ".join(line.split()))
    logger.debug("How it came to that:", exc_info=known)


def _write_no_more() -> None:
    """Let what is still buffered go nowhere: at its end Python would try once more, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

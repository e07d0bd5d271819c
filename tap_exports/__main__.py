"""The command: `tap-exports`, or `python -m tap_exports`."""

from __future__ import annotations

import logging
import os
import sys

import click
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError

from tap_exports.errors import Stopped, TapExportsError
from tap_exports.messages import TargetGone
from tap_exports.tap import StreamsFailed, TapExports

logger = logging.getLogger(TapExports.name)


def main() -> None:
    """Run the tap. Whatever a user can act on ends in one line for each fault, and exit code 1."""
    sys.exit(run())


def run() -> int:
    """Run the tap.

    Returns:
        The exit code.
    """
    try:
        ended: object = TapExports.cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigValidationError as error:
        for line in error.errors:
            logger.error(line)
    except StreamsFailed:
        pass
    except (TapExportsError, SingerSDKError) as error:
        logger.error("%s", error)
        logger.debug("How it came to that:", exc_info=True)
    except TargetGone:
        logger.warning("Nobody reads the tap's output any more: it ends here")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Stopped:
        logger.warning("Ended by a signal; the state tells which windows are complete")
        return 128 + TapExports.ended_by
    else:
        return ended if isinstance(ended, int) else 0  # what click's Context.exit() was given
    return 1


if __name__ == "__main__":
    main()

"""Child processes that write lines until they end or are killed."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from contextlib import contextmanager


class Child:
    def __init__(self, pid):
        self.pid, self.status = pid, None

    def kill(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)


def wait_for(child):
    """The exit code of a child, negative for a signal."""
    if child.status is None:
        child.status = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    return child.status


@contextmanager
def lines_of_child(lines):
    """Fork a process that writes each line as soon as it is there; the child, and the lines that are complete."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the timer's thread that pytest has started; the child does not need it
        pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(read)
            for line in lines():
                os.write(write, line.encode() + b"\n")
            code = 0
        except BaseException:  # noqa: BLE001 - the parent sees the code, and the reader the traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    child = Child(pid)
    with os.fdopen(read, "rb") as pipe:
        try:
            yield child, (line[:-1].decode() for line in pipe if line.endswith(b"\n"))
        finally:
            child.kill()
            wait_for(child)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs: long operations that can be waited for, watched, awaited and cancelled."""

import asyncio
import ctypes
import json
import os
import time
from typing import NamedTuple

from . import _native
from ._enums import Stage
from ._errors import Error, call, call_out, text
from ._handle import Handle
from ._native import lib

_SLICE = 0.5  # so that a Ctrl-C gets through while we wait


class Progress(NamedTuple):
    """How far a job is; total 0: not known. sequence changes whenever anything does."""
    stage: Stage
    done: int
    total: int
    sequence: int


class Job(Handle):
    """A running or finished long operation.

    Closing or forgetting a job neither waits for it nor cancels it. As a context manager it is
    left finished: an exception in the block cancels the job, and then it is waited for.
    """

    _unref = "vmsnap_job_unref"
    _fd = None

    def wait(self, timeout=None):
        """Wait for at most timeout seconds (None: as long as it takes).

        True: it has succeeded. False: it still runs. Raises the Error that it failed with.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE if end is None else max(0.0, min(_SLICE, end - time.monotonic()))
            if call(lib.vmsnap_job_wait, self._ref, int(left * 1000 + 0.999)):
                return True
            if end is not None and time.monotonic() >= end:
                return False

    def result(self):
        """Wait until it has succeeded; what it recorded, as a dict."""
        self.wait()
        return self.info

    def cancel(self):
        """Ask it to stop at its next safe point and roll back; then wait()."""
        lib.vmsnap_job_cancel(self._ref)

    def progress(self):
        """How far it is now."""
        reading = _native.Progress()
        call(lib.vmsnap_job_read_progress, self._ref, ctypes.byref(reading))
        return Progress(Stage(reading.stage), reading.bytes_done, reading.bytes_total,
                        reading.sequence)

    def watch(self, interval=0.2):
        """Yield each new Progress until it has succeeded; raises what it failed with."""
        seen = None
        while True:
            finished = self.wait(0 if seen is None else interval)
            now = self.progress()
            if now.sequence != seen:
                seen = now.sequence
                yield now
            if finished:
                return

    def snapshot(self):
        """The Snapshot that the finished job made or is about."""
        from ._handles import Snapshot
        return Snapshot(call_out(lib.vmsnap_job_ref_snapshot, self._ref))

    def snapshots(self):
        """The Snapshots that the finished job of a group made, Failed ones too."""
        from ._handles import Snapshot, read_list
        made = call_out(lib.vmsnap_job_ref_snapshot_list, self._ref)
        return read_list(made, "snapshot", Snapshot)

    def freeze(self):
        """The Freeze that the finished job began or ended."""
        from ._freeze import Freeze
        return Freeze(call_out(lib.vmsnap_job_ref_freeze, self._ref))

    @property
    def operation_uuid(self):
        """The UUID of its recorded operation, or None."""
        return text(lib.vmsnap_job_get_operation_uuid(self._ref))

    @property
    def info(self):
        """What the finished job recorded, as a dict; None while it runs."""
        said = lib.vmsnap_job_get_json(self._ref)
        return None if said is None else json.loads(said)

    def fileno(self):
        """A descriptor that polls readable once it has finished; the job closes it."""
        if self._fd is None:
            self._fd = self._new_fd()
        return self._fd

    def _new_fd(self):
        fd = ctypes.c_int(-1)
        call(lib.vmsnap_job_get_fd, self._ref, ctypes.byref(fd))
        return fd.value

    def __await__(self):
        return self._finish().__await__()

    async def _finish(self):
        """Wait in an event loop. A cancelled task cancels the job and still waits for it, so that
        the guest is thawed before the task ends."""
        loop, finished, cancelled = asyncio.get_running_loop(), asyncio.Event(), None
        fd = self._new_fd()
        try:
            loop.add_reader(fd, finished.set)
            while not finished.is_set():
                try:
                    await finished.wait()
                except asyncio.CancelledError as error:
                    cancelled = error
                    self.cancel()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
        if cancelled:
            raise cancelled
        self.wait(0)
        return self

    def close(self):
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
        super().close()

    def __exit__(self, kind, error, trace):
        try:
            if not self.closed:
                if kind is not None:
                    self.cancel()
                self.wait()
        except Error:
            if kind is None:
                raise
        finally:
            self.close()

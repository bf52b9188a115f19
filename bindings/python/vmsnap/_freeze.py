# SPDX-License-Identifier: LGPL-2.1-or-later
"""A VM that is frozen for a cut by other means than the library's."""

import ctypes
import json

from . import _native
from ._enums import FreezeFlags, ThawFlags
from ._errors import Inconsistent, call_out, text
from ._handle import Handle, encode_list, milliseconds
from ._native import lib


def freeze_options(hold=None, *, detached=False, disks=None, accept_unfrozen=None,
                   freeze_call=None, wait_ready=None):
    """Keywords as C options; times are seconds, None is the default."""
    options = _native.FreezeOptions(
        hold_ms=milliseconds(hold), freeze_call_ms=milliseconds(freeze_call),
        wait_ready_ms=milliseconds(wait_ready),
        flags=FreezeFlags.DETACHED if detached else FreezeFlags(0))
    options.disks = encode_list(disks)
    options.accept_unfrozen = encode_list(accept_unfrozen)
    return options


def thaw_options(force=False):
    return _native.ThawOptions(flags=ThawFlags.FORCE if force else ThawFlags(0))


class Freeze(Handle):
    """A freeze that is held, or was.

        with vm.freeze(hold=20) as freeze:
            array.snapshot("lun7")
        keep(freeze.info)

    Leaving the block thaws; if it ended well but the freeze is not proven to have held, it raises
    Inconsistent. An attached freeze that is closed, or forgotten, is thawed by its guard.
    """

    _unref = "vmsnap_freeze_unref"

    @property
    def uuid(self):
        return text(lib.vmsnap_freeze_get_uuid(self._ref))

    @property
    def ended(self):
        """Whether it was ended, or given up."""
        return bool(lib.vmsnap_freeze_get_ended(self._ref))

    @property
    def proven(self):
        """Whether it is over and every file system was frozen to its end."""
        return bool(lib.vmsnap_freeze_get_proven(self._ref))

    @property
    def info(self):
        """How it began or, once it is over, how it ended, with all evidence: a dict."""
        return json.loads(lib.vmsnap_freeze_get_json(self._ref))

    def start_end(self):
        """Start thawing; a Job."""
        from ._job import Job
        return Job(call_out(lib.vmsnap_freeze_end, self._ref))

    def end(self):
        """Thaw; whether the freeze is proven to have held until then."""
        with self.start_end() as job:
            job.wait()
        return self.proven

    def __exit__(self, kind, error, trace):
        # It stays open: what it proved is what the caller wants to keep.
        if not self.closed and not self.end() and kind is None:
            info = self.info
            raise Inconsistent(info["message"], reason=info["reason"])


def run_freeze(job):
    """The Freeze of a job, once it has succeeded; an interrupted wait cancels it."""
    with job:
        job.wait()
        return job.freeze()


def started_freeze(vm, options):
    return call_out(lib.vmsnap_freeze_start, vm, ctypes.byref(options))


def started_thaw(vm, options):
    return call_out(lib.vmsnap_vm_thaw, vm, ctypes.byref(options))

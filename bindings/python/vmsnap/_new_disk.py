# SPDX-License-Identifier: LGPL-2.1-or-later
"""New disks and images from snapshots, as C takes them."""

from . import _native
from ._enums import NewDiskFlags, NewDiskMethod
from ._handle import encode, milliseconds


def new_disk_options(to, *, image=False, target=None, format=None, size=None,
                     method=NewDiskMethod.AUTO, keep_owner=False, wait_ready=None):
    """Keywords as C options; size is bytes, wait_ready seconds, None is the default."""
    flags = NewDiskFlags(0)
    flags |= NewDiskFlags.IMAGE if image else 0
    flags |= NewDiskFlags.KEEP_OWNER if keep_owner else 0
    return _native.NewDiskOptions(to=encode(to), target=encode(target), format=encode(format),
                                  size=size or 0, method=method, flags=flags,
                                  wait_ready_ms=milliseconds(wait_ready))

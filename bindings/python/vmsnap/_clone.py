# SPDX-License-Identifier: LGPL-2.1-or-later
"""New virtual machines from others, as C takes them."""

from . import _native
from ._enums import CloneFlags, CloneMethod, RunPolicy
from ._handle import encode, encode_list, milliseconds


def clone_options(name=None, *, rules=None, prefix=None, suffix=None, seed=None,
                  method=CloneMethod.FULL, run_policy=RunPolicy.ALWAYS_OFF, keep_serial=False,
                  start=False, allow_partial=False, wait_ready=None):
    """Keywords as C options; wait_ready is seconds, None is the default."""
    flags = CloneFlags(0)
    flags |= CloneFlags.KEEP_SERIAL if keep_serial else 0
    flags |= CloneFlags.START if start else 0
    flags |= CloneFlags.ALLOW_PARTIAL if allow_partial else 0
    return _native.CloneOptions(name=encode(name), rules=encode_list(rules), prefix=encode(prefix),
                                suffix=encode(suffix), seed=encode(seed), method=method,
                                run_policy=run_policy, flags=flags,
                                wait_ready_ms=milliseconds(wait_ready))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library's numbers as enums. A number that a newer library adds stays an UNKNOWN_n."""

import enum


class _Open(enum.IntEnum):
    @classmethod
    def _missing_(cls, value):
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}".replace("-", "MINUS_")
        member._value_ = value
        return member


class Code(_Open):
    """What went wrong, in terms of what the caller can do about it."""
    OK = 0
    INTERNAL = -1
    INVALID = -2
    UNSUPPORTED = -3
    NOT_FOUND = -4
    EXISTS = -5
    BUSY = -6
    TIMEOUT = -7
    CANCELLED = -8
    AGENT = -9
    INCONSISTENT = -10
    CONFLICT = -11
    PLAN_STALE = -12
    IN_USE = -13
    NO_SPACE = -14
    LOST = -15
    PERMISSION = -16
    HYPERVISOR = -17
    IO = -18
    UNCERTAIN = -19
    FORKED = -20
    CLOSED = -21


class Frozen(_Open):
    """Whether a guest was left with frozen file systems."""
    NO = 0
    YES = 1
    UNKNOWN = 2


class ContextFlags(enum.IntFlag):
    READ_ONLY = 1
    SELF_GUARD = 2


class FreezeFlags(enum.IntFlag):
    DETACHED = 1


class ThawFlags(enum.IntFlag):
    FORCE = 1


class VMState(_Open):
    UNKNOWN = 0
    RUNNING = 1
    PAUSED = 2
    OFF = 3
    STOPPING = 4
    CRASHED = 5
    PMSUSPENDED = 6


class Verdict(_Open):
    """What a snapshot taken now would be."""
    OFFLINE = 1
    FROZEN = 2
    CRASH = 3
    BLOCKED = 4


class Consistency(_Open):
    """What to do about a guest whose file systems may be in motion."""
    REQUIRE = 0
    PREFER = 1
    SKIP = 2


class Grade(_Open):
    """What was achieved at the cut."""
    NONE = 0
    OFFLINE = 1
    FROZEN = 2
    CRASH = 3


class NewDiskMethod(_Open):
    """How a new disk comes to its contents."""
    AUTO = 0
    FULL = 1
    REFLINK = 2
    LINKED = 3


class NewDiskFlags(enum.IntFlag):
    IMAGE = 1
    KEEP_OWNER = 2


class CloneMethod(_Open):
    """How the disks of a clone come to their contents."""
    FULL = 0
    LINKED = 1


class RunPolicy(_Open):
    """What becomes of the source's habit of running."""
    ALWAYS_OFF = 0
    INHERIT = 1


class CloneFlags(enum.IntFlag):
    KEEP_SERIAL = 1
    START = 2
    ALLOW_PARTIAL = 4


class SnapshotKind(_Open):
    """What a snapshot is of."""
    VM = 0
    DISK = 1


class SnapshotPhase(_Open):
    PENDING = 1
    IN_PROGRESS = 2
    READY = 3
    FAILED = 4
    TERMINATING = 5


class KeepIP(_Open):
    """What becomes of addresses that a VM got by DHCP for a while only."""
    ALWAYS = 0
    NEVER = 1


class Method(_Open):
    """How disks are cut."""
    AUTO = 0
    REFLINK = 1
    COPY = 2
    BACKUP = 3


class OnStraggler(_Open):
    """What becomes of a group when one of its VMs is too late."""
    ABORT = 0
    DROP = 1


class OperationPhase(_Open):
    PENDING = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    FAILED = 4
    CANCELLED = 5


class Mode(_Open):
    """How a plan is run."""
    DRY_RUN = 1
    STRICT = 2
    BEST_EFFORT = 3


class Severity(_Open):
    INFO = 0
    WARNING = 1
    CONFLICT = 2


class RestoreFlags(enum.IntFlag):
    FORCE_STOP = 1
    ALLOW_PARTIAL = 2
    DROP_MANAGED_SAVE = 4
    NO_START = 8


class FactKind(_Open):
    """What a fact is about."""
    MAC = 1
    ADDRESS = 2
    PATH = 3
    UUID = 4
    NAME = 5
    VOLUME = 6


class UndoState(_Open):
    """What an undo set is worth."""
    KEPT = 1
    EXPIRED = 2
    LOST = 3


class SnapshotFlags(enum.IntFlag):
    WITH_DIGEST = 1


class AdoptFlags(enum.IntFlag):
    DRY_RUN = 1
    ACCEPT_TIMES = 2


class DropFlags(enum.IntFlag):
    NEWER = 1


class CollectFlags(enum.IntFlag):
    DRY_RUN = 1


class Stage(_Open):
    """What a job is doing, for display."""
    STARTING = 0
    WAITING = 1
    SURVEYING = 2
    PREPARING = 3
    FREEZING = 4
    CAPTURING = 5
    THAWING = 6
    COPYING = 7
    STOPPING = 8
    EXCHANGING = 9
    RESTARTING = 10
    FINISHING = 11
    ROLLING_BACK = 12
    DONE = 13

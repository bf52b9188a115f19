# SPDX-License-Identifier: LGPL-2.1-or-later
"""Consistent snapshots and in-place restores of virtual machines on libvirt/QEMU hosts.

    with vmsnap.Context("qemu:///system") as context:
        with context.find_vm("web").snapshot("nightly") as job:
            for progress in job.watch():
                print(progress.stage.name)
            print(job.snapshot().grade.name)

In asyncio, `await vm.snapshot("nightly")` gives the finished job. Every failure is a vmsnap.Error;
its subclasses tell what the caller can do.
"""

from ._context import Context, Status
from ._enums import (AdoptFlags, CloneFlags, CloneMethod, Code, CollectFlags, Consistency,
                     ContextFlags, DropFlags, FactKind, FreezeFlags, Frozen, Grade, KeepIP, Method,
                     Mode, NewDiskFlags, NewDiskMethod, OnStraggler, OperationPhase, RestoreFlags,
                     RunPolicy, Severity, SnapshotFlags, SnapshotKind, SnapshotPhase, Stage, ThawFlags, UndoState,
                     Verdict, VMState)
from ._errors import (AgentError, Busy, Cancelled, Closed, Conflict, Error, Exists, Forked,
                      HypervisorError, Inconsistent, InternalError, InUse, Invalid, Lost,
                      NoSpace, NotFound, PermissionDenied, PlanStale, StorageError, Timeout,
                      Uncertain, Unsupported)
from ._freeze import Freeze
from ._handles import VM, Check, Disk, Finding, Operation, Plan, Snapshot
from ._inventory import Inventory
from ._job import Job, Progress
from ._native import lib as _lib
from ._undo import UndoSet


def get_version():
    """The version of the library that is running."""
    return _lib.vmsnap_get_version().decode()


__all__ = [
    "AdoptFlags", "AgentError", "Busy", "Cancelled", "Check", "CloneFlags", "CloneMethod", "Closed",
    "Code", "CollectFlags", "Conflict", "Consistency", "Context", "ContextFlags", "Disk",
    "DropFlags", "Error", "Exists", "FactKind", "Finding", "Forked", "Freeze", "FreezeFlags",
    "Frozen", "Grade", "HypervisorError", "InUse", "Inconsistent", "InternalError",
    "Inventory", "Invalid", "Job", "KeepIP", "Lost", "Method", "Mode", "NewDiskFlags",
    "NewDiskMethod", "NoSpace", "NotFound", "OnStraggler", "Operation", "OperationPhase",
    "PermissionDenied", "Plan", "PlanStale", "Progress", "RestoreFlags",
    "RunPolicy", "Severity", "Snapshot", "SnapshotFlags", "SnapshotKind", "SnapshotPhase", "Stage", "Status", "StorageError",
    "ThawFlags", "Timeout", "Uncertain", "UndoSet", "UndoState", "Unsupported", "VM",
    "VMState", "Verdict", "get_version",
]

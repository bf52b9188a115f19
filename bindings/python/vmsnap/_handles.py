# SPDX-License-Identifier: LGPL-2.1-or-later
"""Virtual machines, disks, checks, snapshots, plans and operations: readings that never change."""

import ctypes
import datetime
import json
from typing import NamedTuple

from . import _native
from ._clone import clone_options
from ._enums import (Consistency, Grade, KeepIP, Method, Mode, OperationPhase, RestoreFlags, Severity,
                     SnapshotFlags, SnapshotKind, SnapshotPhase, Verdict, VMState)
from ._errors import call_out, text
from ._freeze import freeze_options, run_freeze, started_freeze, started_thaw, thaw_options
from ._handle import Handle, Reference, encode, encode_list, milliseconds, whole_seconds
from ._job import Job
from ._native import lib
from ._new_disk import new_disk_options

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Finding(NamedTuple):
    """One thing that a plan found."""
    reason: str
    severity: Severity
    message: str


class Reading(Handle):
    """A handle with a JSON form."""

    _get_json = None

    @property
    def info(self):
        """The whole reading as a dict."""
        return json.loads(getattr(lib, self._get_json)(self._ref))


def read_list(pointer, noun, kind):
    """The items of a C list as Python objects, each with a reference of its own."""
    held = Reference(pointer, f"vmsnap_{noun}_list_unref")
    count = getattr(lib, f"vmsnap_{noun}_list_get_count")(held)
    item = getattr(lib, f"vmsnap_{noun}_list_get_item")
    take = getattr(lib, f"vmsnap_{noun}_ref")
    return [kind(take(item(held, index))) for index in range(count)]


def restore_options(force_stop=False, allow_partial=False, drop_managed_save=False,
                    no_start=False, stop_timeout=None, undo_ttl=None, wait_ready=None):
    """Keywords as C options; times are seconds, None is the default."""
    flags = RestoreFlags(0)
    flags |= RestoreFlags.FORCE_STOP if force_stop else 0
    flags |= RestoreFlags.ALLOW_PARTIAL if allow_partial else 0
    flags |= RestoreFlags.DROP_MANAGED_SAVE if drop_managed_save else 0
    flags |= RestoreFlags.NO_START if no_start else 0
    return _native.RestoreOptions(flags=flags, stop_timeout_ms=milliseconds(stop_timeout),
                                  undo_ttl_s=whole_seconds(undo_ttl),
                                  wait_ready_ms=milliseconds(wait_ready))


def snapshot_options(name, *, consistency=Consistency.REQUIRE, method=Method.AUTO,
                     description=None, labels=None, store=None, wait_ready=None,
                     freeze_call=None, freeze_budget=None, accept_unfrozen=None,
                     keep_ip=KeepIP.ALWAYS, digest=False):
    """Keywords as C options; labels is a dict, accept_unfrozen a list of mount points and targets,
    times are seconds, None is the default."""
    pairs = None if labels is None else [f"{key}={value}" for key, value in labels.items()]
    options = _native.SnapshotOptions(
        name=encode(name), description=encode(description), store=encode(store),
        consistency=consistency, method=method, wait_ready_ms=milliseconds(wait_ready),
        freeze_call_ms=milliseconds(freeze_call), freeze_budget_ms=milliseconds(freeze_budget),
        keep_ip=keep_ip, flags=SnapshotFlags.WITH_DIGEST if digest else 0)
    options.labels = encode_list(pairs)
    options.accept_unfrozen = encode_list(accept_unfrozen)
    return options


class Check(Reading):
    """What a snapshot would meet now."""

    _unref = "vmsnap_check_unref"
    _get_json = "vmsnap_check_get_json"

    @property
    def verdict(self):
        return Verdict(lib.vmsnap_check_get_verdict(self._ref))

    @property
    def reason(self):
        """The first reason against a consistent snapshot, or None."""
        return text(lib.vmsnap_check_get_reason(self._ref))


class VM(Reading):
    """A reading of one virtual machine."""

    _unref = "vmsnap_vm_unref"
    _get_json = "vmsnap_vm_get_json"

    def __repr__(self):
        return "<vmsnap.VM closed>" if self.closed else f"<vmsnap.VM {self.name}>"

    @property
    def name(self):
        return text(lib.vmsnap_vm_get_name(self._ref))

    @property
    def uuid(self):
        return text(lib.vmsnap_vm_get_uuid(self._ref))

    @property
    def state(self):
        return VMState(lib.vmsnap_vm_get_state(self._ref))

    def check(self):
        """Ask what a snapshot would meet now; changes nothing."""
        return Check(call_out(lib.vmsnap_vm_check, self._ref))

    def start_freeze(self, hold=None, **options):
        """Start freezing the guest for a cut by other means; a Job, see its freeze()."""
        return Job(started_freeze(self._ref, freeze_options(hold, **options)))

    def freeze(self, hold=None, **options):
        """Freeze the guest for a cut by other means; a Freeze, best used in a with block.

        hold: seconds it may last, 30 by default. Options: detached (it outlives this process and
        ends at its deadline or by thaw()), disks (targets that will be cut; all), accept_unfrozen,
        and in seconds freeze_call, wait_ready.
        """
        return run_freeze(self.start_freeze(hold, **options))

    def start_thaw(self, force=False):
        """Start ending a detached freeze, or with force whatever froze the guest; a Job."""
        return Job(started_thaw(self._ref, thaw_options(force)))

    def plan_clone(self, name=None, **options):
        """Find all that stands in the way of a new VM made from it; a Plan, to be started. This is
        the dry-run: no side effect.

        name: the clone's; None: rules, prefix or suffix give it. Options: rules ("[KIND:]OLD=NEW"),
        prefix, suffix, seed (an identity that follows from it), method (CloneMethod), run_policy
        (RunPolicy), keep_serial, start, and in seconds wait_ready.
        """
        given = clone_options(name, **options)
        return Plan(call_out(lib.vmsnap_clone_plan, self._ref, ctypes.byref(given)))

    def start_flatten(self):
        """Start writing the disks, of a VM that is off, anew without what they are built on: a
        linked clone is freed from its snapshot by it; a Job."""
        return Job(call_out(lib.vmsnap_vm_flatten, self._ref))

    def thaw(self):
        """End a detached freeze, or one that was left behind, of whichever process: the Freeze."""
        return run_freeze(self.start_thaw())

    def force_thaw(self):
        """Thaw the guest whoever froze it; the acts, as a dict."""
        with self.start_thaw(force=True) as job:
            return job.result()

    def snapshot(self, name, *, disks=None, **options):
        """Start taking a snapshot of every disk at one point in time; a Job.

        disks is a list of targets, None: all; the other options as in snapshot_options().
        """
        given = snapshot_options(name, **options)
        given.disks = encode_list(disks)
        return Job(call_out(lib.vmsnap_snapshot_create, self._ref, ctypes.byref(given)))


class Disk(Reading):
    """A reading of one disk, of a VM or of none."""

    _unref = "vmsnap_disk_unref"
    _get_json = "vmsnap_disk_get_json"

    def __repr__(self):
        return "<vmsnap.Disk closed>" if self.closed else f"<vmsnap.Disk {self.name}>"

    @property
    def name(self):
        """"VM/TARGET", or the path of a disk that no VM has."""
        return text(lib.vmsnap_disk_get_name(self._ref))

    @property
    def path(self):
        return text(lib.vmsnap_disk_get_path(self._ref))

    @property
    def format(self):
        return text(lib.vmsnap_disk_get_format(self._ref))

    @property
    def vm_name(self):
        return text(lib.vmsnap_disk_get_vm_name(self._ref))

    @property
    def vm_uuid(self):
        return text(lib.vmsnap_disk_get_vm_uuid(self._ref))

    @property
    def target(self):
        return text(lib.vmsnap_disk_get_target(self._ref))

    @property
    def virtual_size(self):
        """The size its guest sees, in bytes; 0 if that cannot be told from here."""
        return lib.vmsnap_disk_get_virtual_size(self._ref)

    def snapshot(self, name, **options):
        """Start taking a snapshot of this disk; a Job. Options as in snapshot_options()."""
        given = snapshot_options(name, **options)
        return Job(call_out(lib.vmsnap_disk_snapshot_create, self._ref, ctypes.byref(given)))


class Snapshot(Reading):
    """A reading of one stored snapshot."""

    _unref = "vmsnap_snapshot_unref"
    _get_json = "vmsnap_snapshot_get_json"

    def __repr__(self):
        return "<vmsnap.Snapshot closed>" if self.closed else f"<vmsnap.Snapshot {self.name}>"

    @property
    def name(self):
        return text(lib.vmsnap_snapshot_get_name(self._ref))

    @property
    def uuid(self):
        return text(lib.vmsnap_snapshot_get_uuid(self._ref))

    @property
    def kind(self):
        return SnapshotKind(lib.vmsnap_snapshot_get_kind(self._ref))

    @property
    def disk_name(self):
        """Of a disk snapshot: "VM/TARGET" or a path; None of a VM's."""
        return text(lib.vmsnap_snapshot_get_disk_name(self._ref))

    @property
    def vm_name(self):
        return text(lib.vmsnap_snapshot_get_vm_name(self._ref))

    @property
    def vm_uuid(self):
        return text(lib.vmsnap_snapshot_get_vm_uuid(self._ref))

    @property
    def phase(self):
        return SnapshotPhase(lib.vmsnap_snapshot_get_phase(self._ref))

    @property
    def grade(self):
        return Grade(lib.vmsnap_snapshot_get_grade(self._ref))

    @property
    def consistent(self):
        return bool(lib.vmsnap_snapshot_get_consistent(self._ref))

    @property
    def created(self):
        """When it was asked for: a datetime in UTC."""
        microseconds = lib.vmsnap_snapshot_get_created(self._ref)
        return _EPOCH + datetime.timedelta(microseconds=microseconds)

    def delete(self):
        """Start deleting it and its files; a Job."""
        return Job(call_out(lib.vmsnap_snapshot_delete, self._ref))

    def verify(self):
        """Start re-reading its images; a Job."""
        return Job(call_out(lib.vmsnap_snapshot_verify, self._ref))

    def plan_restore(self, vm=None, **options):
        """Find every conflict of a restore; a Plan. This is the dry-run: no side effect.

        vm: name or UUID, None: the VM it was taken of. Options: force_stop, allow_partial,
        drop_managed_save, no_start, and in seconds stop_timeout, undo_ttl, wait_ready.
        """
        given = restore_options(**options)
        return Plan(call_out(lib.vmsnap_restore_plan, self._ref, encode(vm), ctypes.byref(given)))

    def plan_clone(self, name=None, **options):
        """Find all that stands in the way of a new VM made from it; a Plan. Options as in
        VM.plan_clone(), and allow_partial."""
        given = clone_options(name, **options)
        return Plan(call_out(lib.vmsnap_clone_plan_from_snapshot, self._ref, ctypes.byref(given)))

    def plan_new_disk(self, to, **options):
        """Find all that stands in the way of a new disk or image; a Plan, only to be read.

        to: a path, which starts with "/" or "./", or "POOL/VOLUME". Options: target, format, size
        in bytes, method (NewDiskMethod), keep_owner, image, and in seconds wait_ready.
        """
        given = new_disk_options(to, **options)
        return Plan(call_out(lib.vmsnap_new_disk_plan, self._ref, ctypes.byref(given)))

    def restore_disk(self, to, **options):
        """Start making a new disk; a Job. Options as in plan_new_disk()."""
        given = new_disk_options(to, **options)
        return Job(call_out(lib.vmsnap_new_disk_start, self._ref, ctypes.byref(given)))

    def create_image(self, to, **options):
        """Start making an image, which depends on nothing, is read-only and has its digest beside
        it; a Job. Options as in plan_new_disk()."""
        return self.restore_disk(to, image=True, **options)


class Plan(Reading):
    """What a restore or a clone would do."""

    _unref = "vmsnap_plan_unref"
    _get_json = "vmsnap_plan_get_json"

    @property
    def hash(self):
        return text(lib.vmsnap_plan_get_hash(self._ref))

    @property
    def findings(self):
        plan = self._ref
        return [Finding(text(lib.vmsnap_plan_get_finding_reason(plan, index)),
                        Severity(lib.vmsnap_plan_get_finding_severity(plan, index)),
                        text(lib.vmsnap_plan_get_finding_message(plan, index)))
                for index in range(lib.vmsnap_plan_get_finding_count(plan))]

    def count_conflicts(self, mode=Mode.STRICT):
        """How many findings refuse this mode."""
        return lib.vmsnap_plan_get_conflict_count(self._ref, mode)

    def start(self, mode):
        """Start running it, Mode.STRICT or Mode.BEST_EFFORT; a Job."""
        clone = self.info["type"] == "clone"
        return Job(call_out(lib.vmsnap_clone_start if clone else lib.vmsnap_restore_start,
                            self._ref, mode))


class Operation(Reading):
    """A reading of one recorded operation."""

    _unref = "vmsnap_operation_unref"
    _get_json = "vmsnap_operation_get_json"

    @property
    def uuid(self):
        return text(lib.vmsnap_operation_get_uuid(self._ref))

    @property
    def type(self):
        return text(lib.vmsnap_operation_get_type(self._ref))

    @property
    def phase(self):
        return OperationPhase(lib.vmsnap_operation_get_phase(self._ref))

    @property
    def new_path(self):
        """The file that it made, of a new disk or image; else None."""
        return text(lib.vmsnap_operation_get_new_path(self._ref))

    @property
    def new_format(self):
        return text(lib.vmsnap_operation_get_new_format(self._ref))

    @property
    def new_size(self):
        """What the new disk's guest sees, in bytes."""
        return lib.vmsnap_operation_get_new_size(self._ref)

    @property
    def new_sha256(self):
        """Of the file of a new image; else None."""
        return text(lib.vmsnap_operation_get_new_sha256(self._ref))

    @property
    def new_vm_name(self):
        """The VM that it made, of a clone; else None."""
        return text(lib.vmsnap_operation_get_new_vm_name(self._ref))

    @property
    def new_vm_uuid(self):
        return text(lib.vmsnap_operation_get_new_vm_uuid(self._ref))

    def undo(self, **options):
        """Start bringing back what a restore replaced; a Job. Options as in plan_restore()."""
        given = restore_options(**options)
        return Job(call_out(lib.vmsnap_operation_undo, self._ref, ctypes.byref(given)))

    def drop_undo(self):
        """Start removing what a restore keeps, so that it cannot be undone any more; a Job."""
        return Job(call_out(lib.vmsnap_operation_drop_undo, self._ref))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library instance."""

import ctypes
import json
from typing import NamedTuple

from . import _native
from ._enums import AdoptFlags, CollectFlags, ContextFlags, DropFlags, OnStraggler
from ._errors import call, call_out
from ._handle import Handle, encode, encode_list
from ._handles import VM, Disk, Operation, Plan, Snapshot, read_list, snapshot_options
from ._inventory import Inventory
from ._job import Job
from ._native import lib
from ._undo import UndoSet


class Status(NamedTuple):
    """What earlier processes left open."""
    open_operations: int
    open_freezes: int


class Context(Handle):
    """Connections, catalog and jobs. Opening it looks and never acts.

    uri: the libvirt URI acted on; None: libvirt's default; "none": no hypervisor. catalog,
    state_dir, guard_path: None is the library's default. agent_sockets: a dict of VM (name
    or UUID) and the UNIX socket on which its guest agent is asked, not over libvirt. Close it, or use it in a with block:
    closing cancels all jobs and waits until they have rolled back.
    """

    _unref = "vmsnap_context_unref"

    def __init__(self, uri=None, *, analysis_uris=None, catalog=None, state_dir=None,
                 guard_path=None, read_only=False, self_guard=False, max_jobs=0,
                 agent_sockets=None):
        flags = ContextFlags(0)
        flags |= ContextFlags.READ_ONLY if read_only else 0
        flags |= ContextFlags.SELF_GUARD if self_guard else 0
        options = _native.ContextOptions(
            uri=encode(uri), catalog=encode(catalog), state_dir=encode(state_dir),
            guard_path=encode(guard_path), flags=flags, max_jobs=max_jobs)
        options.analysis_uris = encode_list(analysis_uris)
        options.agent_sockets = encode_list(f"{vm}={path}" for vm, path in
                                            (agent_sockets or {}).items())
        super().__init__(call_out(lib.vmsnap_context_open, ctypes.byref(options)))

    def close(self):
        """Cancel all jobs, wait until they have rolled back, release the context."""
        if not self.closed:
            lib.vmsnap_context_close(self._ref)
        super().close()

    def status(self):
        """Count what earlier processes left open; looks only."""
        reading = _native.ContextStatus()
        call(lib.vmsnap_context_read_status, self._ref, ctypes.byref(reading))
        return Status(reading.open_operations, reading.open_freezes)

    def recover(self):
        """Start finishing or undoing what dead processes left; a Job."""
        return Job(call_out(lib.vmsnap_context_recover, self._ref))

    def find_vm(self, name):
        """The VM of this name or UUID."""
        return VM(call_out(lib.vmsnap_context_find_vm, self._ref, encode(name)))

    def list_vms(self):
        return read_list(call_out(lib.vmsnap_context_list_vms, self._ref), "vm", VM)

    def find_disk(self, name, format=None):
        """The Disk "VM/TARGET" or of a path; format is what a file that no VM has holds."""
        return Disk(call_out(lib.vmsnap_context_find_disk, self._ref, encode(name),
                             encode(format)))

    def list_disks(self, vm=None):
        """The disks of one VM (name or UUID) or of all."""
        return read_list(call_out(lib.vmsnap_context_list_disks, self._ref, encode(vm)), "disk",
                         Disk)

    def find_disk_snapshot(self, name):
        """The disk Snapshot of this name or UUID."""
        return Snapshot(call_out(lib.vmsnap_context_find_disk_snapshot, self._ref, encode(name)))

    def list_disk_snapshots(self, disk=None):
        """The stored disk snapshots, oldest first; of one disk ("VM/TARGET" or path) or of all."""
        made = call_out(lib.vmsnap_context_list_disk_snapshots, self._ref, encode(disk))
        return read_list(made, "snapshot", Snapshot)

    def find_snapshot(self, name):
        """The Snapshot of this name or UUID."""
        return Snapshot(call_out(lib.vmsnap_context_find_snapshot, self._ref, encode(name)))

    def list_snapshots(self, vm=None):
        """The stored snapshots, oldest first; of one VM (name or UUID) or of all."""
        made = call_out(lib.vmsnap_context_list_snapshots, self._ref, encode(vm))
        return read_list(made, "snapshot", Snapshot)

    def snapshot_group(self, members, *, drop_stragglers=False, **options):
        """Start taking snapshots of several VMs at one time; a Job, whose snapshots() they are.

        members is a dict of VM names or UUIDs and the names of their snapshots. A VM that is too
        late is dropped, or nothing is cut. Options are those of VM.snapshot(), without disks.
        """
        given = snapshot_options(None, **options)
        pairs = encode_list([f"{vm}={name}" for vm, name in members.items()])
        late = OnStraggler.DROP if drop_stragglers else OnStraggler.ABORT
        return Job(call_out(lib.vmsnap_snapshot_create_group, self._ref, pairs,
                            ctypes.byref(given), late))

    def read_plan(self, json_text):
        """The Plan of a text or dict: what `info` of a plan was, here or in another process.

        It runs only if the world and its options still give the same plan.
        """
        if isinstance(json_text, dict):
            json_text = json.dumps(json_text)
        return Plan(call_out(lib.vmsnap_plan_from_json, self._ref, encode(json_text)))

    def find_operation(self, uuid):
        return Operation(call_out(lib.vmsnap_context_find_operation, self._ref, encode(uuid)))

    def list_operations(self):
        """The recorded operations, oldest first."""
        made = call_out(lib.vmsnap_context_list_operations, self._ref)
        return read_list(made, "operation", Operation)

    def add_fact(self, kind, value, holder, *, vm_uuid=None, network=None):
        """Let plans of this context take for true that holder holds this.

        kind is a FactKind; vm_uuid is the VM that holds it, for which it is no conflict then.
        Facts live as long as the context.
        """
        fact = _native.Fact(value=encode(value), holder=encode(holder), vm_uuid=encode(vm_uuid),
                            network=encode(network), kind=kind)
        call(lib.vmsnap_context_add_fact, self._ref, ctypes.byref(fact))

    def remove_facts(self, holder=None):
        """Forget the facts of one holder or all; how many there were."""
        return call(lib.vmsnap_context_remove_facts, self._ref, encode(holder))

    def inventory(self):
        """Read every VM of every connection with what it holds; an Inventory."""
        return Inventory(call_out(lib.vmsnap_context_read_inventory, self._ref))

    def list_undo_sets(self):
        """What restores keep, oldest first."""
        made = call_out(lib.vmsnap_context_list_undo_sets, self._ref)
        return read_list(made, "undo_set", UndoSet)

    def collect(self, *, dry_run=False):
        """Start removing expired undo sets and what finished operations left; a Job, whose JSON
        lists each act. dry_run only tells."""
        given = _native.CollectOptions(flags=CollectFlags.DRY_RUN if dry_run else 0)
        return Job(call_out(lib.vmsnap_context_collect, self._ref, ctypes.byref(given)))

    def adopt(self, *paths, name=None, accept_times=False, dry_run=False):
        """Start making records of snapshots that lie in folders and that no record knows; a Job,
        whose JSON lists each act and whose snapshots() they are. paths are absolute: a snapshot's
        folder, a .vmsnap, or one with a .vmsnap in it. name is what the one that is found is called
        from now on; accept_times takes images whose time is another. dry_run only tells."""
        flags = AdoptFlags(0)
        flags |= AdoptFlags.DRY_RUN if dry_run else 0
        flags |= AdoptFlags.ACCEPT_TIMES if accept_times else 0
        given = _native.AdoptOptions(name=encode(name), flags=flags)
        return Job(call_out(lib.vmsnap_context_adopt, self._ref, encode_list(paths),
                            ctypes.byref(given)))

    def drop_operation(self, uuid, *, newer=False):
        """Start dropping the record of an operation that cannot be read; a Job, whose JSON tells
        what could still be made out. newer: also when a later version wrote it."""
        flags = DropFlags.NEWER if newer else 0
        return Job(call_out(lib.vmsnap_context_drop_operation, self._ref, encode(uuid), flags))

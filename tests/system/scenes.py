# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the system tests on running VMs share: VMs under load, and what must hold afterwards."""

import os
import re
import time

import harness

LONG = os.environ.get("VMS_LONG") == "1"
STATE = "/var/lib/vmsnap"
RUNTIME = "/run/vmsnap"


class Scene:
    """A loaded VM with its disks on one scratch storage."""

    def __init__(self, bed, name, storage, kinds=("ext4", "ext4"), size_mb=320, **options):
        self.bed = bed
        self.name = name
        self.kinds = kinds
        self.folder = bed.storage(storage, options.pop("storage_mb", 4096))
        suffixes = options.pop("suffixes", ("qcow2", "raw"))
        full = options.pop("preallocation", None)  # of qcow2 images
        self.disks = []
        for number, kind in enumerate(kinds):
            suffix = suffixes[number % len(suffixes)]
            image = f"preallocation={full}" if full and suffix == "qcow2" else None
            self.disks.append(bed.make_disk(f"{self.folder}/d{number}.{suffix}", fs=kind,
                                            size_mb=size_mb, options=image))
        options.setdefault("load", True)
        self.vm = bed.define_vm(name, self.disks, **options)
        self.loaded = options["load"] is True

    def start(self):
        """Boots; with the record workload returns once it writes."""
        self.vm.start(wait=True)
        if self.loaded:
            self.vm.wait_load(4)
        return self

    def end(self):
        """Pulls the plug and forgets the VM."""
        self.vm.destroy()
        self.vm.undefine()


def images(shot):
    """(path, format) of each image of a snapshot, in the order of its disks."""
    return [(disk["path"], disk["format"]) for disk in shot["disks"]]


def _names(folder):
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def guards():
    """Process ids of the guards that live in this cell."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as handle:
                name = handle.read().strip()
            with open(f"/proc/{pid}/stat", encoding="utf-8") as handle:
                dead = handle.read().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            continue
        if name.startswith("vmsnap-thaw-gua") and not dead:
            found.append(int(pid))
    return found


def left_in_hands():
    """What is still held outside of the disks' folders: leases, sockets, guards."""
    found = [f"lease {name}" for name in _names(f"{STATE}/leases")]
    for folder in _names(RUNTIME):
        if folder.startswith("qemu-"):
            found += [f"socket {name}" for name in _names(f"{RUNTIME}/{folder}")]
    return found + [f"guard {pid}" for pid in guards()]


def left_beside(folder, shots=()):
    """What lies in the .vmsnap folders beside the disks and belongs to none of the snapshots."""
    own = {shot["uuid"] for shot in shots}
    found = []
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            inside = re.search(r"/\.vmsnap(?:/([^/]+))?", path)
            if inside and not (own if inside[1] is None else inside[1] in own):
                found.append(path)
            elif inside and name.endswith((".scratch", ".tmp")):
                found.append(path)
    return found


def check_at_rest(scene, shots=(), state="running"):
    """The VM runs unfrozen and without a job, and nothing but the snapshots is left anywhere."""
    vm = scene.vm
    assert vm.state() == state, vm.state()
    assert left_in_hands() == [], left_in_hands()
    assert left_beside(scene.folder, shots) == [], left_beside(scene.folder, shots)
    if state == "running":
        assert not has_backup_job(vm), vm.virsh("backup-dumpxml", check=False)


def has_backup_job(vm):
    """True while libvirt runs a backup of the VM."""
    return vm.libvirt.virsh("backup-dumpxml", vm.name, check=False).returncode == 0


def wait_hands_empty(timeout=10):
    """Guards end a moment after their order: waits until nothing is held."""
    deadline = time.monotonic() + timeout
    while left_in_hands() and time.monotonic() < deadline:
        time.sleep(0.02)


def events(shot):
    """Moments of the window in milliseconds."""
    return {event["name"]: event["t_ms"] for event in shot["evidence"]["events"]}


def check_frozen_evidence(shot, scene):
    """Everything the evidence of a frozen snapshot says is true of this VM."""
    evidence = shot["evidence"]
    assert (shot["phase"], shot["consistency"], shot["consistent"]) == ("Ready", "frozen", True), shot
    assert evidence["frozen_count"] == len(scene.kinds), evidence
    assert evidence["thawed_count"] >= evidence["frozen_count"], evidence
    assert evidence["guard"] == "process" and not evidence["overdue"], evidence
    assert evidence["freeze_error"] is None and evidence["exceptions"] == [], evidence
    assert evidence["agent_version"] and evidence["state_before"] == "running", evidence
    assert evidence["instance"]["pid"] == scene.vm.qemu_pid(), evidence
    order = ["freeze-sent", "freeze-acknowledged", "cut-start", "cut-end", "thaw-sent",
             "thaw-acknowledged"]
    if shot["disks"][0]["method"] == "reflink":
        order[2:2] = ["suspend-sent", "suspended"]
        order[6:6] = ["resumed"]
    times = [events(shot)[name] for name in order]
    assert times == sorted(times), list(zip(order, times))
    assert abs(evidence["freeze_window_ms"] - (times[-1] - times[0])) < 1.5, evidence
    targets = sorted(scene.vm.disks())
    assert sorted(sum((fs["disks"] for fs in evidence["filesystems"]), [])) == targets, evidence
    states = {state["disk"]: state for state in evidence["filesystem_state"]}
    for target, kind in zip(targets, scene.kinds):  # the log of a frozen XFS says nothing
        clean = None if kind == "xfs" else True
        assert (states[target]["type"], states[target]["clean"]) == (kind, clean), evidence
    for disk in shot["disks"]:
        assert disk["consistency"] == "frozen", disk


def median_and_max(values):
    """Text for a line of figures."""
    values = sorted(values)
    return f"median {values[len(values) // 2]:.0f}, max {values[-1]:.0f}" if values else "none"


def say(label, values, unit="ms"):
    """Prints a line of figures."""
    harness.note(f"{label}: {median_and_max(values)} {unit} of {len(values)}")

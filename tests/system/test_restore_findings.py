#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The findings of restores, staged on real libvirt: a conflict costs no power and changes no byte.

One running VM serves all cells but those that need one that is off.
"""

import contextlib
import functools
import hashlib
import os
import re
import subprocess

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
LAB = bed.network("lab")
SPARE = bed.network("spare", "192.168.78")
MAC = "52:54:00:12:34:56"
ISO = f"{bed.scratch}/install.iso"
TOOLS = f"{bed.scratch}/tools.raw"
USB = ("<hostdev mode='subsystem' type='usb' managed='yes'><source><vendor id='0xdead'/>"
       "<product id='0xbeef'/></source></hostdev>")
DRIVE = {"path": ISO, "format": "raw", "bus": "sata", "target": "sda", "device": "cdrom",
         "readonly": True}
BYTES = {path: os.urandom(70000) for path in (ISO, TOOLS)}
CELLS = []


def put_back(path):
    """Writes read-only media."""
    with open(path, "wb") as handle:
        handle.write(BYTES[path])


def digest(path):
    """sha256 of a file."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def attach(vm, xml, verb="attach-device"):
    """Changes the stored configuration only."""
    path = f"{bed.scratch}/device.xml"
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(xml)
    vm.virsh(verb, path, "--config")


@functools.lru_cache(maxsize=None)
def subject():
    """The VM: running, disks quiet, with a snapshot of each kind that a cell needs."""
    for path in BYTES:
        put_back(path)
    folder = bed.storage("xfs", 2048)
    disks = [bed.make_disk(f"{folder}/d0.qcow2", fs="ext4", size_mb=64),
             bed.make_disk(f"{folder}/d1.raw", fs="ext4", size_mb=64)]
    vm = bed.define_vm("subject", [*disks, DRIVE], networks=[("lab", MAC)])
    vm.folder, vm.paths = folder, disks
    vm.start(wait=True)
    vm.exec(["sh", "-c", "for t in vda vdb; do echo old >/mnt/$t/mark; done; sync"])
    vmsnap("snapshot", "create", "subject", "plain", check=0)
    vmsnap("snapshot", "create", "subject", "half", "--disk", "vda", check=0)
    attach(vm, USB)
    vmsnap("snapshot", "create", "subject", "usb", check=0)
    attach(vm, USB, "detach-device")
    nic = "<interface type='network'><mac address='52:54:00:12:34:57'/><source network='spare'/></interface>"
    attach(vm, nic)
    vmsnap("snapshot", "create", "subject", "net", check=0)
    attach(vm, nic, "detach-device")
    tools = (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{TOOLS}'/>"
             "<target dev='vdc' bus='virtio'/><readonly/></disk>")
    attach(vm, tools)
    vmsnap("snapshot", "create", "subject", "tools", check=0)
    attach(vm, tools, "detach-device")
    vm.exec(["sh", "-c", "for t in vda vdb; do echo new >/mnt/$t/mark; done; sync; "
                         "for t in vda vdb; do mount -o remount,ro /mnt/$t; done"])
    return vm


def world(vm):
    """All that a refusal may not change; the guest of a running VM is asked, too."""
    running = vm.state() == "running"
    stats = [os.stat(path) for path in vm.paths if os.path.exists(path)]
    listed = vmsnap("operation", "list", check=0).json["items"]
    return {"state": vm.state(), "pid": vm.qemu_pid() if running else None,
            "boot": vm.boot_id() if running else None,
            "disks": [(stat.st_ino, stat.st_size) for stat in stats],
            "bytes": [digest(path) for path in vm.paths if os.path.exists(path)],
            "xml": vm.virsh("dumpxml", "--inactive"), "operations": len(listed),
            "files": sorted(os.path.join(at, name) for at, dirs, names in os.walk(vm.folder)
                            for name in dirs + names)}


def plan(snapshot, *options, name="subject"):
    """The dry-run's document and exit code."""
    reply = vmsnap("restore", name, snapshot, "--mode", "dry-run", *options)
    assert reply.code in (0, 3), reply
    return reply.json, reply.code


def cell(vm, snapshot, reason, kind, *options, holder=None, acts=("refuse", "refuse"), also=(),
         severity="conflict", modes=("strict", "best-effort"), about=None):
    """One row of the table: dry-run shows it, the modes refuse, and nothing changes."""
    before = world(vm)
    seen, code = plan(snapshot, *options)
    assert world(vm) == before, "a dry-run changes nothing"
    found = [item for item in seen["resources"] if item["reason"] == reason]
    assert found, (reason, seen["resources"])
    first = found[0]
    assert (first["kind"], first["severity"]) == (kind, severity), first
    assert (first["strict"], first["best_effort"]) == acts, first
    assert first["message"] and first["resolution"], first
    assert holder is None or holder in first["holder"], first
    assert about is None or about in f"{first['name']} {first['message']}", first
    conflicts = {item["reason"] for item in seen["resources"] if item["severity"] == "conflict"}
    assert conflicts == ({reason} if severity == "conflict" else set()) | set(also), conflicts
    assert code == (3 if conflicts else 0), code
    for mode in modes:
        reply = vmsnap("restore", vm.name, snapshot, "--mode", mode, *options)
        assert reply.code == 3 and reply.json["error"]["code"] == "CONFLICT", reply
        assert reply.json["error"]["reason"] in {reason, *also}, reply
        assert world(vm) == before, f"{mode} refused {reason}"
    CELLS.append(f"{reason}/{before['state']}")
    return first


@contextlib.contextmanager
def another_vm(name, disks, **options):
    """A second VM that is only defined."""
    vm = bed.define_vm(name, disks, **options)
    try:
        yield vm
    finally:
        vm.undefine()


@contextlib.contextmanager
def away(path):
    """A file that is gone for a while."""
    os.rename(path, f"{path}.away")
    try:
        yield
    finally:
        os.rename(f"{path}.away", path)


# ---- the VM runs ----

@harness.test
def dry_run_asks_and_does_nothing():
    """QEMU hears nothing but queries, libvirt tells of no event, no file changes."""
    vm = subject()
    log = "/var/log/libvirt/dry.log"
    admin = ["virt-admin", "-c", "libvirtd:///system"]
    if subprocess.run([*admin, "daemon-log-filters", "1:qemu.qemu_monitor 4:*"], check=False,
                      capture_output=True).returncode:
        raise harness.Skip("virt-admin cannot reach the daemon")
    bed_storage.run([*admin, "daemon-log-outputs", f"1:file:{log}"])
    try:
        before = world(vm)
        vm.virsh("domblkstat", "vda")  # something that is logged for certain
        seen, code = plan("plain")
        assert code == 0 and world(vm) == before, seen
    finally:
        bed_storage.run([*admin, "daemon-log-filters", "1:qemu_agent 3:*"])
        bed_storage.run([*admin, "daemon-log-outputs", "3:file:/var/log/libvirt/libvirtd.log"])
    with open(log, encoding="utf-8", errors="replace") as handle:
        said = set(re.findall(r'\\?"execute\\?": ?\\?"([a-z-]+)', handle.read()))
    harness.note(f"QEMU heard: {sorted(said)}")
    assert said and all(word.startswith(("query-", "qom-get", "qom-list")) for word in said), said


@harness.test
def mac_of_another_vm():
    """MACInUse."""
    with another_vm("twin", [], networks=[("lab", MAC)]):
        cell(subject(), "plain", "MACInUse", "MACAddress", holder="VM twin", about=MAC)


@harness.test
def disk_of_another_vm():
    """AttachedElsewhere, of a disk in the snapshot and of one it leaves out."""
    vm = subject()
    with another_vm("thief", [vm.paths[0]]):
        cell(vm, "plain", "AttachedElsewhere", "VirtualDisk", holder="VM thief", about="subject/vda")
    with another_vm("thief", [vm.paths[1]]):
        cell(vm, "half", "AttachedElsewhere", "VirtualDisk", "--allow-partial", holder="VM thief",
             about="subject/vdb")


@harness.test
def backing_file_of_another():
    """BackingOfOther: of a VM, and of a storage pool's volume that no VM has."""
    vm = subject()
    folder = f"{bed.scratch}/pool"
    os.makedirs(folder)
    overlay = f"{folder}/child.qcow2"
    bed_storage.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", vm.paths[0], "-F",
                     "qcow2", overlay, "64M"])
    with another_vm("child", [overlay]):
        cell(vm, "plain", "BackingOfOther", "VirtualDisk", holder="VM child")
    bed.virsh("pool-create-as", "images", "dir", "--target", folder)
    cell(vm, "plain", "BackingOfOther", "VirtualDisk", holder="volume images/child.qcow2")
    bed.virsh("pool-destroy", "images")
    assert plan("plain")[1] == 0, "an inactive pool has no volumes"
    os.unlink(overlay)


@harness.test
def missing_medium():
    """ImageMissing: strict refuses for a VM that runs; best-effort would empty the drive."""
    with away(ISO):
        first = cell(subject(), "plain", "ImageMissing", "VirtualImage", severity="warning",
                     acts=("refuse", "remove"), modes=("strict",), about=ISO)
        assert first["status"] == "Missing", first


@harness.test
def missing_network():
    """NetworkMissing: not active, and not there."""
    vm = subject()
    bed.virsh("net-destroy", "spare")
    try:
        cell(vm, "net", "NetworkMissing", "Network", severity="warning", about="not active")
    finally:
        bed.virsh("net-start", "spare")
    assert "NetworkMissing" not in str(plan("net")[0])


@harness.test
def missing_host_device():
    """HostDeviceMissing."""
    cell(subject(), "usb", "HostDeviceMissing", "HostDevice", severity="warning",
         acts=("refuse", "remove"), modes=("strict",), about="usb dead:beef")


@harness.test
def partial_snapshot():
    """Partial without the flag."""
    cell(subject(), "half", "Partial", "VirtualMachineSnapshot", about="half")


@harness.test
def lost_image():
    """Lost: the snapshot's image is gone, or was changed."""
    vm = subject()
    path = vmsnap("snapshot", "show", "plain", check=0).json["disks"][0]["path"]
    with away(path):
        cell(vm, "plain", "Lost", "VirtualDisk", about="subject/vda")
    times = os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns
    os.utime(path)
    cell(vm, "plain", "Lost", "VirtualDisk", about="subject/vda")
    os.utime(path, ns=times)


@harness.test
def block_job():
    """Busy: somebody copies a disk."""
    vm = subject()
    copy = f"{vm.folder}/copy.raw"
    vm.virsh("blockcopy", "vdb", "--dest", copy, "--format", "raw", "--transient-job")
    try:
        wait_until(lambda: vm.xml().find(".//mirror[@ready='yes']") is not None, 30,
                   "the copy is ready", step=0.2)
        cell(vm, "plain", "Busy", "VirtualMachine", holder="vdb")
    finally:
        vm.virsh("blockjob", "vdb", "--abort")
        os.unlink(copy)


@harness.test
def another_vm_is_no_target():
    """IdentityMismatch: a snapshot is never restored over another VM; neither notices."""
    vm = subject()
    before = world(vm)
    with another_vm("bystander", []) as other:
        for mode in ("dry-run", "strict", "best-effort"):
            reply = vmsnap("restore", "bystander", "plain", "--mode", mode)
            assert reply.code == 3 and "IdentityMismatch" in reply.out, reply
        assert other.state() == "shut off" and world(vm) == before
    CELLS.append("IdentityMismatch/running")


@harness.test
def later_snapshots():
    """WouldOrphan warns and stops nobody."""
    seen, code = plan("plain")
    found = [item for item in seen["resources"] if item["reason"] == "WouldOrphan"]
    assert code == 0 and len(found) == 1 and found[0]["severity"] == "warning", found
    assert (found[0]["strict"], found[0]["best_effort"]) == ("proceed", "proceed"), found
    assert "half" in found[0]["message"] and "tools" in found[0]["message"], found


@harness.test
def transient_vm():
    """Transient: it runs, but has no configuration any more."""
    vm = subject()
    xml = vm.virsh("dumpxml", "--inactive")
    before = vm.boot_id(), vm.qemu_pid(), [digest(path) for path in vm.paths]
    vm.undefine()
    for mode in ("dry-run", "strict", "best-effort"):
        reply = vmsnap("restore", "subject", "plain", "--mode", mode)
        assert reply.code == 3 and "Transient" in reply.out, reply
    assert (vm.boot_id(), vm.qemu_pid(), [digest(path) for path in vm.paths]) == before
    bed.define_xml(xml, "subject")
    CELLS.append("Transient/running")


# ---- each mode does its column ----

@harness.test
def best_effort_empties_the_drive():
    """The VM runs with its old disks and an empty drive; the record says so; undo takes it back."""
    vm = subject()
    boot = vm.boot_id()
    with away(ISO):
        done = vmsnap("restore", "subject", "plain", "--mode", "best-effort", check=0).json
        vm.wait_agent()
        assert vm.state() == "running" and vm.boot_id() != boot
        removed = [item for item in done["resources"] if item["reason"] == "ImageMissing"]
        assert [(item["status"], item["name"]) for item in removed] == [("Removed", ISO)], removed
        drive = [disk for disk in vm.xml(inactive=True).iter("disk") if disk.get("device") == "cdrom"]
        assert len(drive) == 1 and drive[0].find("source") is None, "the drive stays, empty"
        assert vm.read_file("/mnt/vda/mark").strip() == b"old"
    vmsnap("undo", done["uuid"], check=0)
    vm.wait_agent()
    assert vm.read_file("/mnt/vda/mark").strip() == b"new"
    assert ISO in vm.virsh("dumpxml", "--inactive")
    CELLS.append("ImageMissing/best-effort")


@harness.test
def best_effort_removes_the_device():
    """HostDeviceMissing and a read-only disk."""
    vm = subject()
    done = vmsnap("restore", "subject", "usb", "--mode", "best-effort", check=0).json
    vm.wait_agent()
    assert [item["status"] for item in done["resources"]
            if item["reason"] == "HostDeviceMissing"] == ["Removed"], done
    assert vm.xml(inactive=True).find(".//hostdev") is None
    with away(TOOLS):
        vmsnap("restore", "subject", "tools", "--mode", "best-effort", check=0)
        vm.wait_agent()
        assert set(vm.disks(inactive=True)) == {"vda", "vdb", "sda"}, vm.disks(inactive=True)
    CELLS.append("HostDeviceMissing/best-effort")


@harness.test
def managed_save():
    """ManagedSave: old memory must not meet new disks."""
    vm = subject()
    boot = vm.boot_id()
    vm.virsh("managedsave")
    cell(vm, "plain", "ManagedSave", "VirtualMachine")
    vm.start(wait=True)
    assert vm.boot_id() == boot, "the save was not dropped"


@harness.test
def strict_leaves_off_what_waits():
    """Off, or told so: restored exactly, left off, and the operation says what it waits for."""
    vm = subject()
    with away(ISO):
        done = vmsnap("restore", "subject", "usb", "--mode", "strict", "--no-start", check=0).json
        check_waits(vm, done, ISO, "usb dead:beef")
        done = vmsnap("restore", "subject", "plain", "--mode", "strict", check=0).json
        check_waits(vm, done, ISO)
    bed.virsh("net-destroy", "spare")
    for mode in ("strict", "best-effort"):
        done = vmsnap("restore", "subject", "net", "--mode", mode, check=0).json
        check_waits(vm, done, "spare")
    bed.virsh("net-start", "spare")
    CELLS.append("NetworkMissing/left off")


def check_waits(vm, done, *missing):
    """Off, as it was configured; the record's condition names what is missing."""
    assert vm.state() == "shut off", vm.state()
    waits = [item for item in done["conditions"] if item["type"] == "VirtualMachineReady"]
    assert [(item["status"], item["reason"]) for item in waits] == [
        ("False", "WaitingForDependencies")], done["conditions"]
    assert all(word in waits[0]["message"] for word in missing), waits
    assert vm.xml(inactive=True).find(".//disk[@device='cdrom']/source") is not None


@harness.test
def partial_restore_leaves_the_rest():
    """A disk that was left out is not touched, with the flag."""
    vm = subject()
    before = digest(vm.paths[1]), os.stat(vm.paths[1]).st_ino
    done = vmsnap("restore", "subject", "half", "--mode", "strict", "--allow-partial", check=0).json
    assert (digest(vm.paths[1]), os.stat(vm.paths[1]).st_ino) == before
    kept = [item for item in done["resources"] if item["reason"] == "Kept"]
    assert [(item["name"], item["status"]) for item in kept] == [("subject/vdb", "Kept")], kept
    assert vm.state() == "shut off"


# ---- the VM is off ----

@harness.test
def disk_open_in_a_server():
    """OpenElsewhere names the process."""
    vm = subject()
    socket = f"{bed.scratch}/nbd.sock"
    with subprocess.Popen(["qemu-nbd", "-r", "-f", "qcow2", "-k", socket, "-t", vm.paths[0]],
                          stdin=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: os.path.exists(socket), 10, "qemu-nbd serves")
            cell(vm, "plain", "OpenElsewhere", "VirtualDisk", holder=str(server.pid))
        finally:
            server.kill()


@harness.test
def foreign_file():
    """A file that nobody put there; one that a restore put there is ours."""
    vm = subject()
    xml = vm.virsh("dumpxml", "--inactive")
    without = re.sub(r"<disk type='file' device='disk'>(?:(?!</disk>).)*d1\.raw.*?</disk>", "", xml,
                     flags=re.S)
    assert "d1.raw" not in without
    vmsnap("restore", "subject", "plain", "--mode", "strict", check=0)
    bed.define_xml(without, "subject")
    assert "ForeignFile" not in str(plan("plain")[0]), "the restore put it there"
    os.rename(vm.paths[1], f"{vm.paths[1]}.own")
    with open(vm.paths[1], "wb") as handle:
        handle.write(os.urandom(1 << 20))
    cell(vm, "plain", "ForeignFile", "VirtualDisk", about=vm.paths[1])
    os.rename(f"{vm.paths[1]}.own", vm.paths[1])
    bed.define_xml(xml, "subject")


@harness.test
def other_vm_of_the_name():
    """IdentityMismatch: another UUID, a renamed VM; NotFound: none at all."""
    vm = subject()
    xml, uuid = vm.virsh("dumpxml", "--inactive"), vm.uuid()
    vm.undefine()
    bed.define_xml(xml.replace(uuid, "9d5b9fd2-40ac-4ad9-9af9-7c40eb5f8b1e"), "subject")
    cell(vm, "plain", "IdentityMismatch", "VirtualMachine",
         also=("AttachedElsewhere", "MACInUse"))
    vm.undefine()
    for mode in ("dry-run", "strict", "best-effort"):
        reply = vmsnap("restore", "subject", "plain", "--mode", mode)
        assert reply.code == 3 and "NotFound" in reply.out, reply
    bed.define_xml(xml, "subject")
    vm.virsh("domrename", "other")
    for mode in ("dry-run", "strict", "best-effort"):
        reply = vmsnap("restore", uuid, "plain", "--mode", mode)
        assert reply.code == 3 and "IdentityMismatch" in reply.out, reply
    bed.vm("other").virsh("domrename", "subject")
    CELLS.extend(["NotFound/shut off", "IdentityMismatch/renamed"])


@harness.test
def firmware_that_is_gone():
    """ClassMissing: restored exactly, left off; without its emulator libvirt defines no VM, so
    nothing is begun."""
    code, emulator = f"{bed.scratch}/code.fd", "/usr/local/bin/qemu-other"
    with open(code, "wb") as handle:
        handle.write(b"\xff" * 65536)
    os.symlink("/usr/bin/qemu-system-x86_64", emulator)
    disk = bed.make_disk(f"{subject().folder}/class.raw", fs="ext4", size_mb=16)
    for name, os_xml, lost in (("firmware", f"<loader readonly='yes' type='rom'>{code}</loader>",
                                code), ("emulator", "", emulator)):
        vm = bed.define_vm(name, [disk], os_xml=os_xml, agent=False,
                           devices=f"<emulator>{emulator}</emulator>" if name == "emulator" else "")
        vmsnap("snapshot", "create", name, f"{name}.old", check=0)
        before = digest(disk)
        with away(lost):
            seen, exit_code = plan(f"{name}.old", name=name)
            found = [item for item in seen["resources"] if item["reason"] == "ClassMissing"]
            barred = name == "emulator"
            act = "refuse" if barred else "leave-off"
            assert exit_code == (3 if barred else 0) and len(found) == 1, seen
            assert (found[0]["kind"], found[0]["name"]) == ("VirtualMachineClass", lost), found
            assert (found[0]["strict"], found[0]["best_effort"]) == (act, act), found
            reply = vmsnap("restore", name, f"{name}.old", "--mode", "strict")
            assert reply.code == exit_code, reply
            assert ("ClassMissing" if barred else "WaitingForDependencies") in reply.out, reply
        assert vm.state() == "shut off" and digest(disk) == before
        vm.undefine()
        CELLS.append(f"ClassMissing/{name}")


@harness.test
def snapshot_that_failed():
    """NotReady: what verify found to be Lost is never restored."""
    vm = subject()
    path = vmsnap("snapshot", "show", "net", check=0).json["disks"][0]["path"]
    with away(path):
        assert vmsnap("snapshot", "verify", "net").code == 1
    cell(vm, "net", "NotReady", "VirtualMachineSnapshot", about="net")


@harness.test
def no_space():
    """OutOfSpace, with both figures."""
    folder = bed.storage("ext4", 112)
    disk = bed.make_disk(f"{folder}/tight.raw", fs="ext4", size_mb=64)
    with open(disk, "r+b") as handle:
        handle.seek(20 << 20)
        handle.write(os.urandom(40 << 20))
    vm = bed.define_vm("tight", [disk], agent=False)
    vm.folder, vm.paths = folder, [disk]
    vmsnap("snapshot", "create", "tight", "tight.old", "--store", bed.storage("ext4", 512), check=0)
    with open(f"{folder}/filler", "wb") as filler:
        filler.write(os.urandom(20 << 20))
    os.sync()
    before = world(vm)
    for mode in ("dry-run", "strict", "best-effort"):
        reply = vmsnap("restore", "tight", "tight.old", "--mode", mode)
        assert reply.code == 3 and "OutOfSpace" in reply.out, reply
        assert world(vm) == before
    CELLS.append("OutOfSpace/shut off")


@harness.test
def count():
    """Says how many were staged."""
    harness.figure(f"findings staged: {len(CELLS)} cells of {len({x.split('/')[0] for x in CELLS})} rows")


harness.main()

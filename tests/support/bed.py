# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test bed: real VMs with a real agent on a private libvirt, on any machine with root.

    import bed as testbed
    bed = testbed.enter()                     # from here on: own mounts, network, processes
    folder = bed.storage("xfs", 2048)
    disk = bed.make_disk(f"{folder}/a.qcow2")
    vm = bed.define_vm("web", [disk], load=True).start(wait=True)
    print(vm.exec(["uname", "-r"]))

Nothing has to be cleaned up: when the script ends, for whatever reason, the cell goes with it.
A machine that lacks a part makes the script exit 77 with a TAP skip line.
"""

import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [folder for folder in (HERE, f"{HERE}/guest") if folder not in sys.path]

# pylint: disable=wrong-import-position
import bed_cell  # noqa: E402
import bed_storage  # noqa: E402
import build as guest  # noqa: E402
from bed_libvirt import STATE, BedError, Libvirt, VirshError  # noqa: E402,F401
from bed_net import Network  # noqa: E402
from bed_vm import Vm, domain_xml  # noqa: E402

PROGRAMS = ["unshare", "ip", "mount", "virsh", "libvirtd", "virtlogd", "qemu-system-x86_64",
            "qemu-img", "dnsmasq", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "e2fsck", "xfs_repair",
            "btrfs"]
SCRATCH = f"{STATE}/images"


def _skip(reason):
    print(f"1..0 # SKIP {reason}", flush=True)
    sys.exit(77)


def _save_logs(name):
    """Returns what process 1 does at the end: keep the daemons' logs of a failed run."""
    target = os.environ.get("VMSNAP_TEST_LOGS")

    def at_end(good):
        if target and not good:
            shutil.copytree("/var/log/libvirt", f"{target}/{name}.{os.getpid()}",
                            dirs_exist_ok=True)
    return at_end


class Bed:
    """What a test does with the bed; made by enter()."""

    def __init__(self, qemu_user=None):
        self.libvirt = Libvirt(qemu_user)
        self.virsh = self.libvirt.virsh
        self.scratch = SCRATCH  # a tmpfs: small files only
        self._storages = 0

    def storage(self, fs="xfs", size_mb=1024):
        """Mounts a fresh file system (xfs and btrfs reflink, ext4 does not); returns its folder."""
        self._storages += 1
        return bed_storage.mount_scratch(f"{SCRATCH}/{fs}{self._storages}", fs, size_mb)

    @staticmethod
    def make_disk(path, image_format=None, fs="ext4", size_mb=256, partition=False, options=None):
        """Makes a disk image with a file system in it; the format follows the suffix."""
        image_format = image_format or ("qcow2" if path.endswith(".qcow2") else "raw")
        return bed_storage.make_disk(path, image_format, fs, size_mb, partition, options)

    def define_vm(self, name, disks, **options):
        """Defines a VM; options are those of bed_vm.domain_xml."""
        return self.define_xml(domain_xml(name, disks, **options), name)

    domain_xml = staticmethod(domain_xml)

    def define_xml(self, xml, name):
        """Defines a VM from ready XML."""
        path = f"/run/libvirt/{name}.xml"
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(xml)
        self.virsh("define", path)
        return Vm(self.libvirt, name)

    @staticmethod
    def install(build, prefix="/usr/local"):
        """Installs a meson build under its prefix, seen inside this cell only."""
        work = "/run/libvirt/install"
        for folder in ("upper", "work"):
            os.makedirs(f"{work}/{folder}")
        layers = f"lowerdir={prefix},upperdir={work}/upper,workdir={work}/work"
        bed_storage.run(["mount", "-t", "overlay", "-o", layers, "overlay", prefix])
        bed_storage.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"])
        libraries = [folder for folder, _, names in os.walk(prefix)
                     if any(name.startswith("libvmsnap.so") for name in names)]
        os.environ["LD_LIBRARY_PATH"] = ":".join(libraries)  # ld.so.cache is the machine's

    def vm(self, name):
        """A VM that somebody else has defined, a clone for example."""
        return Vm(self.libvirt, name)

    def network(self, name="lab", prefix="192.168.77", **options):
        """Defines and starts a DHCP network; options are those of bed_net.Network."""
        return Network(self.libvirt, name, prefix, **options)


def prepare():
    """Exits 77 where no bed is possible; returns (kernel, initramfs), built when needed."""
    if os.geteuid() != 0:
        _skip("needs root")
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        _skip("not installed: " + " ".join(missing))
    try:
        return guest.build()
    except guest.BuildError as error:
        return _skip(str(error))


def enter(qemu_user=None, extra_private=()):
    """Puts the script into a cell with a running private libvirt and returns the Bed.

    Call it first thing, before any thread is started. `qemu_user="root"` runs QEMU as root;
    `extra_private` names more folders to hide behind an empty one.
    """
    kernel, initrd = prepare()  # before the cell: it may need the network
    bed_cell.enter(extra_private, _save_logs(os.path.basename(sys.argv[0])))
    bed = Bed(qemu_user)
    bed.libvirt.configure()
    bed.libvirt.install_guest(kernel, initrd)
    bed.libvirt.start()
    bed.libvirt.save_capabilities()
    return bed

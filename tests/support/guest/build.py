#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the test guest: the distribution's cloud kernel and a small initramfs with a real agent.

Nothing is installed and nothing outside the cache folder is written. The result is kept under a
name made of everything that went into it, so a second call only looks it up.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
KERNEL_META = "linux-image-cloud-amd64"
SOURCES = ["work.c", "records.c", "gap.c", "boot.c"]
SCRIPTS = {
    "init": "init",
    "mount-disks": "bin/mount-disks",
    "guest-command": "bin/guest-command",
    "shutdown": "sbin/shutdown",
    "udhcpc.script": "etc/udhcpc.script",
    "fsfreeze-hook": "etc/fsfreeze-hook",
}
# Lists of modules in the order they are loaded; `base` at every boot, the others on demand.
MODULES = {
    "base": "virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk "
            "virtio_console failover net_failover virtio_net button evdev",
    "xfs": "libcrc32c xfs",
    "btrfs": "libcrc32c zstd_compress raid6_pq xor blake2b_generic btrfs",
    "vfat": "fat vfat nls_cp437 nls_ascii nls_utf8",
    "scsi": "scsi_common scsi_mod sd_mod virtio_scsi",
    "loop": "loop",
    "panic": "pvpanic pvpanic_mmio",
}


class BuildError(Exception):
    """The guest cannot be built here; the text says why."""


def cache_dir():
    """The folder for what is fetched and built, made when missing."""
    path = os.environ.get("VMSNAP_TEST_CACHE", "/var/cache/vmsnap-tests")
    os.makedirs(path, mode=0o755, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path):
    """Holds an exclusive lock on the file while the body runs."""
    with open(path, "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(argv, **options):
    """Runs a command and returns its output; a failure is a BuildError with what it said."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True, **options)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(argv)}: {done.stdout.strip()[-600:]}")
    return done.stdout


def kernel_package():
    """Name of the package behind the cloud kernel, as apt knows it today."""
    for attempt in range(2):
        shown = subprocess.run(["apt-cache", "depends", KERNEL_META], check=False, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        found = re.search(r"Depends: (linux-image-\S+)", shown)
        if found:
            return found.group(1)
        if attempt == 0:
            run(["apt-get", "update", "-qq"])
    raise BuildError(f"apt knows no package {KERNEL_META}")


def kernel_folder(cache):
    """An unpacked kernel package in the cache; fetched when there is none."""
    present = sorted(glob.glob(f"{cache}/kernel-*/boot/vmlinuz-*"), key=os.path.getmtime)
    if present:
        return os.path.dirname(os.path.dirname(present[-1]))
    package = kernel_package()
    with tempfile.TemporaryDirectory(dir=cache) as work:
        run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], cwd=work)
        deb = glob.glob(f"{work}/*.deb")[0]
        run(["dpkg", "-x", deb, f"{work}/root"])
        os.rename(f"{work}/root", f"{cache}/kernel-{package}")
    return f"{cache}/kernel-{package}"


def module_files(kernel):
    """Maps a module's name to its file in the unpacked kernel."""
    files = {}
    for folder, _, names in os.walk(f"{kernel}/lib/modules"):
        for name in names:
            if name.endswith(".ko"):
                files[name[:-3].replace("-", "_")] = os.path.join(folder, name)
    return files


def libraries(program):
    """The shared libraries a program loads, loader included."""
    return sorted(set(re.findall(r"(/\S+) \(0x", run(["ldd", program]))))


def write_cpio(tree, target):
    """Writes the folder as a newc archive; owner root, times zero, so it is the same each time.

    Not compressed: unpacking under emulation costs more than loading four times the size.
    """
    out = bytearray()

    def put(name, mode, data, number):
        encoded = name.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        out.extend(b"070701" + "".join(f"{field:08x}" for field in fields).encode() + encoded)
        out.extend(b"\0" * (-len(out) % 4))
        out.extend(data)
        out.extend(b"\0" * (-len(out) % 4))

    paths = sorted(os.path.relpath(os.path.join(folder, name), tree)
                   for folder, folders, names in os.walk(tree) for name in folders + names)
    for number, path in enumerate(paths, 1):
        status = os.lstat(os.path.join(tree, path))
        if stat.S_ISLNK(status.st_mode):
            data = os.readlink(os.path.join(tree, path)).encode()
        elif stat.S_ISREG(status.st_mode):
            with open(os.path.join(tree, path), "rb") as handle:
                data = handle.read()
        else:
            data = b""
        put(path, status.st_mode, data, number)
    put("TRAILER!!!", 0, b"", 0)
    with open(target, "wb") as handle:
        handle.write(out)


def fill_tree(tree, kernel):
    """Lays out the initramfs in the folder."""
    for folder in ("bin", "sbin", "etc/acpi/PWRF", "lib/modules", "proc", "sys", "dev", "run"):
        os.makedirs(os.path.join(tree, folder))
    for name, path in SCRIPTS.items():
        shutil.copy(os.path.join(HERE, name), os.path.join(tree, path))
        os.chmod(os.path.join(tree, path), 0o755)
    run(["gcc", "-O2", "-std=c11", "-Wall", "-Wextra", "-static", "-s",
         "-o", f"{tree}/bin/guest-work"] + [os.path.join(HERE, name) for name in SOURCES])
    shutil.copy("/bin/busybox", f"{tree}/bin/busybox")
    for applet in run([f"{tree}/bin/busybox", "--list"]).split():
        if not os.path.lexists(f"{tree}/bin/{applet}") and applet != "busybox":
            os.symlink("busybox", f"{tree}/bin/{applet}")
    for program in ["/usr/sbin/qemu-ga"] + libraries("/usr/sbin/qemu-ga"):
        target = f"{tree}/sbin/qemu-ga" if program.endswith("qemu-ga") else tree + program
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(program, target)
    with open(f"{tree}/etc/acpi/PWRF/00000080", "w", encoding="ascii") as handle:
        handle.write("#!/bin/sh\nexec /sbin/shutdown -h\n")
    os.chmod(f"{tree}/etc/acpi/PWRF/00000080", 0o755)
    files = module_files(kernel)
    for name, modules in MODULES.items():
        with open(f"{tree}/lib/modules/list.{name}", "w", encoding="ascii") as handle:
            for module in modules.split():
                handle.write(f"/lib/modules/{module}.ko\n")
                if not os.path.exists(f"{tree}/lib/modules/{module}.ko"):
                    shutil.copy(files[module], f"{tree}/lib/modules/{module}.ko")


def fingerprint(kernel):
    """A digest of everything the guest is made of."""
    digest = hashlib.sha256(os.path.basename(kernel).encode())
    for name in sorted(os.listdir(HERE)):
        path = os.path.join(HERE, name)
        if os.path.isfile(path):
            with open(path, "rb") as handle:
                digest.update(name.encode() + b"\0" + handle.read())
    for program in ["/bin/busybox", "/usr/sbin/qemu-ga"]:
        status = os.stat(program)
        digest.update(f"{program} {status.st_size} {int(status.st_mtime)}".encode())
    return digest.hexdigest()[:16]


def drop_old(cache, keep):
    """Removes guests nobody has started for a day."""
    for path in glob.glob(f"{cache}/guest-*"):
        if path != keep and time.time() - os.path.getmtime(path) > 86400:
            shutil.rmtree(path)


def missing_programs():
    """Programs the build needs and this machine lacks."""
    return [name for name in ("/bin/busybox", "/usr/sbin/qemu-ga", "gcc", "dpkg", "apt-get")
            if shutil.which(name) is None]


def build():
    """Returns (kernel image, initramfs), both in the cache folder."""
    if missing_programs():
        raise BuildError("not installed: " + ", ".join(missing_programs()))
    cache = cache_dir()
    with locked(f"{cache}/lock"):
        kernel = kernel_folder(cache)
        guest = f"{cache}/guest-{fingerprint(kernel)}"
        if not os.path.isdir(guest):
            with tempfile.TemporaryDirectory(dir=cache) as work:
                os.makedirs(f"{work}/tree")
                os.makedirs(f"{work}/guest")
                os.chmod(f"{work}/guest", 0o755)
                fill_tree(f"{work}/tree", kernel)
                write_cpio(f"{work}/tree", f"{work}/guest/initrd")
                shutil.copy(glob.glob(f"{kernel}/boot/vmlinuz-*")[0], f"{work}/guest/vmlinuz")
                os.rename(f"{work}/guest", guest)
                drop_old(cache, guest)
    return f"{guest}/vmlinuz", f"{guest}/initrd"


if __name__ == "__main__":
    try:
        print("\n".join(build()))
    except BuildError as error:
        sys.exit(f"guest: {error}")

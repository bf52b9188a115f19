# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cell: mount, network and process namespaces of their own around the running script.

enter() forks twice. The caller continues as an ordinary process inside; its parent there is
process 1, which reaps every orphan (libvirt asks the kernel whether a QEMU is gone) and clears up
when the script ends, however it ends. Outside, the original process waits and passes signals on.
Private folders are tmpfs and loop devices detach with their mount, so that even a SIGKILL of
everything leaves nothing behind.
"""

import ctypes
import os
import signal
import stat
import subprocess
import sys
import time

PRIVATE = {  # folder: mode of the empty one put over it
    "/run/libvirt": "0755", "/etc/libvirt": "0755", "/var/lib/libvirt": "0755",
    "/var/cache/libvirt": "0755", "/var/log/libvirt": "0755",
    "/run/vmsnap": "0711", "/var/lib/vmsnap": "0700",
}
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 0x40000, 2
SYS_PIVOT_ROOT = 155  # x86-64; the C library has no function for it
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
LOOP_DEVICES = 256  # the kernel hands out the lowest free number of the whole machine
FORWARDED = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name, *args):
    if getattr(LIBC, name)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def _exit_like(status):
    """Ends this process the way the waited-for one ended."""
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status)
             else 128 + os.WTERMSIG(status))


def _guard_outside(child):
    """Waits for process 1 of the cell; signals sent to us go to it."""
    for number in FORWARDED:
        signal.signal(number, lambda received, _: os.kill(child, received))
    while True:
        try:
            _exit_like(os.waitpid(child, 0)[1])
        except InterruptedError:
            continue


def _leave_chroot():
    """Makes the root of a chroot that of the namespace.

    Who enters a mount namespace begins at its root: so does libvirt, which labels files from inside
    that of a QEMU, and there it would be outside the chroot.
    """
    root = os.open("/", os.O_PATH)
    folder = os.open(".", os.O_PATH)
    with open("/proc/self/ns/mnt", encoding="utf-8") as own:
        _call("setns", own.fileno(), CLONE_NEWNS)
    if not os.path.samestat(os.stat("/"), os.fstat(root)):
        _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
        os.fchdir(root)
        _call("syscall", SYS_PIVOT_ROOT, b".", b".")
        _call("umount2", b".", MNT_DETACH)
    os.fchdir(folder)
    os.close(folder)
    os.close(root)


def _set_up(private):
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "proc", "proc", "/proc")
    _leave_chroot()
    for folder, mode in private.items():
        if not os.path.isdir(folder):
            os.makedirs(folder, int(mode, 8))  # an empty folder stays on the machine: no mount without one
        _run("mount", "-t", "tmpfs", "-o", f"mode={mode}", "vmsnap-bed", folder)
    _run("ip", "link", "set", "lo", "up")
    _private_dev("/run/libvirt/dev")


def _private_dev(folder):
    """Replaces /dev by one with the machine's character devices and loop devices only.

    No test can reach the machine's disks by mistake. KVM is left out, all VMs here are emulated:
    with a KVM device that the emulator cannot use libvirt holds its probe of the emulator for out
    of date and repeats it, three seconds each, at every call.
    """
    os.mkdir(folder)
    _run("mount", "-t", "tmpfs", "-o", "mode=0755", "vmsnap-dev", folder)
    for entry in os.scandir("/dev"):
        status = entry.stat(follow_symlinks=False)
        target = f"{folder}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif stat.S_ISCHR(status.st_mode) and entry.name != "kvm":
            _node(target, status.st_mode, status.st_rdev)
        elif os.path.ismount(entry.path):
            os.mkdir(target)
            _run("mount", "--bind", entry.path, target)
            while os.path.ismount(entry.path):  # libvirt trips over mounts hidden below ours
                _run("umount", "-l", entry.path)
    for number in range(LOOP_DEVICES):
        _node(f"{folder}/loop{number}", stat.S_IFBLK | 0o660, os.makedev(7, number))
    if os.path.exists("/dev/net/tun"):
        os.mkdir(f"{folder}/net")
        _node(f"{folder}/net/tun", stat.S_IFCHR | 0o666, os.makedev(10, 200))
    _run("mount", "--move", folder, "/dev")


def _node(path, mode, device):
    os.mknod(path, mode, device)
    os.chmod(path, stat.S_IMODE(mode))


def _kill_rest():
    """Ends every other process of the cell and reaps it."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return


def _backing(device):
    """File behind a loop device, None when it is free."""
    try:
        with open(f"/sys/block/{os.path.basename(device)}/loop/backing_file",
                  encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()
    except OSError:
        return None


def _unmount(private):
    """Unmounts all storage below the private folders; returns when the loop devices are free."""
    with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as handle:
        mounts = [line.split()[:2] for line in handle]
    inside = [(device, point) for device, point in mounts
              if any(point.startswith(folder + "/") for folder in private)]
    backing = {device: _backing(device) for device, _ in inside if device.startswith("/dev/loop")}
    for _, point in reversed(inside):
        subprocess.run(["umount", point], check=False, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    for device, file in backing.items():
        while file and _backing(device) == file and time.monotonic() < deadline:
            time.sleep(0.005)


def _reap(main, private, at_end):
    """Process 1: waits for the script, then clears the cell."""
    def stop(received, _):
        os.kill(main, received)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(main, signal.SIGKILL))
        signal.alarm(5)
    for number in FORWARDED:
        signal.signal(number, stop)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == main:
            break
    signal.alarm(0)
    at_end(status == 0)
    _kill_rest()
    _unmount(private)
    _exit_like(status)


def enter(extra_private=(), at_end=lambda good: None):
    """Returns inside a new cell. `at_end(good)` runs in process 1 after the script's end."""
    private = {**PRIVATE, **dict.fromkeys(extra_private, "0755")}
    sys.stdout.flush()
    sys.stderr.flush()
    _call("unshare", CLONE_NEWPID)
    child = os.fork()
    if child != 0:
        _guard_outside(child)
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _call("unshare", CLONE_NEWNS | CLONE_NEWNET)
    _set_up(private)
    main = os.fork()
    if main != 0:
        try:
            _reap(main, private, at_end)
        finally:
            os._exit(70)
    os.environ["VMSNAP_BED"] = "1"

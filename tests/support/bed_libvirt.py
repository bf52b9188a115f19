# SPDX-License-Identifier: LGPL-2.1-or-later
"""The private libvirt of a cell: daemons, configuration, virsh."""

import os
import pwd
import shutil
import signal
import subprocess
import time

import build as guest

URI = "qemu:///system"
STATE = "/var/lib/libvirt"
BOOT = f"{STATE}/boot"
SOCKET = "/run/libvirt/libvirt-sock"
CAPABILITIES = "/var/cache/libvirt/qemu/capabilities"


class BedError(Exception):
    """The bed, not the thing under test, went wrong."""


class VirshError(BedError):
    """A virsh command failed; `text` is what it said."""

    def __init__(self, argv, text):
        super().__init__(f"virsh {' '.join(argv)}: {text}")
        self.text = text


def wait_until(condition, timeout, what, step=0.01):
    """Polls until the condition is true and returns its value, else raises BedError."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise BedError(f"not within {timeout} s: {what}")
        time.sleep(step)


def write(path, text, mode=0o644):
    """Writes a small text file."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)
    os.chmod(path, mode)


def _contents(folder):
    """Maps each file of the folder to what it holds; empty when there is no folder."""
    found = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        with open(f"{folder}/{name}", "rb") as handle:
            found[name] = handle.read()
    return found


class Libvirt:
    """libvirtd and virtlogd of this cell."""

    def __init__(self, qemu_user=None):
        self.qemu_user = qemu_user  # None: the distribution's, libvirt-qemu
        self.daemon = None
        self.logger = None

    def configure(self):
        """Fills the empty private folders."""
        for name in ("qemu", "images", "network", "boot", "dnsmasq", "swtpm"):
            os.makedirs(f"{STATE}/{name}", mode=0o755, exist_ok=True)
        user = pwd.getpwnam(self.qemu_user or "libvirt-qemu")
        os.chown(f"{STATE}/qemu", user.pw_uid, user.pw_gid)
        os.chmod(f"{STATE}/qemu", 0o750)
        write("/etc/libvirt/libvirtd.conf", 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n'
              'log_filters = "1:qemu_agent 3:*"\n'
              'log_outputs = "3:file:/var/log/libvirt/libvirtd.log"\n')
        write("/etc/libvirt/virtlogd.conf", "")
        settings = "cgroup_controllers = []\n"  # no groups in the machine's own hierarchy
        if self.qemu_user:
            settings += f'user = "{self.qemu_user}"\ngroup = "{self.qemu_user}"\n'
        write("/etc/libvirt/qemu.conf", settings)
        with guest.locked(f"{guest.cache_dir()}/lock"):
            saved = f"{guest.cache_dir()}/capabilities"
            if os.path.isdir(saved):
                shutil.copytree(saved, CAPABILITIES)

    def install_guest(self, kernel, initrd):
        """Copies kernel and initramfs in: libvirt changes the owner of files it is given."""
        shutil.copy(kernel, f"{BOOT}/vmlinuz")
        shutil.copy(initrd, f"{BOOT}/initrd")

    def _spawn(self, program, *args):
        log = open(f"/var/log/libvirt/{program}.out", "ab")
        with log:
            return subprocess.Popen([f"/usr/sbin/{program}", *args], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, start_new_session=True)

    def start(self):
        """Starts what does not run and returns once libvirt answers."""
        if self.logger is None or self.logger.poll() is not None:
            self.logger = self._spawn("virtlogd", "-p", "/run/libvirt/virtlogd.pid",
                                      "-f", "/etc/libvirt/virtlogd.conf")
        if self.daemon is None or self.daemon.poll() is not None:
            self.daemon = self._spawn("libvirtd", "-p", "/run/libvirt/libvirtd.pid",
                                      "-f", "/etc/libvirt/libvirtd.conf")
        wait_until(self._answers, 30, "libvirtd answers")

    def _answers(self):
        if self.daemon.poll() is not None:
            raise BedError(f"libvirtd ended with {self.daemon.returncode}")
        return os.path.exists(SOCKET) and self.virsh("version", check=False).returncode == 0

    def kill(self, number=signal.SIGKILL):
        """Ends libvirtd only; VMs live on."""
        self.daemon.send_signal(number)
        self.daemon.wait(30)

    def restart(self, number=signal.SIGTERM):
        """Ends libvirtd with the signal and starts it again."""
        self.kill(number)
        self.start()

    def virsh(self, *argv, check=True, timeout=120):
        """Runs a virsh command; returns the finished process (text in stdout)."""
        done = subprocess.run(["virsh", "-q", "-c", URI, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=timeout)
        if check and done.returncode != 0:
            raise VirshError(argv, done.stderr.strip())
        return done

    @staticmethod
    def save_capabilities():
        """Keeps libvirt's probe of the emulator for later beds; libvirt checks it when loaded."""
        saved = f"{guest.cache_dir()}/capabilities"
        if not os.path.isdir(CAPABILITIES) or _contents(CAPABILITIES) == _contents(saved):
            return
        with guest.locked(f"{guest.cache_dir()}/lock"):
            new = f"{saved}.{os.getpid()}"
            shutil.copytree(CAPABILITIES, new)
            shutil.rmtree(saved, ignore_errors=True)
            os.rename(new, saved)

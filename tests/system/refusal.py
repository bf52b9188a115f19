# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every refusal must leave behind: a clear error, and the world as it was."""

import os
import subprocess

import harness

GUARD = "vmsnap-thaw-gua"  # as the kernel shortens it
STATE = "/var/lib/vmsnap"
SOCKETS = "/run/vmsnap"


def expect(reply, exit_code, code, reason=None, about=None):
    """The reply is this refusal; `about` is in its object or message. Returns the error."""
    assert reply.code == exit_code, f"exit {exit_code} wanted: {reply}"
    assert isinstance(reply.json, dict) and "error" in reply.json, reply
    error = reply.json["error"]
    assert error["code"] == code, f"{code} wanted: {reply}"
    assert reason is None or error["reason"] == reason, f"{reason} wanted: {reply}"
    assert error["message"] and not error["message"].endswith("."), reply
    assert about is None or about in f"{error.get('object')} {error['message']}", reply
    return error


def left_beside(folder):
    """What the tool left in a folder of disks."""
    return [os.path.join(parent, name) for parent, folders, files in os.walk(folder)
            for name in folders + files if "/.vmsnap" in os.path.join(parent, name)]


def sockets():
    """Sockets that are left."""
    return [os.path.join(parent, name) for parent, _, files in os.walk(SOCKETS)
            for name in files if "/qemu-" in parent]


def leases():
    """Leases that are left."""
    folder = f"{STATE}/leases"
    return os.listdir(folder) if os.path.isdir(folder) else []


def guards():
    """Guards that live."""
    return subprocess.run(["pgrep", "-x", GUARD], capture_output=True, text=True,
                          check=False).stdout.split()


def check_clean(folders=(), kept=(), vms=()):
    """Nothing partial is left: no file but those of the snapshots `kept`, no lease, no guard, no
    open operation; the VMs run and are thawed; lists work."""
    shots = harness.vmsnap("snapshot", "list", check=0).json["items"]
    ready = [shot for shot in shots if shot["phase"] == "Ready"]
    assert {shot["name"] for shot in ready} >= set(kept), shots
    assert all(shot["phase"] in ("Ready", "Failed") for shot in shots), shots
    uuids = [shot["uuid"] for shot in ready]
    for folder in folders:
        stray = [path for path in left_beside(folder) if not path.endswith("/.vmsnap")
                 and not any(uuid in path for uuid in uuids)]
        assert not stray, stray
        if not ready:
            assert not left_beside(folder), left_beside(folder)
    operations = harness.vmsnap("operation", "list", check=0)
    still = [each for each in operations.json["items"] if each["phase"] in ("Pending", "InProgress")]
    assert not still, still
    assert "open" not in operations.err, operations
    assert not leases() and not guards() and not sockets(), (leases(), guards(), sockets())
    for vm in vms:
        assert vm.state() == "running", vm.state()
        assert not vm.frozen(), f"{vm.name} is frozen"

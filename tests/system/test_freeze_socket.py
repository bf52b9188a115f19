#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real guest whose agent is asked on a UNIX socket of its own: the same promises as over libvirt,
kept by owner, guard and recovery, who must share a socket that serves one client at a time."""

import json
import os
import signal
import socket
import subprocess
import time

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402
from bed_vm import agent_path  # noqa: E402
from refusal import expect, guards, leases  # noqa: E402

vmsnap = harness.vmsnap
PROBE = harness.built("tests/integration/window-probe")
GUARD = harness.built("src/guard/vmsnap-thaw-guard")
FOLDER = bed.storage("xfs", 2048)
DISKS = [bed.make_disk(f"{FOLDER}/{name}.qcow2", size_mb=128) for name in ("a", "b")]
VM = bed.define_vm("web", DISKS, own_agent=True, command=True, beat=True, load="gap")
VM.start(wait=True)
PATH = agent_path("web")
OPTION = f"--agent-socket=web={PATH}"
SHELL = VM.command()


class Client:
    """Somebody else on the socket."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(PATH)

    def ask(self, command, timeout=20):
        """The value of the next reply."""
        self._socket.settimeout(timeout)
        number = int(time.monotonic() * 1000)
        sync = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        self._socket.sendall(b"\xff" + json.dumps(sync).encode() + b"\n")
        stream = self._socket.makefile("rb")
        while b"\xff" not in stream.readline():
            pass
        self._socket.sendall(json.dumps({"execute": command}).encode() + b"\n")
        return json.loads(stream.readline())["return"]

    def close(self):
        """Makes room for another."""
        self._socket.close()


def frozen():
    """What the agent on the socket says; waits until nobody else is there."""
    client = Client()
    try:
        return client.ask("guest-fsfreeze-status") == "frozen"
    finally:
        client.close()


def settles(timeout=15):
    """Nothing is held, and the guest writes."""
    wait_until(lambda: not leases() and not guards(), timeout, "the guard goes")
    assert VM.state() == "running" and not frozen()
    writes(2)


def writes(timeout):
    """The guest writes within this time."""
    beat = VM.beat()
    try:
        before = beat.beats
        wait_until(lambda: beat.beats > before + 1, timeout, "the guest writes", step=0.01)
    finally:
        beat.close()


def start(*options):
    """A window that takes as long as it is told."""
    return subprocess.Popen([PROBE, "qemu:///system", "/var/lib/vmsnap", GUARD, "web",
                             f"socket={PATH}", *options], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True)


def in_cut(*options):
    """The probe, standing in its cut."""
    process = start(*options)
    assert process.stdout.readline().startswith("in_cut="), process.communicate()
    return process


def create(*options, name="s1"):
    """snapshot create over the socket; the snapshot is dropped again."""
    reply = vmsnap(OPTION, "snapshot", "create", "web", name, *options)
    if reply.code in (0, 6):
        vmsnap("snapshot", "delete", name, check=0)
    return reply


@harness.test
def a_snapshot_is_frozen_over_the_socket():
    shot = create().json
    evidence = shot["evidence"]
    assert shot["consistency"] == "frozen" and evidence["frozen_count"] == 2, shot
    assert {fs["disks"][0] for fs in evidence["filesystems"]} == {"vda", "vdb"}, evidence
    harness.note(f"window over the socket: {evidence['freeze_window_ms']} ms")
    settles()
    shot = create("--disk", "vdb").json
    assert shot["consistency"] == "frozen" and len(shot["evidence"]["freeze_list"]) == 1, shot
    settles()


@harness.test
def a_list_of_mount_points_is_frozen_where_that_is_certain():
    """A file system that is mounted twice is frozen once; one that hides another freezes all."""
    SHELL.run("mkdir -p /run/again; mount -o bind /mnt/vdb /run/again")
    try:
        evidence = create("--disk", "vdb").json["evidence"]
        assert len(evidence["freeze_list"]) == evidence["frozen_count"] == 1, evidence
        assert evidence["thawed_count"] == 1, evidence
        settles()
        SHELL.run("mount -o bind /mnt/vda /mnt/vdb")
        shot = create("--disk", "vdb").json
        assert shot["evidence"]["freeze_list"] == [], shot
        assert shot["evidence"]["frozen_count"] == 2 or shot["consistency"] == "crash", shot
    finally:
        SHELL.result("umount /mnt/vdb")
        SHELL.run("umount /run/again")
    settles()


@harness.test
def nothing_is_asked_over_libvirt():
    """libvirt's agent is stopped: the one on the socket suffices."""
    SHELL.run("kill -STOP $(cat /run/qemu-ga.pid)")
    try:
        assert vmsnap(OPTION, "check", "web").json["verdict"] == "frozen"
        assert create().json["consistency"] == "frozen"
        expect(vmsnap("snapshot", "create", "web", "s2"), 1, "AGENT", "AgentNotReady")
    finally:
        SHELL.run("kill -CONT $(cat /run/qemu-ga.pid)")
    settles()


@harness.test
def an_agent_that_is_away_is_not_ready():
    error = expect(vmsnap("--agent-socket", f"web={PATH}.none", "snapshot", "create", "web", "s1"),
                   1, "AGENT", "AgentNotReady", about="No such file")
    assert error["frozen"] == "no", error
    SHELL.run("kill -STOP $(cat /run/own/pid)")
    try:
        reply = create()
        expect(reply, 1, "AGENT", "AgentNotReady")
        assert reply.seconds < 6, reply
    finally:
        SHELL.run("kill -CONT $(cat /run/own/pid)")
    assert create().json["consistency"] == "frozen", "late replies are dropped"
    settles()


@harness.test
def a_late_freeze_is_thawed():
    """The agent is stopped between the rehearsal and the freeze; it freezes when it wakes."""
    SHELL.run("printf '#!/bin/sh\\n[ $1 = thaw ] || sleep 5\\n' >/run/hook; chmod +x /run/hook;"
              "kill $(cat /run/own/pid); sleep 0.5; qemu-ga -m virtio-serial -p "
              "/dev/virtio-ports/vmsnap.agent -t /run/own -f /run/own/pid -F/run/hook -d")
    reply = create("--freeze-call", "1.5")
    expect(reply, 1, "AGENT", "FreezeFailed")
    assert reply.json["error"]["frozen"] == "no", reply
    settles()
    time.sleep(1)
    assert not frozen()
    SHELL.run("printf '#!/bin/sh\\n' >/run/hook")


@harness.test
def who_has_the_socket_is_waited_for():
    """Only as long as a rehearsal may take; nothing is frozen."""
    client = Client()
    reply = create()
    expect(reply, 1, "AGENT", "AgentNotReady")
    assert reply.seconds < 6, reply
    client.close()
    assert create().json["consistency"] == "frozen"
    settles()


@harness.test
def the_guard_takes_over_from_a_killed_owner():
    for options in ([], ["suspend=0"], ["child=1"]):
        process = start("kill=1", *options)
        child, line = None, process.stdout.readline()
        if line.startswith("child="):  # lives on, and must not keep the socket
            child, line = int(line.partition("=")[2]), process.stdout.readline()
        died = int(line.partition("=")[2]) / 1e6
        writes(3)
        harness.note(f"killed {options}: wrote {time.monotonic() - died:.2f} s later")
        settles()
        if child:
            os.kill(child, signal.SIGKILL)
        process.communicate(timeout=10)


@harness.test
def the_guard_takes_over_from_a_stopped_owner():
    """Its connection is open all the time."""
    process = in_cut("suspend=0", "call=1000", "budget=500", "sleep=100")
    process.send_signal(signal.SIGSTOP)
    try:
        assert leases()
        begun = time.monotonic()
        writes(5)
        took = time.monotonic() - begun
        harness.note(f"owner stopped: the guest wrote {took:.1f} s later")
        assert took < 2.5 + 2, took
    finally:
        process.send_signal(signal.SIGCONT)
    out = process.communicate(timeout=30)[0]
    assert "grade=crash" in out and "reason=ThawedEarly" in out, out
    settles()


@harness.test
def recovery_takes_over_from_both():
    process = in_cut("suspend=0", "sleep=60000")
    for pid in guards():
        os.kill(int(pid), signal.SIGKILL)
    process.kill()
    process.wait()
    assert leases() and frozen()
    begun = time.monotonic()
    vmsnap("recover", check=0)
    harness.note(f"recovered in {time.monotonic() - begun:.1f} s")
    settles()


@harness.test
def a_detached_freeze_leaves_the_socket_to_whoever_thaws():
    """Its owner has ended; the thaw, which is told nothing, knows the socket from the lease."""
    vmsnap(OPTION, "freeze", "web", check=0)
    assert frozen()
    thawed = vmsnap("thaw", "web", check=0).json
    assert thawed["proven"] is True, thawed
    settles()
    vmsnap(OPTION, "freeze", "web", "--timeout", "1", check=0)
    settles()


@harness.test
def a_freeze_that_failed_stands_in_nobodys_way():
    """The next one works, and so does the one after."""
    SHELL.run("printf '#!/bin/sh\\n[ $1 = thaw ]\\n' >/run/hook")
    expect(create(), 1, "AGENT", "FreezeFailed", about="hook")
    settles()
    SHELL.run("printf '#!/bin/sh\\n' >/run/hook")
    for _ in range(2):
        assert create().json["consistency"] == "frozen"
    settles()


@harness.test
def the_agent_is_killed_while_the_guest_is_frozen():
    process = in_cut("suspend=0", "sleep=3000", "budget=8000")
    # not from its file: /run is not frozen, the file systems of the disks are
    SHELL.run("kill -KILL $(cat /run/own/pid); sleep 0.3; rm -f /run/own/pid; qemu-ga -m "
              "virtio-serial -p /dev/virtio-ports/vmsnap.agent -t /run/own -f /run/own/pid -d")
    out = process.communicate(timeout=60)[0]
    harness.note(out.replace("\n", " "))
    settles()


@harness.test
def two_agents_do_not_know_of_each_other():
    """Frozen over libvirt by somebody else: ours freezes nothing, and that is no success."""
    VM.freeze()
    try:
        error = expect(create(), 1, "AGENT", "FreezeFailed")
        assert error["frozen"] == "no", error
    finally:
        VM.thaw()
    settles()


harness.main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Freezes for cuts by other means on one real guest: held, ended, proven, and never left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import harness

bed = harness.bed(install=True)

import scenes  # noqa: E402  pylint: disable=wrong-import-position

FOLDER = bed.storage("xfs", 2048)
DISKS = [bed.make_disk(f"{FOLDER}/d0.raw"), bed.make_disk(f"{FOLDER}/d1.qcow2")]
VM = bed.define_vm("web", DISKS, load="gap", beat=True, command=True).start(wait=True)
BEAT = VM.beat()
PYTHON = dict(os.environ, PYTHONPATH=f"{harness.ROOT}/bindings/python",
              LD_LIBRARY_PATH=f"{harness.build_dir()}/src")


def freeze(*options, check=0):
    return harness.vmsnap("freeze", "web", *options, check=check)


def thaw(check=0):
    return harness.vmsnap("thaw", "web", check=check)


def writes_again(moment, timeout=5):
    """Milliseconds from the moment until the guest wrote three times."""
    return BEAT.resumed_after(moment, timeout)


def settled(timeout=5):
    """Nothing is held, and the guest writes."""
    end = time.monotonic() + timeout
    while scenes.left_in_hands():
        assert time.monotonic() < end, scenes.left_in_hands()
        time.sleep(0.02)
    assert not VM.frozen()
    writes_again(time.monotonic())


@contextlib.contextmanager
def python(code):
    """A process that runs it with a context; its last line of output is awaited."""
    head = ("import sys, time, vmsnap\n"
            "vm = vmsnap.Context('qemu:///system').find_vm('web')\n")
    process = subprocess.Popen([sys.executable, "-c", head + code], stdout=subprocess.PIPE,
                               text=True, env=PYTHON)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@harness.test
def writes_wait_until_another_process_thaws_and_it_is_proven():
    held = freeze("--timeout", 60).json
    assert held["state"] == "frozen" and held["detached"] and held["proven"] is None, held
    begun = time.monotonic()
    time.sleep(1)
    assert BEAT.silence_ms() > 900, BEAT.silence_ms()
    ended = time.monotonic()
    over = thaw().json
    took = writes_again(ended)
    assert over["proven"] and over["uuid"] == held["uuid"], over
    assert over["evidence"]["frozen_count"] == over["evidence"]["thawed_count"] == 2, over
    lasted = over["monotonic_us"]
    assert lasted["frozen_from"] < begun * 1e6 and ended * 1e6 < lasted["frozen_until"], lasted
    harness.note(f"frozen for {over['evidence']['freeze_window_ms']} ms, writes again "
                 f"{took:.0f} ms after the thaw command was started")
    settled()
    assert thaw(check=5).json["error"]["reason"] == "NotFrozen"


@harness.test
def the_guard_thaws_at_the_deadline():
    late = []
    for _ in range(3):
        held = freeze("--timeout", 1.5).json
        due = held["monotonic_us"]["frozen_from"] / 1e6 + held["hold_ms"] / 1000
        assert BEAT.silence_ms() > 0
        late.append(BEAT.resumed_after(due, 5, beats=1))
        settled()
    harness.note("first write after the deadline: "
                 + ", ".join(f"{ms:.0f}" for ms in late) + " ms")
    assert max(late) < 1000, late
    assert thaw(check=5).json["error"]["reason"] == "NotFrozen"


@harness.test
def others_are_told_who_holds_it_and_until_when():
    held = freeze("--timeout", 60).json
    guard, = scenes.guards()
    for words in (("freeze", "web"), ("snapshot", "create", "web", "busy")):
        error = harness.vmsnap(*words, check=4).json["error"]
        assert error["code"] == "BUSY", error
        assert f"process {guard}" in error["message"], error
        assert held["uuid"] in error["message"] and "until 20" in error["message"], error
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(guard, number)
    time.sleep(0.1)
    assert thaw().json["proven"]
    settled()


@harness.test
def recover_thaws_when_the_guard_is_killed():
    freeze("--timeout", 60)
    guard, = scenes.guards()
    os.kill(guard, signal.SIGKILL)
    time.sleep(0.5)
    assert BEAT.silence_ms() > 400
    begun = time.monotonic()
    acts = harness.vmsnap("recover", check=0).json["acts"]
    assert [act["act"] for act in acts] == ["thawed"], acts
    harness.note(f"recover to the next writes: {writes_again(begun):.0f} ms")
    settled()


@harness.test
def a_killed_guard_does_not_spoil_the_proof():
    freeze("--timeout", 60)
    guard, = scenes.guards()
    os.kill(guard, signal.SIGKILL)
    assert thaw().json["proven"]
    settled()


@harness.test
def somebody_elses_freeze_is_refused_and_left_alone_but_by_force():
    VM.freeze()
    error = freeze(check=1).json["error"]
    assert error["reason"] == "FreezeFailed", error
    assert thaw(check=5).json["error"]["reason"] == "NotFrozen"
    assert VM.frozen()
    acts = harness.vmsnap("recover", "--force-thaw", "web", check=0).json["acts"]
    assert acts[-1]["act"] == "thawed", acts
    settled()


@harness.test
def a_file_system_that_the_guest_froze_itself_spoils_it():
    shell = VM.command()
    shell.run("fsfreeze --freeze $(ls -d /mnt/* | head -n 1)")
    error = freeze(check=1).json["error"]
    harness.note(f"{error['reason']}: {error['message']}")
    assert error["reason"] in ("FreezeFailed", "PotentiallyInconsistent"), error
    assert error["frozen"] == "no"
    shell.run("fsfreeze --unfreeze $(ls -d /mnt/* | head -n 1) || :")
    settled()


@harness.test
def a_killed_holder_of_an_attached_freeze_is_thawed_for_at_once():
    took = []
    for _ in range(3):
        with python("held = vm.freeze(60)\nprint('held', flush=True)\ntime.sleep(99)\n") as process:
            assert process.stdout.readline() == "held\n"
            time.sleep(0.3)
            assert BEAT.silence_ms() > 200
            begun = time.monotonic()
            process.kill()
            took.append(BEAT.resumed_after(begun, 5, beats=1))
        settled()
    harness.note("SIGKILL of the holder to the guest's next write: "
                 + ", ".join(f"{ms:.0f}" for ms in took) + " ms")
    assert max(took) < 1000, took


@harness.test
def a_with_block_thaws_and_raises_what_is_not_proven():
    code = ("with vm.freeze(20) as held:\n    time.sleep(0.2)\nassert held.proven, held.info\n"
            "try:\n    with vm.freeze(0.3) as late:\n        time.sleep(1)\n"
            "except vmsnap.Inconsistent as error:\n    print(error.reason)\n"
            "held = vm.freeze(20)\nheld.close()\n")
    with python(code) as process:
        assert process.communicate(timeout=30)[0] == "ThawedEarly\n"
        assert process.returncode == 0
    settled()


@harness.test
def an_array_cuts_a_guest_at_rest():
    cut = f"{FOLDER}/cut.raw"
    done = subprocess.run([harness.built("examples/storage-array"), "qemu:///system", "web",
                           f"cp --reflink=always {DISKS[0]} {cut}"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0 and json.loads(done.stdout)["proven"], done
    header = subprocess.run(["dumpe2fs", "-h", cut], capture_output=True, text=True,
                            check=True).stdout
    assert "needs_recovery" not in header, "QEMU's caches apart, the guest's journal is empty"
    settled()


@harness.test
def the_daemon_may_be_restarted_meanwhile():
    freeze("--timeout", 60)
    bed.libvirt.restart()
    VM.wait_agent()
    over = thaw().json
    assert over["proven"], over
    settled()
    held = freeze("--timeout", 4).json
    due = held["monotonic_us"]["frozen_from"] / 1e6 + held["hold_ms"] / 1000
    bed.libvirt.kill(signal.SIGKILL)
    time.sleep(max(0.0, due - time.monotonic()) + 1)
    begun = time.monotonic()
    bed.libvirt.start()
    harness.note(f"daemon back to the next writes: {writes_again(begun, 15):.0f} ms")
    settled(15)


@harness.test
def an_agent_that_was_restarted_is_still_thawed():
    freeze("--timeout", 60)
    VM.command().run("kill -KILL $(cat /run/qemu-ga.pid); sleep 0.3; rm -f /run/qemu-ga.pid; "
                     "qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 "
                     "-t /run -f /run/qemu-ga.pid -d")
    time.sleep(1)
    assert BEAT.silence_ms() > 1000
    reply = thaw(check=None)
    harness.note(f"agent killed and started anew while frozen: {reply.code}: "
                 f"{reply.json.get('reason')}: {reply.json.get('message')}")
    assert reply.code in (0, 6), reply
    settled(30)


@harness.test
def a_vm_that_is_gone_needs_no_thaw():
    freeze("--timeout", 60)
    VM.destroy()
    begun = time.monotonic()
    over = thaw(check=6).json
    assert not over["proven"] and "stopped or restarted" in over["message"], over
    assert time.monotonic() - begun < 5
    assert not scenes.left_in_hands(), scenes.left_in_hands()
    assert freeze(check=1).json["error"]["reason"] == "NotRunning"


harness.main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libvirt adapter on a real libvirtd with a real QEMU and a real agent."""

import grp
import json
import os
import pwd
import signal
import statistics
import subprocess
import time

import harness

bed = harness.bed()


class Failed(Exception):
    """The adapter said no."""

    def __init__(self, text):
        super().__init__(text)
        self.code, self.reason, self.number, self.message = (text.split(" ", 3) + [""] * 4)[:4]


class Probe:
    """One process that uses the adapter."""

    def __init__(self, *options):
        self.process = subprocess.Popen([harness.built("tests/integration/hypervisor-probe"),
                                         *(options or ["qemu:///system"])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        restore_signals=True)
        self.ms = 0.0
        self.answer()

    def answer(self):
        """Reads one answer."""
        line = self.process.stdout.readline()
        assert line, f"the probe ended: {self.process.wait(10)}"
        verdict, ms, text = (line.rstrip("\n").split(" ", 2) + [""])[:3]
        self.ms = float(ms)
        if verdict != "ok":
            raise Failed(text)
        return text

    def send(self, *words):
        """Sends a command without waiting for the answer."""
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def __call__(self, *words):
        self.send(*words)
        return self.answer()

    def fails(self, *words):
        """Sends a command that must fail; returns the failure."""
        try:
            text = self(*words)
        except Failed as failure:
            return failure
        raise AssertionError(f"{words} succeeded: {text}")

    def median(self, count, *words):
        """Runs a command so many times; returns the median of its milliseconds."""
        return statistics.median([(self(*words), self.ms)[1] for _ in range(count)])

    def close(self):
        """Ends the probe; it must end well."""
        self.process.stdin.close()
        assert self.process.wait(10) == 0


FOLDER = bed.storage("ext4", 2048)
DISKS = [bed.make_disk(f"{FOLDER}/{name}") for name in ("a.qcow2", "b.raw")]
VM = bed.define_vm("web", DISKS)
UUID = VM.uuid()
probe = Probe()
OPEN_MS = probe.ms


def agent(command, limit=10000):
    """An agent command through the adapter."""
    return json.loads(probe("agent", UUID, limit, json.dumps({"execute": command})))["return"]


def sockets():
    """A folder where QEMU may make sockets."""
    path = "/run/libvirt/vmsnap"
    os.makedirs(path, mode=0o711, exist_ok=True)
    user = pwd.getpwnam("libvirt-qemu")
    os.chown(path, user.pw_uid, user.pw_gid)
    return path


def make_scratch(name, size="256M"):
    """A pre-created scratch file."""
    path = f"{FOLDER}/{name}.scratch"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
    os.chmod(path, 0o600)
    return path


def begin_backup(name):
    """Begins a pull job on both disks; returns its socket."""
    socket = f"{sockets()}/{name}.sock"
    probe("begin", UUID, socket, f"vda={make_scratch(name + 'a')}",
          f"vdb={make_scratch(name + 'b')}")
    return socket


@harness.test
def the_connection_tells_whom_qemu_runs_as():
    user = pwd.getpwnam("libvirt-qemu")
    facts = probe("facts")
    harness.note(f"open {OPEN_MS:.1f} ms")
    assert facts.startswith("qemu:///system "), facts
    assert "remote=0 session=0 ro=0" in facts, facts
    group = grp.getgrnam("libvirt-qemu")
    assert facts.endswith(f"qemu={user.pw_uid}:{group.gr_gid}"), facts


@harness.test
def a_vm_that_is_off_is_read():
    text = probe("find", "web")
    assert "state=off" in text and "id=-1" in text and "live=0" in text, text
    assert "channel=1 connected=0" in text and "inactive=1" in text, text
    assert f"[vda {DISKS[0]} qcow2 backing:0 busy:0 at:0000:" in text, text
    assert probe("list").split() == ["1", "web"]
    assert probe("state", UUID) == "off -1 0 0"
    capacity, _, _, writes = map(int, probe("block", UUID, "vda").split())
    assert (capacity, writes) == (256 << 20, -1)


@harness.test
def an_agent_call_to_a_vm_that_is_off_is_not_ready():
    failure = probe.fails("agent", UUID, 1000, '{"execute":"guest-ping"}')
    assert (failure.code, failure.reason) == ("AGENT", "AgentNotReady"), failure
    assert "not running" in failure.message


@harness.test
def a_vm_starts_and_its_agent_answers():
    probe("start", UUID)
    failure = probe.fails("agent", UUID, 1000, '{"execute":"guest-ping"}')
    assert (failure.code, failure.reason, failure.number) == ("AGENT", "AgentNotReady", "86")
    VM.wait_agent()
    assert agent("guest-ping") == {}
    ms = probe.median(20, "agent", UUID, 1000, '{"execute":"guest-ping"}')
    harness.note(f"agent ping {ms:.2f} ms")
    text = probe("find", "web")
    assert "state=running" in text and "connected=1" in text and "job=- " in text, text
    assert text.count(f"[vda {DISKS[0]} qcow2") == 2, text


@harness.test
def the_instance_is_qemus_process_and_cheap_to_read():
    with open(f"/proc/{VM.qemu_pid()}/stat", encoding="ascii") as handle:
        ticks = handle.read().rsplit(")", 1)[1].split()[19]
    state, number, pid, start = probe("state", UUID).split()
    assert (state, int(pid), start) == ("running", VM.qemu_pid(), ticks)
    assert int(number) > 0
    ms = probe.median(50, "state", UUID)
    harness.note(f"read_state {ms:.2f} ms, find_vm {probe.median(20, 'find', 'web'):.2f} ms, "
                 f"list_vms {probe.median(20, 'list'):.2f} ms")
    assert ms < 2


@harness.test
def the_pid_is_found_without_libvirts_file():
    path = "/run/libvirt/qemu/web.pid"
    os.rename(path, path + ".away")
    fresh = Probe()
    try:
        assert int(fresh("state", UUID).split()[2]) == int(probe("state", UUID).split()[2])
        harness.note(f"search of all processes {fresh.ms:.2f} ms")
    finally:
        os.rename(path + ".away", path)
        fresh.close()


@harness.test
def suspend_and_resume_work_and_may_be_repeated():
    times = {"suspend": [], "resume": []}
    for _ in range(10):
        for word, state in (("suspend", "paused"), ("resume", "running")):
            probe(word, UUID)
            times[word].append(probe.ms)
            assert probe("state", UUID).split()[0] == state
    probe("resume", UUID)
    probe("suspend", UUID)
    probe("suspend", UUID)
    probe("resume", UUID)
    harness.note(", ".join(f"{word} {statistics.median(each):.2f} ms"
                           for word, each in times.items()))


@harness.test
def agent_errors_keep_the_agents_text():
    failure = probe.fails("agent", UUID, 1000, '{"execute":"guest-nonsense"}')
    assert failure.code == "AGENT" and failure.reason != "AgentNotReady", failure
    assert "guest-nonsense" in failure.message and "found" in failure.message, failure


@harness.test
def the_guest_freezes_and_thaws_through_the_adapter():
    assert agent("guest-fsfreeze-status") == "thawed"
    count = agent("guest-fsfreeze-freeze")
    freeze = probe.ms
    assert count == 2 and agent("guest-fsfreeze-status") == "frozen"
    assert agent("guest-fsfreeze-thaw") == count
    harness.note(f"freeze {freeze:.1f} ms, thaw {probe.ms:.1f} ms")


@harness.test
def writes_are_counted():
    before = int(probe("block", UUID, "vda").split()[3])
    VM.exec(["sh", "-c", "dd if=/dev/zero of=/mnt/vda/x bs=1M count=2 2>/dev/null; sync"])
    assert int(probe("block", UUID, "vda").split()[3]) >= before + (2 << 20)


@harness.test
def a_pull_backup_begins_serves_and_ends():
    before = agent("guest-fsfreeze-freeze")
    socket = begin_backup("one")
    begin = probe.ms
    assert agent("guest-fsfreeze-thaw") == before
    assert probe("job", UUID) == f"1 {socket}"
    job = probe.ms
    text = probe("find", "web")
    assert "job=backup" in text and "busy:1" not in text, text
    for target in ("vda", "vdb"):
        size = subprocess.run(["nbdinfo", "--size", f"nbd+unix:///{target}?socket={socket}"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        assert int(size) == 256 << 20
    probe("end", UUID)
    harness.note(f"begin of 2 disks {begin:.1f} ms, read_job {job:.2f} ms, end {probe.ms:.1f} ms")
    assert probe("job", UUID) == "0 -"
    probe("end", UUID)
    assert os.path.exists(f"{FOLDER}/onea.scratch"), "the scratch file is ours, it stays"
    assert VM.state() == "running"


@harness.test
def a_second_backup_is_busy_at_once():
    begin_backup("two")
    failure = probe.fails("begin", UUID, f"{sockets()}/x.sock", f"vda={make_scratch('x')}", "vdb")
    assert (failure.code, failure.reason) == ("BUSY", "BlockDevicesNotReady"), failure
    assert probe.ms < 500
    probe("end", UUID)


@harness.test
def a_backup_of_one_disk_begins_on_a_paused_vm():
    probe("suspend", UUID)
    socket = f"{sockets()}/three.sock"
    probe("begin", UUID, socket, "vda", f"vdb={make_scratch('three')}")
    begin = probe.ms
    probe("resume", UUID)
    assert probe("job", UUID) == f"1 {socket}"
    probe("end", UUID)
    harness.note(f"begin of 1 disk while paused {begin:.1f} ms")


@harness.test
def a_backup_into_a_missing_scratch_file_fails_and_leaves_no_job():
    failure = probe.fails("begin", UUID, f"{sockets()}/four.sock", f"vda={FOLDER}/nothing", "vdb")
    assert failure.code == "HYPERVISOR", failure
    assert probe("job", UUID) == "0 -"


@harness.test
def a_block_job_makes_its_disk_busy():
    VM.virsh("blockcopy", "vdb", f"{FOLDER}/copy.raw", "--format", "raw", "--transient-job")
    text = probe("find", "web")
    VM.virsh("blockjob", "vdb", "--abort")
    live = text.split("live=")[-1]
    assert "[vdb " in live and "busy:1" in live.split("[vdb ")[1], text
    assert "busy:1" not in live.split("[vdb ")[0], text


@harness.test
def a_silent_agent_costs_its_limit_and_five_seconds_at_most():
    VM.stop_agent()
    time.sleep(0.5)
    failure = probe.fails("agent", UUID, 2000, '{"execute":"guest-ping"}')
    assert (failure.code, failure.reason) == ("AGENT", "AgentNotReady"), failure
    harness.note(f"limit 2 s, stopped agent: {probe.ms:.0f} ms: {failure.message}")
    assert probe.ms < 7500
    probe("suspend", UUID)
    probe("resume", UUID)


@harness.test
def what_it_holds_survives_libvirtds_death():
    pid = probe("state", UUID).split()[2]
    bed.libvirt.kill(signal.SIGKILL)
    failure = probe.fails("state", UUID)
    assert failure.code == "HYPERVISOR", failure
    harness.note(f"daemon dead: {failure.number} {failure.message}")
    failure = probe.fails("suspend", UUID)
    assert failure.code == "HYPERVISOR", failure
    harness.note(f"and again: {failure.number} {failure.message}")
    bed.libvirt.start()
    assert probe("state", UUID).split()[2] == pid
    harness.note(f"first call after the restart {probe.ms:.1f} ms")


@harness.test
def a_restart_between_two_operations_is_not_noticed():
    assert probe("state", UUID)
    bed.libvirt.restart(signal.SIGKILL)
    time.sleep(1.1)
    probe("suspend", UUID)
    probe("resume", UUID)


@harness.test
def a_daemon_killed_during_calls_never_ends_the_process():
    for round_ in range(6):
        stop = time.monotonic() + 0.4 + 0.05 * round_
        killed = False
        while not killed or time.monotonic() < stop + 0.3:
            probe.send("state", UUID)
            if not killed and time.monotonic() > stop:
                bed.libvirt.kill(signal.SIGKILL)
                killed = True
            try:
                probe.answer()
            except Failed as failure:
                assert failure.code == "HYPERVISOR", failure
                time.sleep(0.05)  # each attempt to connect prints a line
        bed.libvirt.start()
        assert probe("state", UUID).startswith("running")


@harness.test
def read_only_lists_and_does_not_act():
    reader = Probe("qemu:///system", "ro")
    assert reader("list").split() == ["1", "web"]
    assert "state=running" in reader("find", UUID)
    for words in (["suspend", UUID], ["destroy", UUID],
                  ["agent", UUID, 1000, '{"execute":"guest-ping"}']):
        failure = reader.fails(*words)
        assert (failure.code, failure.number) == ("PERMISSION", "29"), failure
    reader.close()


@harness.test
def power_off_by_acpi_and_start_paused():
    probe("stop", UUID, "acpi")
    VM.wait_state("shut off")
    text = probe("find", "web")
    assert "state=off reason=shutdown" in text, text
    probe("start", UUID, "paused")
    assert probe("state", UUID).startswith("paused")
    probe("resume", UUID)
    VM.wait_agent()
    probe("stop", UUID, "agent")
    VM.wait_state("shut off")


@harness.test
def managed_save_is_seen_and_dropped():
    probe("start", UUID)
    VM.wait_agent()
    VM.virsh("managedsave")
    text = probe("find", "web")
    assert "saved=1" in text and "reason=saved" in text, text
    probe("drop", UUID)
    assert "saved=0" in probe("find", "web")
    probe("drop", UUID)


@harness.test
def destroy_is_graceful_and_idempotent():
    probe("start", UUID)
    probe("destroy", UUID)
    harness.note(f"destroy {probe.ms:.0f} ms")
    assert "state=off reason=destroyed" in probe("find", "web")
    probe("destroy", UUID)
    assert probe("job", UUID) == "0 -"


@harness.test
def a_transient_vm_is_read():
    path = "/run/libvirt/transient.xml"
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(VM.virsh("dumpxml", "--inactive"))
    VM.undefine()
    bed.virsh("create", path, "--paused")
    text = probe("find", "web")
    assert "persistent=0" in text and "inactive=0 live=1" in text, text
    assert text.count(f"[vda {DISKS[0]} qcow2") == 2, text
    probe("destroy", UUID)
    assert probe.fails("find", "web").code == "NOT_FOUND"
    assert probe("list") == "0"
    probe("end", UUID)
    probe("define", path)
    assert "persistent=1" in probe("find", "web")


@harness.test
def the_probe_ends_well():
    probe.close()


harness.main()

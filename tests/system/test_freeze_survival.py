#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a freeze survives besides a kill: hanging owners, agents that are stopped, killed or cut
off, guests that go off, a daemon that is restarted, a host that was suspended.

A host's suspend is staged by SIGSTOP of owner, guard and QEMU. VMS_LONG=1 adds the cases that wait
longest.
"""

import functools
import os
import signal
import time
import xml.etree.ElementTree as ElementTree

import harness
import scenes

bed = harness.bed(install=True)
# pylint: disable=wrong-import-position
from freeze_stage import (  # noqa: E402
    CALL_S, DEADLINE_S, Stage, find, recover, vmsnap, wait_guards_gone)

PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
AGENT = f"qemu-ga -m virtio-serial -p {PORT} -t /run -f /run/qemu-ga.pid -d -F/etc/fsfreeze-hook"
FROZEN = "agent-freeze-done"  # and it runs
STILL = "sys-clone"  # frozen and suspended


@functools.lru_cache(maxsize=None)
def stage():
    """The VM of all tests here."""
    return Stage(bed, "xfs")


def test(function):
    """A test after whose failure the next one finds everything in order."""
    @functools.wraps(function)
    def run():
        try:
            function()
        except Exception:
            stage().mend()
            raise
    return harness.test(run)


def tell(label, took):
    """One line of what was measured."""
    harness.note(f"{label}: writes again after {took:.0f} ms")


def settled(driver=None, name="m"):
    """All are thawed and gone, and the same can be done again; returns the snapshot if there is
    one."""
    if driver:
        driver.process.wait(30)
    wait_guards_gone()
    stage().check_thawed()
    recover()
    return stage().check_again(name)


def no_trust(error, *reasons):
    """The owner says that nothing came of it, and that the guest is not frozen."""
    assert error and error["reason"] in reasons and error["frozen"] == "no", error


@test
def a_stopped_owner_is_late():
    """The guard thaws at the deadline; the owner, awake, knows that it was late."""
    driver = stage().frozen_at(STILL)
    moment = driver.kill(signal.SIGSTOP)
    took = stage().resumed_after(moment, DEADLINE_S + 2)
    tell(f"owner stopped, deadline {DEADLINE_S} s", took)
    assert took > (DEADLINE_S - 2) * 1000, "it was not frozen until then"
    stage().check_thawed()
    driver.kill(signal.SIGCONT)
    driver.go_on()
    no_trust(driver.end(), "ThawedEarly")
    assert not settled(driver)


@test
def a_child_of_a_dead_owner_holds_its_descriptors():
    """The guard sees the death all the same."""
    driver = stage().frozen_at(STILL, child=1)
    took = stage().resumed_after(driver.kill(), 2)
    tell("owner killed, its child lives on", took)
    assert took < 1000 and driver.child, took
    os.kill(driver.child, 0)
    assert not settled()
    os.kill(driver.child, signal.SIGKILL)


@test
def nobody_is_left_but_recover():
    """The guard dies, then the owner: frozen until recover comes."""
    driver = stage().frozen_at(FROZEN)
    for pid in scenes.guards():
        os.kill(pid, signal.SIGKILL)
    moment = driver.kill()
    time.sleep(DEADLINE_S + 1)
    assert stage().beat.silence_ms() > DEADLINE_S * 1000, "who thawed it?"
    moment = time.monotonic()
    acts = vmsnap("recover", check=0).json["acts"]
    took = stage().resumed_after(moment, 2)
    tell("guard and owner killed, recover called", took)
    assert any(act["act"] == "thawed" and "thawed" in act["message"] for act in acts), acts
    assert not settled()


@test
def a_guard_dies_while_it_thaws():
    """The owner is dead already: recover does the rest."""
    for delay_ms in (0, 5, 10, 20, 40, 80, 160):
        driver = stage().frozen_at(STILL)
        driver.kill()
        time.sleep(delay_ms / 1000)
        for pid in scenes.guards():
            os.kill(pid, signal.SIGKILL)
        moment = time.monotonic()
        vmsnap("recover", check=0)
        stage().resumed_after(moment, 2)
    assert not settled()


@test
def libvirtd_is_restarted_while_frozen():
    """As an upgrade does it: owner and guard connect again."""
    driver = stage().frozen_at(FROZEN, budget=20000)
    bed.libvirt.restart()
    moment = time.monotonic()
    driver.go_on()
    tell("libvirtd restarted", stage().resumed_after(moment, 10))
    error = driver.end()
    shot = settled(driver)
    assert bool(error) != bool(shot), (error, shot)
    harness.note(f"the owner: {error['reason'] if error else 'Ready'}")


@test
def a_stopped_agent_thaws_as_soon_as_it_goes_on():
    """SIGSTOP of qemu-ga in the guest, with an owner that waits, and with a guard."""
    for victim in ("", "owner"):
        driver = stage().frozen_at(FROZEN)
        stage().shell.run("killall -STOP qemu-ga")
        if victim:
            driver.kill()
        driver.go_on()
        time.sleep(CALL_S + 1.5)
        assert stage().beat.silence_ms() > 2000
        moment = time.monotonic()
        stage().shell.run("killall -CONT qemu-ga")
        tell(f"agent stopped and continued{', owner killed' * bool(victim)}",
               stage().resumed_after(moment, 3))
        if not victim:
            error = driver.end()
            assert not error, error
        assert bool(settled(driver)) != bool(victim)


@test
def a_freeze_comes_late():
    """The agent stands still when the freeze is sent, and goes on after the owner's limit."""
    driver = stage().stopped_at("agent-freeze")
    stage().shell.run("killall -STOP qemu-ga")
    driver.go_on()
    time.sleep(CALL_S + 3)
    moment = time.monotonic()
    stage().shell.run("killall -CONT qemu-ga")
    tell("late freeze", stage().resumed_after(moment, 3))
    no_trust(driver.end(), "FreezeFailed")
    assert not settled(driver)


@test
def the_owner_dies_while_a_hook_runs():
    """The freeze is executed long after its owner's death."""
    stage().set_hook("echo $1 >>/run/calls; [ $1 = freeze ] && sleep 3; exit 0")
    driver = stage().stopped_at("agent-freeze")
    driver.go_on()
    time.sleep(1)
    driver.kill()
    wait_guards_gone()
    calls = stage().shell.run("cat /run/calls").split()
    assert calls[0] == "freeze" and calls[-1] == "thaw", calls
    stage().set_hook()
    assert not settled()


def a_hook_outlasts_the_thaw_call():
    """The guest writes long since: that its thaw was not answered must not keep it in doubt."""
    stage().set_hook("[ $1 = thaw ] && sleep 7; exit 0")
    driver = stage().stopped_at("agent-thaw")
    moment = time.monotonic()
    driver.go_on()
    tell("a hook of 7 s after the thaw", stage().resumed_after(moment, 2))
    no_trust(driver.end(), "ThawedEarly")
    assert time.monotonic() - moment < 12
    stage().set_hook()
    assert not settled(driver)


def left_to_the_guard(cut_off, back, wait_s):
    """The agent cannot be reached for so long that the owner gives up and says so."""
    driver = stage().frozen_at(FROZEN)
    cut_off()
    begun = time.monotonic()
    driver.go_on()
    error = driver.end()
    assert (error["reason"], error["frozen"]) == ("MaybeFrozen", "unknown"), error
    harness.note(f"given up after {time.monotonic() - begun:.1f} s: {error['message']}")
    assert time.monotonic() - begun < wait_s, "it waits for ever"
    driver.process.wait(10)
    assert scenes.guards() and scenes.left_in_hands(), "nobody is left to thaw it"
    again = stage().drive("other").end()
    assert again["code"] in ("BUSY", "AGENT"), again
    moment = time.monotonic()
    back()
    tell("the agent is back", stage().resumed_after(moment, 5))
    assert not settled(driver)


@test
def an_agent_is_killed_and_started_again():
    """A new agent of the same guest thaws what the old one froze."""
    driver = stage().frozen_at(FROZEN)
    stage().shell.run("killall -KILL qemu-ga")
    driver.go_on()
    time.sleep(2)
    moment = time.monotonic()
    stage().shell.run(AGENT)
    tell("agent killed and started again", stage().resumed_after(moment, 5))
    error = driver.end()
    if error:
        assert error["frozen"] == "no", error
    shot = settled(driver)
    assert bool(error) != bool(shot), (error, shot)


def killed_agent_stays_away():
    """The owner gives up; the guard does not."""
    left_to_the_guard(lambda: stage().shell.run("killall -KILL qemu-ga"),
                      lambda: stage().shell.run(AGENT), 30)


@test
def the_channel_is_lost():
    """Unplugged while frozen; plugged in again the guard thaws."""
    path = "/run/libvirt/channel.xml"
    channel = next(each for each in stage().vm.xml().iter("channel")
                   if each.find("target").get("name") == "org.qemu.guest_agent.0")
    ElementTree.ElementTree(channel).write(path)

    def unplug():
        stage().vm.virsh("detach-device", path)

    def plug():
        stage().vm.virsh("attach-device", path)
        stage().shell.run("killall -KILL qemu-ga; sleep 0.2; for port in /sys/class/virtio-ports/*;"
                          " do ln -sf /dev/${port##*/} /dev/virtio-ports/$(cat $port/name); done; "
                          + AGENT)
    left_to_the_guard(unplug, plug, 30)


def off_while_frozen(point, go_off, victim):
    """No thaw is needed, nothing waits for one."""
    driver = stage().frozen_at(point)
    go_off()
    stage().vm.wait_state("shut off", 10)
    begun = time.monotonic()
    if victim:
        driver.kill()
    else:
        driver.go_on()
        error = driver.end(20)
        assert error and error["frozen"] == "no", error
        harness.note(f"{error['reason']}: {error['message']}")
    wait_guards_gone(3)
    recover()
    assert find("m") is None
    assert vmsnap("snapshot", "delete", "m").code in (0, 5)
    took = time.monotonic() - begun
    harness.note(f"all free {took:.1f} s after the guest went off")
    assert took < 6, took
    scenes.check_at_rest(stage(), state="shut off")
    stage().run()
    stage().check_again()


@test
def a_guest_shuts_down_while_frozen():
    off_while_frozen(FROZEN, lambda: stage().shell.send("poweroff -nf"), victim=False)


@test
def qemu_is_killed_while_frozen():
    off_while_frozen(STILL, stage().vm.kill_qemu, victim=False)


@test
def guest_and_owner_go_together():
    off_while_frozen(STILL, stage().vm.destroy, victim=True)


@test
def a_guest_is_saved_while_frozen():
    """As a host does it that is shut down: frozen in its image, and thawed when it runs again."""
    for victim in ("owner", "") if scenes.LONG else ("owner",):
        driver = stage().frozen_at(FROZEN)
        stage().beat.close()
        stage().shell.close()
        stage().vm.virsh("managedsave")
        if victim:
            driver.kill()
        else:
            driver.go_on()
            error = driver.end()
            assert error["frozen"] == "unknown", error
        time.sleep(1)
        acts = vmsnap("recover").json["acts"]
        assert any(act["act"] == "skipped" for act in acts), acts
        stage().vm.start()
        moment = time.monotonic()
        stage().beat, stage().shell = stage().vm.beat(), stage().vm.command()
        tell("saved and restored", stage().resumed_after(moment, 5))
        assert not settled()


@test
def a_guest_is_reset_while_frozen():
    """What was frozen runs again from its start: no snapshot of a frozen guest."""
    driver = stage().frozen_at(FROZEN)
    stage().vm.virsh("reset")
    begun = time.monotonic()
    driver.go_on()
    error = driver.end(60)
    harness.note(f"after {time.monotonic() - begun:.1f} s: {error['reason']}: {error['message']}")
    assert error["reason"] in ("ThawedEarly", "MaybeFrozen"), error
    stage().vm.wait_agent()
    stage().vm.wait_load(1)
    stage().shell.close()
    stage().shell = stage().vm.command()
    assert not settled(driver)


@test
def a_host_was_suspended():
    """Everybody stood still beyond the deadline: thawed at once, and no trust in the cut."""
    for point in (FROZEN, STILL):
        driver = stage().frozen_at(point, call=1000, budget=1000)
        held = [driver.pid, *scenes.guards(), stage().vm.qemu_pid()]
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(4)
        moment = time.monotonic()
        harness.RNG.shuffle(held)
        for pid in held:
            os.kill(pid, signal.SIGCONT)
        driver.go_on()
        tell(f"stood still at {point}", stage().resumed_after(moment, 2))
        no_trust(driver.end(), "ThawedEarly", "PotentiallyInconsistent")
        assert not settled(driver)


if scenes.LONG:
    test(killed_agent_stays_away)
    test(a_hook_outlasts_the_thaw_call)

harness.main()

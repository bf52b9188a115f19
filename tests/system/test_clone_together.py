#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running VM and its clone, side by side on one network: other addresses, the same data, nothing
of the old identity."""

import os

import clone_scenes
import harness
import scenes

bed = harness.bed(install=True)
import oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
LAN = bed.network("lan")
MAC = "52:54:00:77:00:01"
DEVICES = (clone_scenes.TPM + "<graphics type='vnc' port='5977' autoport='no' listen='127.0.0.1'/>"
           "<video><model type='vga'/></video>")
EXTRA = "<genid>6b2c1a30-7d1c-4e7c-9d3f-2c5b1f0e9a77</genid>"
WEB = scenes.Scene(bed, "web", "xfs", networks=[("lan", MAC)], size_mb=128, storage_mb=2048,
                   command=True, console=True, devices=DEVICES, extra=EXTRA,
                   append="vmsnap.hook=1").start()
MARKER = "/mnt/vda/marker"


def clone(name, *options, mode="strict", code=0):
    """A clone of the VM."""
    return vmsnap("clone", "web", "--mode", mode, "--name", name, *options, check=code)


def new_names(reply):
    """What is called how afterwards, and which findings stand against it; addresses are chosen by
    the run only."""
    return sorted((item["kind"], item["name"], item.get("new_name"), item.get("reason"))
                  for item in reply.json["resources"] if item["kind"] != "MACAddress")


def check_source():
    """It runs on, unfrozen, and nothing of a clone is left in its way."""
    scenes.wait_hands_empty()
    assert not WEB.vm.frozen()
    scenes.check_at_rest(WEB)
    assert clone_scenes.left(WEB.folder) == []
    assert vmsnap("snapshot", "list", check=0).json["items"] == []


WEB.address = LAN.wait_lease(MAC)
WEB.vm.write_file(MARKER, b"of the source")
WEB.vm.exec(["sync"])


@harness.test
def a_dry_run_asks_and_does_nothing():
    """Not a byte written, no call that changes a thing, the guest not frozen."""
    log = f"{bed.scratch}/dry.log"
    with clone_scenes.libvirt_told(log) as changing:
        code, calls = clone_scenes.changing_calls(f"{bed.scratch}/dry.strace", "clone", "web",
                                                  "--mode", "dry-run", "--name", "twin")
    assert code == 0 and not changing, changing
    outside = [call for call in calls if '"/dev/' not in call]
    assert not outside, "\n".join(outside)
    check_source()


@harness.test
def an_agent_that_refuses_leaves_nothing_behind():
    """Its own words reach the caller; the same clone succeeds once the guest is willing."""
    shell = WEB.vm.command()
    try:
        shell.run("printf '#!/bin/sh\\n[ $1 = thaw ] || exit 9\\n' >/run/fsfreeze-hook")
        shell.run("chmod 755 /run/fsfreeze-hook")
        before = set(os.listdir(WEB.folder))
        refused = clone("twin", code=None)
        assert refused.code not in (0, 2), refused
        assert "hook" in refused.json["error"]["message"], refused
        assert set(os.listdir(WEB.folder)) == before, os.listdir(WEB.folder)
        assert bed.virsh("dominfo", "twin", check=False).returncode != 0
        shell.run("rm /run/fsfreeze-hook")
    finally:
        shell.close()
    check_source()


@harness.test
def side_by_side_on_one_network():
    """The clone boots beside its source, reads its data, has another lease and can reach it."""
    plan = clone("twin", mode="dry-run")
    made = clone("twin")
    assert new_names(plan) == new_names(made), (new_names(plan), new_names(made))
    check_source()
    twin = bed.vm("twin")
    assert twin.state() == "shut off"
    clone_scenes.check_identity(WEB.vm, twin)
    verdict = oracle.judge([(path, "qcow2" if path.endswith(".qcow2") else "raw")
                            for path in twin.disks(inactive=True).values()])
    assert verdict.good and min(verdict.heads) > 0, str(verdict)

    twin.start(wait=True)
    clone_scenes.check_identity(WEB.vm, twin)
    address = LAN.wait_lease(twin.macs()[0])
    assert address != WEB.address and LAN.leases()[MAC] == WEB.address, LAN.leases()
    assert clone_scenes.guest_addresses(twin) == {address}
    assert clone_scenes.guest_addresses(WEB.vm) == {WEB.address}
    assert twin.read_file(MARKER) == b"of the source"
    for vm, other in ((twin, WEB.address), (WEB.vm, address)):
        vm.exec(["ping", "-c", "1", "-W", "5", other])
    twin.write_file(MARKER, b"of the clone")
    twin.exec(["sync"])
    assert WEB.vm.read_file(MARKER) == b"of the source"
    twin.wait_load(WEB.vm.load_seq() // 2)
    harness.figure(f"clone: 2 VMs side by side, leases {WEB.address} and {address}, "
                   f"record {min(verdict.heads)} read")


@harness.test
def a_clone_of_a_running_clone():
    """Nothing of either is in it; it starts because its source runs."""
    twin = bed.vm("twin")
    vmsnap("clone", "twin", "--mode", "strict", "--name", "third", "--run-policy", "inherit",
           check=0)
    third = bed.vm("third")
    assert third.state() == "running", third.state()
    twin.destroy()
    for source in (WEB.vm, twin):
        clone_scenes.check_identity(source, third)
    third.wait_agent()
    assert third.read_file(MARKER) == b"of the clone"
    address = LAN.wait_lease(third.macs()[0])
    assert len({address, *(LAN.leases()[vm.macs()[0]] for vm in (twin, WEB.vm))}) == 3
    check_source()
    for vm in (third, twin):
        clone_scenes.forget(vm)


harness.main()

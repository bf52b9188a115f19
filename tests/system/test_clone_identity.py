#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who a clone is, on real libvirt: nothing of its source is left, both run at the same time, and
names that are taken, collide or are none are refused. No guest is booted."""

import os
import pwd
import shutil

import harness

bed = harness.bed(install=True)
import identity_oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
NAME = "front"
UUID = "11111111-2222-4333-8444-555555555555"
MAC = "52:54:00:aa:bb:cc"
FOLDER = bed.storage("xfs", 512)
OWN = f"{FOLDER}/vms/{NAME}"
QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
APP = "http://example.org/app"
DISKS = [{"path": f"{OWN}/root.qcow2", "serial": "SRC-ROOT-1", "xml": "<boot order='1'/>"},
         {"path": f"{OWN}/data.raw", "bus": "scsi", "target": "sda",
          "serial": "SRC-DATA-1", "xml": "<wwn>5000c50015ea71ad</wwn>"}]
HEAD = f"""
  <uuid>{UUID}</uuid>
  <genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
  <title>{NAME}</title>
  <description>the VM {UUID}</description>
  <metadata><app:vm xmlns:app='{APP}' id='{UUID}'><app:name>{NAME}</app:name>
    <app:disk>{OWN}/root.qcow2</app:disk><app:nic mac='{MAC.upper()}'/></app:vm></metadata>
  <sysinfo type='smbios'>
    <system><entry name='serial'>ds=nocloud;i=iid-front;h={NAME}</entry>
      <entry name='uuid'>{UUID}</entry></system>
    <baseBoard><entry name='serial'>BOARD-SRC</entry></baseBoard>
    <chassis><entry name='asset'>ASSET-SRC</entry></chassis>
  </sysinfo>"""
LINES = f"""
  <controller type='scsi' index='0' model='virtio-scsi'/>
  <interface type='network'><mac address='{MAC}'/><source network='lab'/>
    <target dev='{NAME}tap'/><model type='virtio'/></interface>
  <serial type='unix'><source mode='bind' path='{OWN}/line.sock'/>
    <log file='{OWN}/line.log' append='on'/><target port='1'/></serial>
  <serial type='tcp'><source mode='bind' host='127.0.0.1' service='23456'/>
    <protocol type='raw'/><target port='2'/></serial>
  <channel type='unix'><source mode='bind' path='{FOLDER}/{NAME}.agent'/>
    <target type='virtio' name='org.example.one'/></channel>
  <graphics type='vnc' port='5999' autoport='no' websocket='5799' listen='127.0.0.1'/>"""
# What needs a device of the host to run.
MORE = """
  <interface type='bridge'><mac address='52:54:00:aa:bb:cd'/><source bridge='br-none'/>
    <virtualport type='openvswitch'>
      <parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
    <model type='e1000e'/></interface>
  <graphics type='spice' autoport='no' port='5900'/>
  <vsock model='virtio'><cid auto='no' address='77'/></vsock>"""
ARGUMENTS = """
  <qemu:commandline><qemu:arg value='-device'/>
    <qemu:arg value='virtio-net-pci,mac=52:54:00:11:22:33'/>
    <qemu:env name='VM_ID' value='%s'/></qemu:commandline>""" % UUID


def put_disks():
    """Small ones, and the folder that QEMU makes its sockets in."""
    os.makedirs(OWN)
    for disk in DISKS:
        bed.make_disk(disk["path"], fs=None, size_mb=8)
    user = pwd.getpwnam("libvirt-qemu")
    os.chown(OWN, user.pw_uid, user.pw_gid)
    os.chmod(OWN, 0o711)


def define(more="", extra="", name=NAME):
    """The source, as far as it is wanted."""
    xml = bed.domain_xml(name, DISKS, mem=64, devices=LINES + more, extra=extra,
                         namespace=f" xmlns:qemu='{QEMU}'", os_xml="<smbios mode='sysinfo'/>")
    return bed.define_xml(xml.replace("</name>", "</name>" + HEAD, 1), name)


def dump(name):
    """Its configuration, as libvirt keeps it."""
    return bed.vm(name).virsh("dumpxml", "--inactive", "--security-info")


def forget(name):
    """Remove a clone and what it has."""
    bed.vm(name).destroy()
    files = [path for path in bed.vm(name).disks(inactive=True).values() if path]
    bed.vm(name).undefine()
    for path in files:
        os.unlink(path)
    shutil.rmtree(f"{FOLDER}/vms/{name}", ignore_errors=True)


def files():
    """Everything there is in the folder of all."""
    return sorted(os.path.join(top, name) for top, _, names in os.walk(FOLDER) for name in names)


def clone(*words, mode="strict", check=0):
    """One clone of the source."""
    return vmsnap("clone", NAME, "--mode", mode, *words, check=check)


put_disks()
bed.network("lab")


@harness.test
def nothing_of_the_source_is_left():
    define(MORE, ARGUMENTS)
    before = files()
    clone("--name", "shop", mode="best-effort")
    source, made = dump(NAME), dump("shop")
    left = identity_oracle.left(source, made)
    assert not left, "\n".join(left) + made
    disks = bed.vm("shop").disks(inactive=True)
    assert disks["vda"] == f"{FOLDER}/vms/shop/shop-vda.qcow2", disks
    assert os.stat(f"{FOLDER}/vms/shop").st_mode == os.stat(OWN).st_mode
    forget("shop")
    assert files() == before, files()


@harness.test
def serials_are_kept_on_request_only():
    define(MORE, ARGUMENTS)
    clone("--name", "shop", "--keep-serial")
    made = dump("shop")
    assert "SRC-ROOT-1" in made and "5000c50015ea71ad" in made and "BOARD-SRC" not in made, made
    left = identity_oracle.left(dump(NAME), made, keep_serial=True)
    assert not left, left
    forget("shop")


@harness.test
def a_seed_decides_who_it_is():
    define(MORE, ARGUMENTS)
    made = []
    for seed in ("one", "one", "two"):
        clone("--name", "shop", "--seed", seed)
        made.append(dump("shop"))
        forget("shop")
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert not identity_oracle.left(made[0], made[2].replace("shop", "other"), owned=[])


@harness.test
def a_clone_of_a_clone_has_nothing_of_either():
    define(MORE, ARGUMENTS)
    clone("--name", "shop")
    vmsnap("clone", "shop", "--mode", "strict", "--name", "store", check=0)
    for source in (NAME, "shop"):
        left = identity_oracle.left(dump(source), dump("store"))
        assert not left, left
    forget("store")
    forget("shop")


@harness.test
def both_run_at_the_same_time():
    source = define()
    clone("--name", "shop")
    source.start(paused=True)
    bed.vm("shop").start(paused=True)
    assert os.path.exists(f"{FOLDER}/vms/shop/shop-line.sock")
    assert os.path.exists(f"{FOLDER}/shop.agent")
    assert not identity_oracle.left(dump(NAME), dump("shop"))
    forget("shop")
    source.destroy()


# Words of a clone, what its dry-run finds, and whether that refuses it.
CELLS = [
    (["--name", "taken"], "NameTaken", True),
    (["--name", "shop", "--replace", "VirtualDisk:root=there"], "NameTaken", True),
    (["--name", "shop", "--replace", "VirtualDisk:root=held"], "NameTaken", True),
    (["--name", "shop", "--replace", f"{NAME}/vda=same", "--replace", f"{NAME}/sda=same"],
     "NameCollision", True),
    (["--name", ".shop"], "NameInvalid", True),
    (["--name", "a/b"], "NameInvalid", True),
    (["--name", "shop", "--replace", "VirtualDisk:root=a/b"], "NameInvalid", True),
    (["--name", "shop", "--suffix", "x" * 250], "NameInvalid", True),
    (["--name", "shop", "--replace", "VirtualDisk:nobody=x"], "RuleUnused", False),
]


def reasons(reply):
    """What a plan or an operation tells of."""
    return {finding.get("reason") for finding in reply.json["resources"]}


@harness.test
def each_mode_does_with_names_what_the_dry_run_says():
    define(MORE, ARGUMENTS)
    held = f"{FOLDER}/vms/shop/held.qcow2"
    bed.define_vm("taken", [held])
    os.makedirs(f"{FOLDER}/vms/shop")
    with open(f"{FOLDER}/vms/shop/there.qcow2", "wb") as handle:
        handle.write(b"theirs")
    before = files()
    for words, reason, refuses in CELLS:
        dry = clone(*words, mode="dry-run", check=None)
        assert "resources" in (dry.json or {}), (words, dry)
        assert reason in reasons(dry), (words, dry)
        assert files() == before
        for mode in ("strict", "best-effort"):
            done = clone(*words, mode=mode, check=None)
            assert (done.code != 0) == refuses, (words, mode, done)
            assert not refuses or done.json["error"]["reason"] == reason, (words, mode, done)
            if not refuses:
                forget("shop")
                os.makedirs(f"{FOLDER}/vms/shop")
                with open(f"{FOLDER}/vms/shop/there.qcow2", "wb") as handle:
                    handle.write(b"theirs")
            assert files() == before, (words, mode)
    bed.vm("taken").undefine()


@harness.test
def a_clone_must_have_a_name():
    define(MORE, ARGUMENTS)
    done = clone(mode="dry-run", check=None)
    assert done.code != 0 and done.json["error"]["reason"] == "NameRequired", done


harness.main()

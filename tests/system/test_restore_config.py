#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration of a VM: it comes back as it was stored, device by device, word by word."""

import difflib
import re
import xml.etree.ElementTree as ElementTree

import harness

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
for NUMBER in range(3):
    bed.network(f"net{NUMBER}", prefix=f"192.168.{80 + NUMBER}")

# Of other applications: empty, nested, in another alphabet, with quotes of both kinds.
METADATA = """
  <title>Größe "5" &amp; 'mehr' — 猫</title>
  <description>first line
second &lt;line&gt;	with a tab</description>
  <metadata>
    <empty:thing xmlns:empty="http://example.org/empty"/>
    <app:note xmlns:app="http://example.org/a%20pp?x=1&amp;y=2" quote="it's &quot;so&quot;" none="">
      <app:deep level="2"><app:text>ünïcödé 🐈 &amp; &lt;tags&gt;</app:text><app:nothing></app:nothing></app:deep>
    </app:note>
    <labels:set xmlns:labels="http://example.org/labels"><labels:l k="" v="x"/><labels:l k="é" v=""/></labels:set>
  </metadata>
  <genid>11111111-2222-4333-8444-555555555555</genid>"""
ADDRESS = "<address type='pci' domain='0x0000' bus='0x{:02x}' slot='0x{:02x}' function='0x0'/>"


def canonical(vm):
    """The stored configuration, without what a restore is to renew."""
    text = vm.virsh("dumpxml", "--inactive", "--security-info")
    return ElementTree.canonicalize(re.sub(r"<genid>.*?</genid>", "", text))


def same(found, wanted):
    """Tells the lines that differ."""
    lines = list(difflib.unified_diff(wanted.splitlines(), found.splitlines(), lineterm="", n=1))
    assert not lines, "\n".join(lines)


def nic(network, mac, slot, alias):
    """XML of a NIC that stands somewhere."""
    return (f"<interface type='network'><mac address='{mac}'/><source network='{network}'/>"
            f"<model type='e1000'/><alias name='{alias}'/>{ADDRESS.format(0, slot)}</interface>")


def make(name, devices="", extra=""):
    """A VM with two disks; returns it with its folder."""
    folder = bed.storage("xfs", 1024)
    disks = [{"path": bed.make_disk(f"{folder}/a.qcow2", fs=None, size_mb=8),
              "serial": "0123456789abcdefghij-longer-than-20", "xml": "<boot order='2'/>" + ADDRESS.format(0, 0x10)},
             {"path": bed.make_disk(f"{folder}/b.qcow2", fs=None, size_mb=8), "bus": "scsi",
              "target": "sdq", "serial": "s e r i a l", "xml": "<wwn>5000c50015ea71aa</wwn>"
              "<alias name='ua-second'/>"}]
    return bed.define_vm(name, disks, devices=devices, extra=extra), folder


@harness.test
def every_word_comes_back():
    """Metadata of other applications, addresses, aliases, serials, order of devices."""
    nics = [nic("net0", "52:54:00:00:00:03", 0x13, "ua-third"),
            nic("net1", "52:54:00:00:00:01", 0x12, "ua-first"),
            nic("net2", "52:54:00:00:00:02", 0x11, "ua-middle")]
    vm, _ = make("words", devices="".join(nics), extra=METADATA)
    # libvirt sorts controllers when it reads what it wrote itself
    bed.define_xml(vm.virsh("dumpxml", "--inactive", "--security-info"), "words")
    before = canonical(vm)
    for word in ("猫", "🐈", "ua-middle", "s e r i a l", "longer-than-20", "level=\"2\""):
        assert word in before, (word, before)
    shot = vmsnap("snapshot", "create", "words", "words.old", check=0).json
    assert shot["partial"] is False, shot
    assert not [item for item in shot["resources"] if item["kind"] in ("Secret", "TPM", "NVRAM")]
    xml = vm.virsh("dumpxml", "--inactive", "--security-info")
    less = re.sub(r"<metadata>.*</metadata>", "", xml, flags=re.S)
    less = re.sub(r"<interface.*</interface>", "", less, flags=re.S)
    less = re.sub(r"<title>.*</title>", "<title>other</title>", less, flags=re.S)
    bed.define_xml(less.replace("ua-second", "ua-another"), "words")
    after = canonical(vm)
    assert after != before and "ua-middle" not in after
    done = vmsnap("restore", "words", "words.old", "--mode", "strict", check=0).json
    same(canonical(vm), before)
    assert vm.xml(True).findtext("genid") != "11111111-2222-4333-8444-555555555555", "a new one"
    vmsnap("undo", done["uuid"], check=0)
    assert canonical(vm) == after
    vm.undefine()


@harness.test
def what_waits_for_a_restart_is_what_is_restored():
    """The stored configuration differs from that of the running machine."""
    vm, _ = make("pending")
    vm.start(paused=True)
    vm.virsh("desc", "--config", "--title", "after the restart")
    vm.virsh("setvcpus", "1", "--config")
    pending = canonical(vm)
    assert vm.xml().findtext("title") is None, "the running one does not have it yet"
    vmsnap("snapshot", "create", "pending", "pending.old", "--consistency", "prefer")
    vm.destroy()
    vm.virsh("desc", "--config", "--title", "later still")
    vmsnap("restore", "pending", "pending.old", "--mode", "strict", check=0)
    assert canonical(vm) == pending
    vm.start(paused=True)
    assert vm.xml().findtext("title") == "after the restart"
    vm.destroy()
    vm.undefine()


@harness.test
def what_was_plugged_in_is_in_the_snapshot():
    """A disk and media that only the running machine has."""
    ports = ("<controller type='pci' index='0' model='pcie-root'/>" +
             "<controller type='pci' model='pcie-root-port'/>" * 4)
    drive = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
    vm, folder = make("plugged", devices=ports + drive)
    disk = bed.make_disk(f"{folder}/hot.qcow2", fs=None, size_mb=8)
    media = f"{folder}/tools.iso"
    bed_storage.run(["genisoimage", "-quiet", "-V", "TOOLS", "-o", media, "/etc/hostname"])
    vm.start(paused=True)
    vm.virsh("attach-disk", disk, "vdh", "--live", "--subdriver", "qcow2", "--serial", "hot")
    vm.virsh("change-media", "sda", media, "--insert", "--live")
    assert "vdh" not in vm.disks(inactive=True)
    shot = vmsnap("snapshot", "create", "plugged", "plugged.old", "--consistency", "prefer").json
    assert shot["phase"] == "Ready", shot
    assert {item["target"] for item in shot["disks"]} == {"vda", "sdq", "vdh"}, shot["disks"]
    assert media in [item["path"] for item in shot["dependencies"]], shot["dependencies"]
    manifest = f"{folder}/.vmsnap/{shot['uuid']}/snapshot.json"
    with open(manifest, encoding="utf-8") as handle:
        record = handle.read()
    assert "hot.qcow2" in record and "longer-than-20" in record
    vm.destroy()
    vm.undefine()


harness.main()

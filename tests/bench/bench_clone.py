#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole clone of a VM that is off, on a file system that shares blocks: against virt-clone, which
copies, and against the floor, cp --reflink and a definition. The floor is two processes that look at
nothing and sync nothing; a call of the library is set against it, and our command, which reads the
source's configuration as well, against the three that one types: virsh dumpxml, cp, virsh define.
Linked clones whatever the size."""

import os
import re
import shutil
import subprocess
import sys
import time

import bench
import harness

bed = bench.bed()
if not shutil.which("virt-clone"):
    print("1..0 # SKIP not installed: virt-clone", flush=True)
    sys.exit(77)
DATA_MB = {1: 128, 16: 2048}
ROUNDS = 5
REST = 0.3  # the file system frees in the background what was removed last
FOLDER = bed.storage("xfs", 32768)  # virt-clone wants room for the whole size
URI = "qemu:///system"


def make_vm(gib):
    """A VM that is off; its disk is sparse and holds a file system with data in it."""
    path = bed.make_disk(f"{FOLDER}/{gib}g.img", size_mb=gib * 1024)
    mount = "/run/libvirt/fill"
    os.makedirs(mount, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", path, mount], check=True)
    subprocess.run(["dd", "if=/dev/urandom", f"of={mount}/data", "bs=1M",
                    f"count={DATA_MB[gib]}", "status=none", "conv=fsync"], check=True)
    subprocess.run(["umount", mount], check=True)
    return bed.define_vm(f"vm{gib}", [path])


def timed(*argv):
    """Runs a program; milliseconds from its start to its end."""
    start = time.monotonic()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1000


def forget(name):
    """Removes a clone with its disk."""
    paths = bed.vm(name).disks(inactive=True).values()
    bed.vm(name).undefine()
    for path in paths:
        bench.remove(path)
    os.sync()
    bench.settle(REST)


def ours(*source):
    """The command, a process of its own as the others."""
    spent = timed("/usr/local/bin/vmsnap", "-o", "json", "clone", *source, "--mode", "strict",
                  "--name", "copy")
    forget("copy")
    return spent


def call():
    """The library in a process that has it open."""
    spent = client.ask("clone", "vm16", "copy")[0]
    forget("copy")
    return spent


def virt_clone(name):
    """virt-clone as people call it."""
    spent = timed("virt-clone", "-q", "--connect", URI, "--original", name, "--auto-clone",
                  "--name", "theirs")
    forget("theirs")
    return spent


def by_hand(vm, whole=False):
    """cp --reflink and a definition with another name, UUID and disk; of the `whole`, the reading
    of the configuration too."""
    spent = timed("virsh", "-q", "-c", URI, "dumpxml", "--inactive", vm.name) if whole else 0
    xml = vm.virsh("dumpxml", "--inactive")
    path = list(vm.disks(inactive=True).values())[0]
    xml = re.sub(r"<uuid>.*?</uuid>|<mac address=.*?/>", "", xml)
    xml = xml.replace(f"<name>{vm.name}</name>", "<name>hand</name>").replace(path, f"{path}.hand")
    with open("/run/libvirt/hand.xml", "w", encoding="utf-8") as handle:
        handle.write(xml)
    spent += timed("cp", "--reflink=always", path, f"{path}.hand")
    spent += timed("virsh", "-q", "-c", URI, "define", "/run/libvirt/hand.xml")
    forget("hand")
    return spent


def linked_is_there():
    """Whether this build makes linked clones."""
    reply = harness.vmsnap("clone", "--from-snapshot", "vm1.base", "--mode", "dry-run", "--name",
                           "copy", "--linked")
    return reply.code == 0


client = bench.Client("/var/lib/vmsnap")
VMS = {gib: make_vm(gib) for gib in DATA_MB}
for each in VMS.values():
    harness.vmsnap("snapshot", "create", each.name, f"{each.name}.base", check=0)
variants = {"vmsnap 1 GiB": lambda: ours("vm1"), "vmsnap 16 GiB": lambda: ours("vm16"),
            "library 16 GiB": call,
            "cp and define 16 GiB": lambda: by_hand(VMS[16]),
            "dumpxml, cp and define 16 GiB": lambda: by_hand(VMS[16], whole=True),
            "virt-clone 16 GiB": lambda: virt_clone("vm16")}
if linked_is_there():
    variants |= {f"linked {gib} GiB": lambda gib=gib: ours("--from-snapshot", f"vm{gib}.base",
                                                           "--linked") for gib in DATA_MB}
samples = bench.take_turns(variants, ROUNDS)
bench.show("clone,", samples)
bench.limit("clone of 16 GiB with 2 GiB of data, to virt-clone",
            bench.ratio(samples, "vmsnap 16 GiB", "virt-clone 16 GiB"), 0.2, " x")
bench.limit("clone of 16 GiB with 2 GiB of data, to cp --reflink and define",
            bench.ratio(samples, "library 16 GiB", "cp and define 16 GiB"), 2, " x")
bench.limit("the command, to dumpxml, cp --reflink and define",
            bench.ratio(samples, "vmsnap 16 GiB", "dumpxml, cp and define 16 GiB"), 2, " x")
bench.tell("the command, to cp --reflink and define",
           bench.ratio(samples, "vmsnap 16 GiB", "cp and define 16 GiB"), " x")
client.close()
bench.tell("clone of 16 GiB to 1 GiB", bench.ratio(samples, "vmsnap 16 GiB", "vmsnap 1 GiB"), " x")
if "linked 16 GiB" in samples:
    bench.limit("linked clone of 16 GiB to 1 GiB",
                bench.ratio(samples, "linked 16 GiB", "linked 1 GiB"), 1.2, " x")
bench.end()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of clones share: machines with all that has an identity, and what a clone may not
change or keep."""

import contextlib
import glob
import hashlib
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import harness
import scenes

import identity_oracle

CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
TEMPLATE = "/usr/share/OVMF/OVMF_VARS_4M.fd"
TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
SWTPM = "/var/lib/libvirt/swtpm"
# Calls of libvirt that only tell.
TELLING = re.compile(r"vir\w+?(Get|Lookup|List|NumOf|Is|Ref|Free|Open|Close|Register|Deregister|"
                     r"Compare|Supports|Has|SnapshotNum|BlockStats|BlockJobInfo)\w*$")
QMP_TELLING = re.compile(r"(query-|qom-get|qom-list|device-list|qmp_capabilities|human-monitor)")
AGENT_TELLING = re.compile(r"guest-(sync|ping|info|get-|fsfreeze-status|network-get|exec-status)")

vmsnap = harness.vmsnap


def content(path):
    """sha256 of a file."""
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def make_seed(path, name):
    """A cloud-init medium."""
    source = f"{path}.d"
    os.makedirs(source)
    for file, text in (("meta-data", f"instance-id: i-{name}\nlocal-hostname: {name}\n"),
                       ("user-data", "#cloud-config\n")):
        with open(f"{source}/{file}", "w", encoding="utf-8") as handle:
            handle.write(text)
    subprocess.run(["genisoimage", "-quiet", "-V", "cidata", "-J", "-r", "-o", path, source],
                   check=True, stdin=subprocess.DEVNULL)
    shutil.rmtree(source)
    return path


def read_seed(path, name):
    """A file of a cloud-init medium, as text."""
    return subprocess.run(["isoinfo", "-i", path, "-J", "-x", f"/{name}"], check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def configuration(vm, *options):
    """Its XML, as text."""
    return vm.virsh("dumpxml", "--security-info", *options)


def owned(vm):
    """The files a VM owns, as the test knows them: disks, NVRAM, TPM, media of its guest."""
    text = configuration(vm, "--inactive")
    paths = identity_oracle.own_paths(text)
    tree = ElementTree.fromstring(text)
    paths += [source.get("file") for source in tree.iterfind("devices/disk/source")
              if (source.get("file") or "").endswith("seed.iso")]
    return paths + [f"{SWTPM}/{vm.uuid()}"]


def check_identity(source, clone, **options):
    """Nothing of the source is left in the clone, as configured and as it runs."""
    for live in ([], ["--inactive"]):
        faults = identity_oracle.left(configuration(source, *live), configuration(clone, *live),
                                      owned(source), **options)
        assert not faults, "\n".join(faults)


def tpm(vm):
    """The state of the emulated TPM of a VM."""
    return f"{SWTPM}/{vm.uuid()}/tpm2/tpm2-00.permall"


def guest_addresses(vm):
    """IPv4 addresses of the guest's NICs."""
    text = vm.exec(["ip", "-4", "addr"])
    return {word.split("/")[0] for line in text.splitlines() if " inet " in line
            for word in line.split()[1:2]} - {"127.0.0.1"}


# ---- nothing has changed ----

def _files(folder):
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in ["."] + folders + files:
            path = os.path.normpath(os.path.join(parent, name))
            stat = os.lstat(path)
            found[path] = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_mode, stat.st_uid,
                           stat.st_gid)
    return found


def world(bed, *folders):
    """All that a clone could touch: files with their times, VMs, networks, the catalog."""
    found = {}
    for folder in (*folders, SWTPM):
        found.update(_files(folder))
    for name in filter(None, bed.virsh("list", "--all", "--name").stdout.split("\n")):
        vm = bed.vm(name.strip())
        found[f"VM {name}"] = (vm.state(), configuration(vm, "--inactive"))
    for name in filter(None, bed.virsh("net-list", "--all", "--name").stdout.split("\n")):
        found[f"network {name}"] = bed.virsh("net-dumpxml", name.strip()).stdout
    for words in (("snapshot", "list"), ("operation", "list")):
        found[" ".join(words)] = vmsnap(*words, check=0).json["items"]
    return found


@contextlib.contextmanager
def unchanged(bed, *folders):
    """What happens inside leaves the world as it was."""
    before = world(bed, *folders)
    yield
    after = world(bed, *folders)
    changed = [key for key in {*before, *after} if before.get(key) != after.get(key)]
    assert not changed, [(key, str(before.get(key))[-600:], str(after.get(key))[-600:])
                         for key in changed]
    assert scenes.left_in_hands() == [], scenes.left_in_hands()


# ---- what was asked of libvirt and of the kernel ----

def _set_log(filters, outputs):
    for what, value in (("daemon-log-outputs", outputs), ("daemon-log-filters", filters)):
        subprocess.run(["virt-admin", "-c", "libvirtd:///system", what, value], check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def libvirt_told(log):
    """Yields a list that holds, at the end, all calls of libvirt and commands to QEMU and agents
    that changed something."""
    found = []
    _set_log("1:libvirt 1:qemu.qemu_monitor 1:qemu_agent 3:*", f"1:file:{log}")
    try:
        yield found
    finally:
        _set_log("1:qemu_agent 3:*", "3:file:/var/log/libvirt/libvirtd.log")
    with open(log, encoding="utf-8", errors="replace") as handle:
        text = handle.read()
    calls = set(re.findall(r"debug : (vir(?:Domain|Network|Storage|Secret|NodeDevice|Connect|Interface)"
                           r"[A-Z]\w+):\d+", text))
    assert any(call.startswith("virDomainGet") for call in calls), "the log tells nothing"
    found += [call for call in calls if not TELLING.match(call) and call != "virDomainQemuAgentCommand"]
    said = re.findall(r'SEND_MSG.*?"execute":\s*"([\w-]+)"', text)
    found += [word for word in said if not QMP_TELLING.match(word)]
    asked = re.findall(r'qemuAgent\w+.*?"execute":\s*"([\w-]+)"', text)
    found += [word for word in asked if not AGENT_TELLING.match(word)]


def changing_calls(log, *words):
    """Runs the command under strace; returns its reply's exit code and the successful system calls
    that changed a file, wherever it was."""
    calls = ("openat,open,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,link,"
             "linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,truncate,"
             "ftruncate,fallocate,utimensat,setxattr,fsetxattr,mknodat,mount,ioctl")
    done = subprocess.run(["strace", "-f", "-qq", "-e", "status=successful", "-e", f"trace={calls}",
                           "-o", log, harness.built("src/cli/vmsnap"), "-o", "json", *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False,
                          stderr=subprocess.DEVNULL, timeout=300)
    found = []
    with open(log, encoding="utf-8", errors="replace") as handle:
        for line in handle:
            opened = re.search(r" open(?:at)?\(", line)
            if opened and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", line):
                continue
            if " ioctl(" in line and "FICLONE" not in line:
                continue
            found.append(line.strip())
    assert os.path.getsize(log) > 0, "strace tells nothing"
    return done.returncode, found


# ---- ends ----

def forget(vm):
    """Removes a VM and the files it is configured with."""
    paths = owned(vm)
    vm.destroy()
    vm.undefine()
    for path in paths:
        if os.path.isfile(path):
            os.unlink(path)


def left(folder, shots=()):
    """What a clone left beside the disks, and is none of the snapshots'."""
    return scenes.left_beside(folder, shots) + glob.glob(f"{folder}/.vmsnap-*")

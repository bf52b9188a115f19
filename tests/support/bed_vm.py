# SPDX-License-Identifier: LGPL-2.1-or-later
"""One VM of the bed: its XML, its power, its agent."""

import os
import signal
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

from bed_agent import Agent
from bed_beat import Beat
from bed_command import Command
from bed_libvirt import BOOT, BedError, VirshError, wait_until

DOMAIN = """\
<domain type='qemu'{namespace}>
  <name>{name}</name>
  <memory unit='MiB'>{mem}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{os_xml}
    <kernel>{boot}/vmlinuz</kernel><initrd>{boot}/initrd</initrd>
    <cmdline>console=ttyS0 quiet nokaslr {append}</cmdline></os>
  <features><acpi/><apic/></features>
  <clock offset='utc'/>
  <on_crash>destroy</on_crash>
  <devices>
    {devices}
    <serial type={serial}/>
    <memballoon model='none'/>
  </devices>
  {extra}
</domain>
"""
CHANNEL = "<channel type='unix'>{source}<target type='virtio' name='{name}'/></channel>"
BUS_PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd"}


def disk_xml(disk, index):
    """XML of one disk; `disk` is a path or a dict (path, format, target, bus, serial, cache,
    device, readonly, shareable, xml), where `xml` is put into the element as it is."""
    disk = {"path": disk} if isinstance(disk, str) else disk
    path = disk["path"]
    kind = disk.get("format") or ("qcow2" if path.endswith(".qcow2") else "raw")
    bus = disk.get("bus", "virtio")
    target = disk.get("target") or BUS_PREFIX[bus] + chr(ord("a") + index)
    cache = f" cache={quoteattr(disk['cache'])}" if "cache" in disk else ""
    block = path.startswith("/dev/")
    parts = [f"<disk type='{'block' if block else 'file'}' device='{disk.get('device', 'disk')}'>",
             f"<driver name='qemu' type='{kind}'{cache}/>",
             f"<source {'dev' if block else 'file'}={quoteattr(path)}/>",
             f"<target dev='{target}' bus='{bus}'/>"]
    if "serial" in disk:
        parts.append(f"<serial>{disk['serial']}</serial>")
    parts += [f"<{flag}/>" for flag in ("readonly", "shareable") if disk.get(flag)]
    return "".join(parts) + disk.get("xml", "") + "</disk>"


def network_xml(network):
    """XML of one NIC; `network` is a name or a pair (name, MAC)."""
    name, mac = (network, None) if isinstance(network, str) else network
    address = f"<mac address='{mac}'/>" if mac else ""
    return (f"<interface type='network'>{address}<source network={quoteattr(name)}/>"
            "<model type='virtio'/></interface>")


def beat_path(name):
    """Socket of the beat channel of a VM."""
    return f"/var/lib/libvirt/qemu/{name}.beat"


def command_path(name):
    """Socket of the command channel of a VM."""
    return f"/var/lib/libvirt/qemu/{name}.command"


def agent_path(name):
    """Socket of the second agent of a VM, which libvirt does not know."""
    return f"/var/lib/libvirt/qemu/{name}.agent"


def domain_xml(name, disks, networks=(), mem=256, agent=True, load=False, beat=False, command=False,
               own_agent=False, append="", devices="", extra="", os_xml="", namespace="", console=False):
    """XML of a VM that boots the test guest."""
    parts = [disk_xml(disk, index) for index, disk in enumerate(disks)]
    parts += [network_xml(network) for network in networks]
    if agent:
        parts.append(CHANNEL.format(source="", name="org.qemu.guest_agent.0"))
    for wanted, path, port in ((beat, beat_path(name), "vmsnap.beat"),
                               (command, command_path(name), "vmsnap.command"),
                               (own_agent, agent_path(name), "vmsnap.agent")):
        if wanted:
            source = f"<source mode='bind' path={quoteattr(path)}/>"
            parts.append(CHANNEL.format(source=source, name=port))
    if load:
        append += " vmsnap.load=" + (load if isinstance(load, str) else "1")
    if isinstance(agent, str):
        append += " vmsnap.agent=" + agent
    serial = "'null'"
    if console or os.environ.get("VMSNAP_BED_CONSOLE"):
        serial = f"'file'><source path='/var/log/libvirt/{name}.console'/></serial"
        serial = serial.replace("</serial", "<target port='0'/></serial")
    xml = DOMAIN.format(name=name, mem=mem, boot=BOOT, append=append, namespace=namespace,
                        devices="\n    ".join(parts + [devices]), extra=extra, os_xml=os_xml,
                        serial=serial)
    return xml.replace("</serial/>", "</serial>")


class Vm:
    """A defined VM. Agent helpers (exec, read_file, write_file, ...) are those of Agent."""

    def __init__(self, libvirt, name):
        self.libvirt = libvirt
        self.name = name
        self.guest = Agent(libvirt, name)
        self.agent = self.guest.call
        self.wait_agent = self.guest.wait
        self.exec = self.guest.exec
        self.read_file = self.guest.read_file
        self.write_file = self.guest.write_file

    def virsh(self, command, *args, **options):
        """virsh COMMAND NAME ARGS..., returns stdout."""
        return self.libvirt.virsh(command, self.name, *args, **options).stdout

    def start(self, wait=False, paused=False):
        """Starts the VM; with `wait` returns when the agent answers."""
        self.virsh("start", *(["--paused"] if paused else []))
        if wait:
            self.wait_agent()
        return self

    def state(self):
        """libvirt's word: running, paused, shut off, crashed, ..."""
        return self.virsh("domstate").strip()

    def wait_state(self, state, timeout=60):
        """Waits until the state is as said."""
        wait_until(lambda: self.state() == state, timeout, f"{self.name} is {state}", step=0.05)

    def shutdown(self, mode="agent", timeout=60):
        """Graceful stop by the agent or ACPI; returns when the VM is off."""
        try:
            self.virsh("shutdown", "--mode", mode)
        except VirshError as error:  # a quick guest is gone before it can answer
            if "End of file" not in str(error):
                raise
        self.wait_state("shut off", timeout)

    def reboot(self, timeout=60):
        """Reboots through the agent; returns when the agent of the new boot answers."""
        before = self.boot_id()
        try:
            self.virsh("reboot", "--mode", "agent")
        except VirshError as error:
            if "End of file" not in str(error):
                raise

        def is_new():
            try:
                return self.boot_id() != before
            except (VirshError, BedError):
                return False
        wait_until(is_new, timeout, f"{self.name} has rebooted", step=0.1)

    def destroy(self):
        """Pulls the plug; nothing happens when the VM is off."""
        if self.state() != "shut off":
            self.virsh("destroy")

    def undefine(self):
        """Removes the definition with everything libvirt keeps beside it."""
        self.virsh("undefine", "--nvram", "--managed-save", "--snapshots-metadata",
                   "--checkpoints-metadata")

    def suspend(self):
        """Stops the VM's CPUs."""
        self.virsh("suspend")

    def resume(self):
        """Lets the VM's CPUs run."""
        self.virsh("resume")

    def freeze(self):
        """domfsfreeze; returns nothing, raises when it failed."""
        self.virsh("domfsfreeze")

    def thaw(self):
        """domfsthaw."""
        self.virsh("domfsthaw")

    def frozen(self):
        """True when the agent says that the file systems are frozen."""
        return self.agent("guest-fsfreeze-status") == "frozen"

    def boot_id(self):
        """The guest kernel's id of this boot."""
        return self.read_file("/proc/sys/kernel/random/boot_id").decode().strip()

    def uuid(self):
        """Domain UUID."""
        return self.virsh("domuuid").strip()

    def xml(self, inactive=False):
        """Parsed domain XML, live or inactive."""
        return ElementTree.fromstring(self.virsh("dumpxml", *(["--inactive"] if inactive else [])))

    def disks(self, inactive=False):
        """Maps target to source path."""
        found = {}
        for disk in self.xml(inactive).iter("disk"):
            source = disk.find("source")
            path = None if source is None else source.get("file") or source.get("dev")
            found[disk.find("target").get("dev")] = path
        return found

    def macs(self):
        """MAC addresses in the order of the XML."""
        return [mac.get("address") for mac in self.xml(True).iterfind("devices/interface/mac")]

    def qemu_pid(self):
        """Process id of the running QEMU, inside the cell."""
        with open(f"/run/libvirt/qemu/{self.name}.pid", encoding="ascii") as handle:
            return int(handle.read())

    def kill_qemu(self, number=signal.SIGKILL):
        """Sends QEMU a signal."""
        os.kill(self.qemu_pid(), number)

    def stop_agent(self):
        """Freezes the agent process itself: libvirt then waits in vain."""
        self.exec(["sh", "-c", "(sleep 0.2; kill -STOP $(pidof qemu-ga)) >/dev/null 2>&1 &"])

    def load_seq(self):
        """Number of the last record that is on every disk (workload `records`)."""
        code, out, _ = self.guest.result(["cat", "/run/records"])
        return int(out) if code == 0 and out else 0

    def wait_load(self, seq=1, timeout=60):
        """Waits until that record is on every disk."""
        wait_until(lambda: self.load_seq() >= seq, timeout, f"{self.name} writes record {seq}",
                   step=0.05)

    def pause_load(self):
        """Stops the workload between two instructions."""
        self.exec(["sh", "-c", "pidof guest-work | tr ' ' '\\n' | grep -vx 1 | xargs kill -STOP"])

    def resume_load(self):
        """Lets the workload go on."""
        self.exec(["killall", "-CONT", "guest-work"])

    def gap_reset(self):
        """Clears the longest write pause (workload `gap`)."""
        self.exec(["guest-work", "gap-reset"])

    def gap_ms(self):
        """Longest write pause in the guest's own time; that stands still while suspended."""
        return float(self.exec(["guest-work", "gap-read"]).split()[0])

    def beat(self):
        """Starts timing the beats of the workload with the host's clock (beat=True VMs)."""
        return Beat(beat_path(self.name))

    def command(self):
        """Opens the way into the guest that needs no agent (command=True VMs)."""
        return Command(command_path(self.name))

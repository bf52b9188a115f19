# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest agent made of Python behind the real libvirt channel.

QEMU and libvirt both connect to its socket: the guest's own agent opens its port, so that libvirt
believes in an agent, and is never heard again. Every answer can be replaced by bytes of the test's
choice.
"""

import json
import os
import socket
import threading

SUPPORTED = ["guest-ping", "guest-info", "guest-get-osinfo", "guest-get-fsinfo",
             "guest-fsfreeze-status", "guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]
SILENT = b""  # an answer that never comes
HANG_UP = object()  # the channel is closed instead of an answer


class Doing:
    """An answer that is more than bytes: `act` gets the connection, and returns FALSE to close
    it."""

    def __init__(self, act):
        self._act = act

    def do(self, client):
        """Answers; FALSE when the channel is to be closed."""
        try:
            return self._act(client) is not False
        except OSError:  # has heard enough
            return False


def value(thing):
    """A good answer with this value."""
    return json.dumps({"return": thing}).encode()


def refusal(text, kind="GenericError"):
    """A refusal with this text."""
    return json.dumps({"error": {"class": kind, "desc": text}}).encode()


def one_filesystem(vm):
    """What a good agent lists for a VM with one disk."""
    at = vm.xml().find("devices/disk/address")
    pci = {part: int(at.get(part), 16) for part in ("domain", "bus", "slot", "function")}
    return [{"name": "vda", "mountpoint": "/", "type": "ext4",
             "disk": [{"bus-type": "virtio", "bus": 0, "target": 0, "unit": 0, "dev": "/dev/vda",
                       "pci-controller": pci}]}]


class HostileAgent:
    """Answers libvirt; `say` maps a command to bytes, to a list of them (one per call, the last
    for ever after), or to a function of the command."""

    def __init__(self, path):
        self.path = path
        self.say = {}
        self.frozen = False
        self.obeys = True  # does what it is asked whatever it answers; else only what it answers
        self.filesystems = []
        self.called = []  # commands in the order they came
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        os.chmod(path, 0o777)
        self._listener.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self, **say):
        """New manners: keywords are commands with `_` for `-` and without `guest-`."""
        self.say = {"guest-" + name.replace("_", "-"): what for name, what in say.items()}
        self.frozen = False
        self.called = []

    def end(self):
        """Nobody is served any more."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def count(self, command):
        """How often a command came."""
        return self.called.count(command)

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        buffer = b""
        while True:
            try:
                data = client.recv(65536)
            except OSError:
                return
            if not data:
                client.close()
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                if not self._one(client, line.strip(b"\xff\r ")):
                    client.close()
                    return

    def _one(self, client, line):
        """Answers one request; FALSE when the channel is to be closed."""
        try:
            request = json.loads(line)
            command = request["execute"]
        except (ValueError, KeyError, TypeError):
            return True
        if command in ("guest-sync", "guest-sync-delimited"):
            return self._synchronise(client, request)
        self.called.append(command)
        said = self._chosen(command, self._truth(command) if self.obeys else None)
        if isinstance(said, Doing):
            return said.do(client)
        if said is HANG_UP:
            return False
        try:
            client.sendall(said + b"\n" if said else b"")
        except OSError:  # libvirt has heard enough
            return False
        return True

    def _synchronise(self, client, request):
        head = b"\xff" if request["execute"] == "guest-sync-delimited" else b""
        said = self.say.get(request["execute"], head + value(request["arguments"]["id"]))
        said = said(request["arguments"]["id"]) if callable(said) else said
        if said is HANG_UP:
            return False
        if isinstance(said, Doing):
            return said.do(client)
        client.sendall(said + b"\n" if said else b"")
        return True

    def _chosen(self, command, truth):
        said = self.say.get(command, self.say.get("guest-all", truth))
        if isinstance(said, list):
            said = said.pop(0) if len(said) > 1 else said[0]
        said = said(command) if callable(said) else said
        if said is None:
            return truth if self.obeys else self._truth(command)
        return said

    def _truth(self, command):
        """What a good agent would say."""
        if command == "guest-fsfreeze-freeze":
            self.frozen = True
            return value(1)
        if command == "guest-fsfreeze-thaw":
            was, self.frozen = self.frozen, False
            return value(int(was))
        good = {
            "guest-ping": {},
            "guest-fsfreeze-status": "frozen" if self.frozen else "thawed",
            "guest-info": {"version": "7.2.0", "supported_commands": [
                {"name": name, "enabled": True, "success-response": True} for name in SUPPORTED]},
            "guest-get-osinfo": {"id": "debian"},
            "guest-get-fsinfo": self.filesystems,
        }
        return value(good[command]) if command in good else refusal("?", "CommandNotFound")

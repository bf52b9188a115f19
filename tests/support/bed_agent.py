# SPDX-License-Identifier: LGPL-2.1-or-later
"""Talking to the guest agent of one VM through the private libvirt."""

import base64
import json
import time

from bed_libvirt import BedError, VirshError, wait_until


class GuestError(BedError):
    """A program in the guest ended badly."""


class Agent:
    """The agent of one domain; every call is its own virsh, so none blocks another for long."""

    def __init__(self, libvirt, domain):
        self.libvirt = libvirt
        self.domain = domain

    def call(self, command, args=None, timeout=10):
        """Runs an agent command and returns its `return` value."""
        request = {"execute": command}
        if args is not None:
            request["arguments"] = args
        done = self.libvirt.virsh("qemu-agent-command", self.domain, "--timeout", str(timeout),
                                  json.dumps(request))
        return json.loads(done.stdout)["return"]

    def answers(self):
        """True when the agent answers a ping now."""
        try:
            self.call("guest-ping", timeout=2)
            return True
        except VirshError:
            return False

    def wait(self, timeout=60):
        """Waits until the agent answers."""
        wait_until(self.answers, timeout, f"agent of {self.domain} answers", step=0.05)

    def result(self, argv, stdin=None, timeout=60):
        """Runs a program in the guest; returns (exit code or -signal, stdout, stderr) as bytes."""
        args = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        if stdin is not None:
            args["input-data"] = base64.b64encode(stdin).decode()
        pid = self.call("guest-exec", args)["pid"]
        deadline = time.monotonic() + timeout
        while True:
            status = self.call("guest-exec-status", {"pid": pid})
            if status["exited"]:
                break
            if time.monotonic() > deadline:
                raise BedError(f"{self.domain}: {argv} still runs after {timeout} s")
            time.sleep(0.02)
        code = status["exitcode"] if "exitcode" in status else -status["signal"]
        return (code, base64.b64decode(status.get("out-data", "")),
                base64.b64decode(status.get("err-data", "")))

    def exec(self, argv, stdin=None, timeout=60):
        """Runs a program in the guest and returns its stdout as text; failing is a GuestError."""
        code, out, err = self.result(argv, stdin, timeout)
        if code != 0:
            raise GuestError(f"{self.domain}: {argv} gave {code}: {err.decode().strip()}")
        return out.decode()

    def start(self, argv):
        """Starts a program in the guest and returns its process id at once."""
        return self.call("guest-exec", {"path": argv[0], "arg": list(argv[1:])})["pid"]

    def read_file(self, path):
        """Contents of a file in the guest."""
        handle = self.call("guest-file-open", {"path": path, "mode": "r"})
        data = b""
        try:
            while True:
                part = self.call("guest-file-read", {"handle": handle, "count": 1 << 20})
                data += base64.b64decode(part["buf-b64"])
                if part["eof"]:
                    return data
        finally:
            self.call("guest-file-close", {"handle": handle})

    def write_file(self, path, data):
        """Replaces a file in the guest and flushes it to the file system (not to the disk)."""
        data = data.encode() if isinstance(data, str) else data
        handle = self.call("guest-file-open", {"path": path, "mode": "w"})
        try:
            for start in range(0, len(data), 49152):
                part = base64.b64encode(data[start:start + 49152]).decode()
                self.call("guest-file-write", {"handle": handle, "buf-b64": part})
            self.call("guest-file-flush", {"handle": handle})
        finally:
            self.call("guest-file-close", {"handle": handle})

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A way into the guest besides the agent: a channel of its own and a shell behind it.

It works while the agent is stopped, killed or cut off, and while file systems are frozen.
"""

import socket
import time

from bed_libvirt import BedError


class Command:
    """The command channel of one VM (command=True); one line is run at a time."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._rest = b""

    def _line(self, deadline):
        while b"\n" not in self._rest:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                raise BedError("the command channel is silent") from None
            if not data:
                raise BedError("the command channel was closed")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")

    def send(self, line):
        """Starts a line of shell that will not answer."""
        self._socket.sendall(line.encode() + b"\n")

    def result(self, line, timeout=20):
        """Runs a line of shell; returns (exit code, what it printed)."""
        deadline = time.monotonic() + timeout
        self.send(line)
        printed = []
        while True:
            said = self._line(deadline)
            if said.startswith(". ") and said[2:].isdigit():
                return int(said[2:]), "\n".join(printed)
            printed.append(said)

    def send(self, line):
        """Starts a line of shell that takes the guest down: there will be no answer."""
        self._socket.sendall(line.encode() + b"\n")

    def run(self, line, timeout=20):
        """Runs a line of shell and returns what it printed; failing is a BedError."""
        code, printed = self.result(line, timeout)
        if code != 0:
            raise BedError(f"{line}: {code}: {printed}")
        return printed

    def close(self):
        """Lets go of the channel."""
        self._socket.close()

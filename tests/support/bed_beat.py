# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pauses of a guest as seen from outside.

A guest's own clock stands still while the VM is suspended, so the workload also sends a line per
round over a channel of its own, and this thread times the lines with the host's clock.
"""

import collections
import socket
import threading
import time


class Beat:
    """Longest time without a beat, in milliseconds, since the last reset."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._longest = 0.0
        self.beats = 0
        self._times = collections.deque(maxlen=4096)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            now = time.monotonic()
            with self._lock:
                self._longest = max(self._longest, now - self._last)
                self._last = now
                self.beats += data.count(b"\n")
                self._times.append(now)

    def reset(self):
        """Forgets what was; a pause that began before counts from now."""
        with self._lock:
            self._last = time.monotonic()
            self._longest = 0.0

    def longest_ms(self):
        """Longest pause since the reset, one that still lasts included."""
        with self._lock:
            return max(self._longest, time.monotonic() - self._last) * 1000

    def silence_ms(self):
        """How long ago the last beat was."""
        with self._lock:
            return (time.monotonic() - self._last) * 1000

    def resumed_after(self, moment, timeout, beats=3):
        """Waits until that many beats came after the moment; returns the milliseconds it took."""
        while True:
            with self._lock:
                times = [each for each in self._times if each > moment]
            if len(times) >= beats:
                return (times[beats - 1] - moment) * 1000
            if time.monotonic() - moment > timeout:
                raise TimeoutError(f"{len(times)} beats in {timeout} s")
            time.sleep(0.005)

    def close(self):
        """Ends the thread."""
        self._socket.close()

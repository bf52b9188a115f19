# SPDX-License-Identifier: LGPL-2.1-or-later
"""Running tests/support/embedder.py: a host program that can be stopped and killed at a stage."""

import json
import os
import queue
import signal
import subprocess
import threading
import time

import harness


class Host:
    """A host program that takes one snapshot; arguments are those of embedder.py."""

    def __init__(self, vm, name, **keys):
        line = [f"{harness.ROOT}/tests/support/embedder.py", vm.name, name,
                *(f"{key}={value}" for key, value in keys.items())]
        self.seen = []
        self._lines = queue.Queue()
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def line(self, *heads, timeout=60):
        """Waits for a line that starts with one of the heads; returns the rest."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {heads} within {timeout} s: {self.seen}") from None
            assert line is not None, f"ended with {self.process.wait()}: {self.seen} " \
                f"{self.process.stderr.read()}"
            self.seen.append(line)
            for head in heads:
                if line.startswith(f"{head} "):
                    return line[len(head) + 1:]

    def stop_at(self, stage):
        """Stops it (SIGSTOP) in this stage."""
        self.at(stage)
        self.process.send_signal(signal.SIGSTOP)

    def stop_in_copy(self):
        """Stops it half way through a copy: all its connections are set up by then."""
        self.line("copied")
        self.process.send_signal(signal.SIGSTOP)

    def at(self, stage):
        """Waits for this stage."""
        while self.line("stage", "done", "error") != stage:
            assert not self.seen[-1].startswith(("done", "error")), self.seen

    def go_on(self):
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def error(self, timeout=120):
        """Waits for its failure; returns the error. That it can say so proves that it lives."""
        text = self.line("error", "done", timeout=timeout)
        assert self.seen[-1].startswith("error"), self.seen
        assert self.process.wait(30) == 0, self.process.returncode
        error = json.loads(text)
        return error.get("error", error)

    def grade(self, timeout=120):
        """Waits for its success; returns the snapshot's grade."""
        text = self.line("error", "done", timeout=timeout)
        assert self.seen[-1].startswith("done"), self.seen
        assert self.process.wait(30) == 0, self.process.returncode
        return text.lower()


def alive(pid):
    """True while the process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def end(pid):
    """Kills a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass

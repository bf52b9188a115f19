#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host program of the library, for tests that kill it or what it needs:

    embedder.py VM SNAPSHOT [KEY=VALUE...]

Prints `stage NAME` for each stage of the job, `copied half` in the middle of a copy, in the end `done JSON` or `error JSON`. Keys: method,
consistency, store, catalog, wait (seconds), freeze_call (seconds); fork=STAGE makes a child in that
stage, which prints `child PID` and `child-said CODE` for what a call on a handle of its parent
gave, and lives on.
"""

import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/bindings/python")
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as in a C program

import vmsnap  # noqa: E402  pylint: disable=wrong-import-position


def say(*words):
    """One line, in one write, at once."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def worker(machine):
    """A child of the host: it must not be able to use what its parent opened."""
    if os.fork() != 0:
        return
    say("child", os.getpid())
    try:
        machine.check()
        code = "nothing"
    except vmsnap.Error as error:
        code = error.code.name
    say("child-said", code)
    time.sleep(600)
    os._exit(0)


def watch(machine, job, fork_at):
    """Tells the stages until the job ends."""
    last = None
    half = False
    while True:
        ended = job.wait(0.001)
        now = job.progress()
        stage = now.stage.name.lower()
        if not half and stage == "copying" and now.total and now.done * 2 > now.total:
            half = True
            say("copied half")
        if stage != last:
            last = stage
            say("stage", stage)
            if stage == fork_at:
                worker(machine)
        if ended:
            return


def main():
    """Takes one snapshot."""
    machine_name, name, *words = sys.argv[1:]
    keys = dict(word.split("=", 1) for word in words)
    options = {key: float(keys[given]) for given, key in
               (("wait", "wait_ready"), ("freeze_call", "freeze_call")) if given in keys}
    with vmsnap.Context("qemu:///system", catalog=keys.get("catalog")) as context:
        try:
            machine = context.find_vm(machine_name)
            job = machine.snapshot(
                name, method=vmsnap.Method[keys.get("method", "auto").upper()],
                consistency=vmsnap.Consistency[keys.get("consistency", "require").upper()],
                store=keys.get("store"), **options)
            watch(machine, job, keys.get("fork"))
            say("done", job.snapshot().grade.name)
        except vmsnap.Error as error:
            say("error", error.json)


main()

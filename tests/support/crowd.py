#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host program that takes several snapshots at once:

    crowd.py VM [CONTEXTS]

Reads lines: `take METHOD NAME...` starts a job for each name, in turn on each of its contexts, and
answers when all have ended with one line of JSON: {name: snapshot or error}. `drop NAME...` deletes
and answers {}. Ends with its input.
"""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/bindings/python")

import vmsnap  # noqa: E402  pylint: disable=wrong-import-position

WAIT_S = 60


def take(machines, method, names):
    """All at once."""
    jobs = {name: machines[number % len(machines)].snapshot(
        name, method=vmsnap.Method[method.upper()], wait_ready=WAIT_S)
        for number, name in enumerate(names)}
    ended = {}
    for name, job in jobs.items():
        try:
            job.wait()
            ended[name] = job.snapshot().info
        except vmsnap.Error as error:
            ended[name] = json.loads(error.json)
    return ended


def main():
    """Does as it is told."""
    contexts = [vmsnap.Context("qemu:///system") for _ in range(int((sys.argv[2:] or ["1"])[0]))]
    machines = [context.find_vm(sys.argv[1]) for context in contexts]
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "take":
            answer = take(machines, rest[0], rest[1:])
        else:
            answer = {}
            for name in rest:
                contexts[0].find_snapshot(name).delete().wait()
        print(json.dumps(answer), flush=True)


main()

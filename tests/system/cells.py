# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cells of the table of consistency, each proven by the command on a VM that stands as it says."""

import harness
from refusal import expect
from scenes import left_beside, left_in_hands, wait_hands_empty

POLICIES = ("require", "prefer", "skip")
CODES = {"FreezeFailed": "AGENT", "AgentNotReady": "AGENT", "FreezeUnsupported": "AGENT",
         "PotentiallyInconsistent": "INCONSISTENT", "ThawedEarly": "INCONSISTENT",
         "Migrating": "BUSY", "BlockDevicesNotReady": "BUSY", "OpenElsewhere": "BUSY"}
TRIED, PASSED = [0], [0]


class Cells:
    """A row's cells on one VM. `thawed` is what must hold of the guest after each."""

    def __init__(self, vm, folder, thawed=lambda: None):
        self.vm = vm
        self.folder = folder
        self.thawed = thawed
        self.name = None

    def _create(self, policy, options):
        TRIED[0] += 1
        self.name = f"cell{TRIED[0]}"
        return harness.vmsnap("snapshot", "create", self.vm.name, self.name, "--consistency",
                              policy, *options)

    def _find(self):
        reply = harness.vmsnap("snapshot", "show", self.name)
        return reply.json if reply.code == 0 else None

    def _check_rest(self, shots=()):
        wait_hands_empty()
        assert left_in_hands() == [], left_in_hands()
        assert left_beside(self.folder, shots) == [], left_beside(self.folder, shots)
        self.thawed()

    def refused(self, policy, reason, text, options=()):
        """One cell: a refusal with this reason; the text is in its message whole."""
        reply = self._create(policy, options)
        error = expect(reply, 4 if CODES[reason] == "BUSY" else 1, CODES[reason], reason)
        assert text in error["message"], (text, reply)
        assert error["frozen"] == "no", reply
        record = self._find()
        if record:
            condition = record["conditions"][-1]
            assert (record["phase"], condition["type"], condition["status"]) == \
                ("Failed", "VirtualMachineSnapshotReady", "False"), record
            assert condition["reason"] == reason and text in condition["message"], record
            harness.vmsnap("snapshot", "delete", record["uuid"], check=0)
        self._check_rest()
        PASSED[0] += 1
        return error

    def taken(self, policy, grade, text="", options=(), told_only=False):
        """One cell: a snapshot of this grade; what speaks against it is in its warnings and in its
        condition (with `told_only` in the warnings)."""
        reply = self._create(policy, options)
        assert reply.code == (6 if (policy, grade) == ("prefer", "crash") else 0), reply
        shot = reply.json
        assert (shot["phase"], shot["consistency"]) == ("Ready", grade), reply
        assert shot["consistent"] == (grade != "crash"), reply
        condition = shot["conditions"][-1]
        assert (condition["type"], condition["status"]) == \
            ("VirtualMachineSnapshotReady", "True"), shot
        told = " ".join(shot["evidence"]["warnings"])
        assert text in told, (text, shot["evidence"])
        if grade == "crash" and not told_only:
            assert text in f"{condition['reason']}: {condition['message']}", (text, condition)
        elif grade != "crash" and "HardStopped" not in text:
            assert shot["evidence"]["warnings"] == [], shot["evidence"]
        if policy == "skip":
            assert shot["evidence"]["frozen_count"] is None, shot["evidence"]
            assert shot["evidence"]["agent_version"] is None, shot["evidence"]
        self._check_rest([shot])
        harness.vmsnap("snapshot", "delete", shot["uuid"], check=0)
        PASSED[0] += 1
        return shot

    def foreseen(self, require, prefer):
        """The preflight says what the cells will say, for the same reason."""
        reply = harness.vmsnap("check", self.vm.name)
        found = reply.json
        first = next((each["reason"] for each in found["findings"]
                      if each["severity"] == "conflict"), None)
        if isinstance(require, str):
            assert (reply.code, found["verdict"], first) == (0, require, None), reply
        elif isinstance(prefer, str):
            assert (reply.code, found["verdict"], first) == (6, "crash", require[0]), reply
            assert require[1] in " ".join(each["message"] for each in found["findings"]), reply
        else:
            assert (reply.code, found["verdict"], first) == (3, "blocked", require[0]), reply
        self._check_rest()
        PASSED[0] += 1
        return found

    def row(self, require, prefer, skip, text="", options=(), check=True):
        """A row: each cell is a grade, (reason, text) for a refusal, or None where there is none.
        `text` is what a crash of prefer tells. With `check` the preflight must foresee it."""
        if check:
            self.foreseen(require, prefer)
        for policy, cell in zip(POLICIES, (require, prefer, skip)):
            if cell is None:
                continue
            if isinstance(cell, str):
                self.taken(policy, cell, text if (policy, cell) != ("skip", "crash") else "",
                           options)
            else:
                self.refused(policy, *cell, options)


def say():
    """The figure of the suite."""
    harness.note(f"table: {PASSED[0]} cells passed")

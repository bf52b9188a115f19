# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract of the command: exit codes, JSON, usage. test_cli.py BUILD [unittest options].

Runs on libvirt's in-process test driver, which believes that every disk has DISK_SIZE bytes; a
sparse file of that size is all that a snapshot of a VM that is off needs.
"""

import datetime
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.path.abspath(sys.argv.pop(1))
DISK_SIZE = 1099506450432
UUID = "11111111-2222-3333-4444-555555555555"
NOWHERE = "00000000-0000-4000-8000-000000000000"
NODE = """<node>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <name>web</name><uuid>{uuid}</uuid><memory>65536</memory><os><type>hvm</type></os>
    <devices><disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk></devices>
    <test:runstate>5</test:runstate>
  </domain>
  <domain type='test'>
    <name>busy</name><memory>65536</memory><os><type>hvm</type></os>
  </domain>
</node>
"""
ERROR_KEYS = {"code", "reason", "step", "object", "message", "origin", "origin_code", "cause",
              "frozen"}
SNAPSHOT_KEYS = {"name", "uuid", "kind", "phase", "consistent", "consistency", "policy", "partial",
                 "vm", "created", "labels", "conditions", "resources", "disks", "evidence"}
DISK_KEYS = {"target", "name", "method", "path", "format", "virtual_size", "allocated",
             "consistency", "cut_offset_ms"}
EVIDENCE_KEYS = {"instance", "agent_version", "filesystems", "freeze_list", "frozen_count",
                 "thawed_count", "freeze_window_ms", "events", "filesystem_state"}
OPERATION_KEYS = {"uuid", "type", "mode", "phase", "source", "target", "conditions", "resources",
                  "plan"}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vms-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.state = self.folder + "/state"
        self.disk = self.folder + "/disk.img"
        self.uri = f"test://{self.folder}/node.xml"
        with open(self.folder + "/node.xml", "w", encoding="utf-8") as file:
            file.write(NODE.format(uuid=UUID, disk=self.disk))
        self.write("one")

    def write(self, text):
        with open(self.disk, "wb") as file:
            file.write(text.encode())
            file.truncate(DISK_SIZE)

    def read(self):
        with open(self.disk, "rb") as file:
            return file.read(3).decode()

    def start(self, *words, **more):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("VMSNAP_")}
        environment.update(LD_LIBRARY_PATH=BUILD + "/src", VMSNAP_STATE_DIR=self.state,
                           LC_ALL="C.UTF-8", VMSNAP_URI=self.uri)
        environment.update(more.pop("environment", {}))
        return subprocess.Popen([BUILD + "/src/cli/vmsnap", *words], env=environment, text=True,
                                stdin=subprocess.DEVNULL,
                                stdout=more.pop("stdout", subprocess.PIPE),
                                stderr=subprocess.PIPE, **more)

    def run_command(self, *words, code=0, **more):
        with self.start(*words, **more) as process:
            out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, f"{words}\n{out}\n{err}")
        return out or "", err

    def json(self, *words, code=0, **more):
        out, _ = self.run_command("-o", "json", *words, code=code, **more)
        self.assertEqual(out.count("\n"), 1, "one document, one line")
        return json.loads(out)

    def error(self, *words, code, **more):
        document = self.json(*words, code=code, **more)
        self.assertEqual(set(document), {"error"})
        self.assertLessEqual(ERROR_KEYS, set(document["error"]))
        return document["error"]

    def snapshot(self, name="one", *more):
        return self.json("snapshot", "create", "web", name, *more)


class Usage(Case):
    WRONG = [
        [], ["bogus"], ["vm"], ["vm", "bogus"], ["vm", "list", "--bogus"], ["vm", "list", "-x"],
        ["vm", "show"], ["vm", "show", "a", "b"], ["vm", "list", "a"], ["-o", "xml", "vm", "list"],
        ["snapshot", "create", "web"], ["snapshot", "create", "web", "a", "--consistency", "x"],
        ["snapshot", "create", "web", "a", "--method", "overlay"],
        ["snapshot", "create", "web", "a", "--wait-ready", "soon"],
        ["snapshot", "create", "web", "a", "--wait-ready", "1e3"],
        ["snapshot", "create", "web", "a", "--wait-ready"],
        ["snapshot", "create", "web", "a", "--label"],
        ["snapshot", "create", "web", "Not-A-Name"],
        ["snapshot", "create", "web", "a", "--label", "no-equals"],
        ["snapshot", "create", "web", "a", "--store", "relative"],
        ["snapshot", "list", "--label", "no-equals"],
        ["restore", "web", "one"], ["restore", "web", "one", "--mode", "soft"],
        ["restore", "web", "one", "--mode", ""], ["restore", "web", "one", "--mode=strict=1"],
        ["undo"], ["undo", "drop"], ["undo", "not-a-uuid"], ["--no-recover=1", "vm", "list"],
        ["clone", "web", "--mode", "strict"], ["freeze"], ["thaw"],
        ["freeze", "web", "--timeout", "601"],
        ["gc", "now"], ["undo", "drop"], ["undo", "drop", "x"], ["export", "disk:/x"],
        ["disk-snapshot", "create", "disk", "a"], ["disk-snapshot", "create", "web/", "a"],
        ["disk-snapshot", "create", "web/vda", "a", "--disk", "vda"],
        ["disk-snapshot", "create", "web/vda", "a", "--format", "vmdk"],
        ["disk", "restore", "one"], ["image", "create", "one"],
        ["disk", "restore", "one", "--to", "/x", "--size", "1X"],
        ["disk", "restore", "one", "--to", "/x", "--size", "0"],
        ["disk", "restore", "one", "--to", "/x", "--size", "99999999999T"],
        ["disk", "restore", "one", "--to", "/x", "--full", "--linked"],
        ["image", "create", "one", "--to", "/x", "--linked"],
        ["disk-snapshot", "create", "web/vda", "a", "--format", "qcow2"],
        ["recover", "--force-thaw"],
    ]

    def test_mistakes_exit_2_with_a_message_and_no_trace(self):
        for words in self.WRONG:
            with self.subTest(words):
                out, err = self.run_command(*words, code=2)
                self.assertEqual(out, "")
                self.assertTrue(err.startswith("vmsnap: "), err)
        self.assertFalse(os.path.exists(self.disk.replace("disk.img", ".vmsnap")))

    def test_mistakes_are_json_when_json_was_asked_for(self):
        for words in self.WRONG:
            if "xml" in words:
                continue
            with self.subTest(words):
                self.assertEqual(self.error(*words, code=2)["code"], "INVALID")

    def test_help_on_every_level(self):
        for words in [["--help"], ["-h"], ["snapshot", "--help"], ["restore", "--help"],
                      ["snapshot", "create", "--help"], ["undo", "list", "-h"]]:
            with self.subTest(words):
                out, err = self.run_command(*words)
                self.assertIn("Usage: vmsnap", out)
                self.assertEqual(err, "")
                self.assertNotIn("--guard", out)
        self.assertIn("--mode", self.run_command("restore", "--help")[0])
        self.assertIn("verify", self.run_command("snapshot", "--help")[0])
        self.assertNotIn("restore", self.run_command("snapshot", "--help")[0])

    def test_manual_and_completion_know_every_command_and_option(self):
        top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        with open(top + "/docs/vmsnap.1.scd", encoding="utf-8") as file:
            manual = file.read()
        with open(top + "/src/cli/vmsnap.bash", encoding="utf-8") as file:
            completion = file.read()
        out = self.run_command("--help")[0]
        commands = re.findall(r"^  ([a-z-]+(?: [a-z]+)?)(?: [A-Z\[]| {2})", out, re.M)
        self.assertIn("snapshot create", commands)
        for command in commands:
            self.assertIn(f"*{command}*", manual)
            for option in re.findall(r"--[a-z-]+", self.run_command(*command.split(), "-h")[0]):
                with self.subTest(command, option=option):
                    self.assertIn(f"*{option}*", manual)
                    self.assertIn(option, completion)

    def complete(self, *words):
        """What bash offers for the last word, and the command it asked for names."""
        top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        script = f"""source {top}/src/cli/vmsnap.bash
            vmsnap() {{ echo "$*" >&2; printf 'NAME X\\nweb y\\n$(id) y\\n'; }}
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vmsnap; echo "${{COMPREPLY[@]}}" """
        # Names are asked for with stderr thrown away: keep what the stub says elsewhere.
        script = script.replace(">&2", f">>{self.folder}/asked")
        done = subprocess.run(["bash", "-c", script, "bash", "vmsnap", *words], text=True,
                              check=True, capture_output=True)
        self.assertEqual(done.stderr, "")
        try:
            with open(self.folder + "/asked", encoding="utf-8") as file:
                asked = file.read().strip()
            os.unlink(self.folder + "/asked")
        except FileNotFoundError:
            asked = None
        return done.stdout.split(), asked

    def test_completion_knows_where_it_is(self):
        names = "--no-recover -q vm list"
        for words, offers, asked in [
                ([""], "check freeze thaw vm disk image inventory snapshot disk-snapshot restore clone "
                 "flatten undo gc operation recover", None),
                (["check", ""], "web", names),
                (["--state-dir", "/x", "check", "w"], "web",
                 "--no-recover -q --state-dir /x vm list"),
                (["--state-dir", "=", "/x", "check", ""], "web",
                 "--no-recover -q --state-dir /x vm list"),
                (["restore", "--mode", "strict", ""], "web", names),
                (["restore", "--mode", "=", "strict", "--plan", "f", "web", ""], "web",
                 "--no-recover -q snapshot list"),
                (["restore", "web", "one", "--mode", ""], "dry-run strict best-effort", None),
                (["restore", "web", "one", "--mode", "="], "dry-run strict best-effort", None),
                (["restore", "web", "one", "--mode", "=", "s"], "strict", None),
                (["-o", ""], "table json", None),
                (["snapshot", "wait", "--ti"], "--timeout", None),
                (["snapshot", "adopt", "--acc"], "--accept-times", None),
                (["operation", "drop", "x", "--da"], "--damaged", None)]:
            with self.subTest(words):
                self.assertEqual(self.complete(*words), (offers.split(), asked))

    def test_version(self):
        self.assertRegex(self.run_command("--version")[0], r"^vmsnap \d+\.\d+\.\d+\n$")

    def test_options_may_stand_anywhere(self):
        for words in [["-ojson", "vm", "list"], ["vm", "list", "-o", "json"],
                      ["-qojson", "vm", "list"], ["vm", "list", "--output=json"]]:
            with self.subTest(words):
                self.assertEqual(len(json.loads(self.run_command(*words)[0])["items"]), 2)

    def test_after_two_dashes_words_are_no_options(self):
        self.assertEqual(self.error("vm", "show", "--", "--help", code=5)["code"], "NOT_FOUND")


class Looking(Case):
    def test_lists_leave_nothing_behind(self):
        for words in [["vm", "list"], ["disk", "list"], ["snapshot", "list"], ["operation", "list"],
                      ["disk-snapshot", "list"], ["undo", "list"]]:
            with self.subTest(words):
                self.assertIn("items", self.json(*words))
                self.run_command(*words)
        self.run_command("check", "web")
        self.assertFalse(os.path.exists(self.state))

    def test_what_is_not_there_exits_5(self):
        for words in [["vm", "show", "nope"], ["snapshot", "show", "nope"], ["check", "nope"],
                      ["snapshot", "delete", "nope"], ["snapshot", "verify", "nope"],
                      ["snapshot", "wait", "nope"], ["operation", "show", NOWHERE],
                      ["undo", NOWHERE], ["restore", "web", "nope", "--mode", "dry-run"],
                      ["snapshot", "create", "nope", "one"],
                      ["disk-snapshot", "create", "web/vdz", "one"],
                      ["disk-snapshot", "create", "nope/vda", "one"],
                      ["disk-snapshot", "create", "/nope", "one"],
                      ["disk", "restore", "nope", "--to", "/x"],
                      ["image", "create", "nope/vda", "--to", "/x"],
                      ["disk-snapshot", "show", "nope"]]:
            with self.subTest(words):
                self.assertEqual(self.error(*words, code=5)["code"], "NOT_FOUND")
                out, err = self.run_command(*words, code=5)
                self.assertEqual(out, "")
                self.assertIn("NOT_FOUND", err)

    def test_the_inventory(self):
        vm = self.json("vm", "show", "web")
        self.assertEqual((vm["name"], vm["uuid"], vm["state"]), ("web", UUID, "off"))
        self.assertEqual(self.json("vm", "show", UUID), vm)
        disk, = self.json("disk", "list", "web")["items"]
        self.assertEqual((disk["name"], disk["path"], disk["format"]),
                         ("web/vda", self.disk, "raw"))
        self.assertEqual(disk["vm"], {"name": "web", "uuid": UUID})
        self.assertIn(self.disk, self.run_command("vm", "show", "web")[0])

    def test_check_tells_its_verdict_by_exit_code(self):
        check = self.json("check", "web")
        self.assertEqual(check["verdict"], "offline")
        self.assertEqual(check["disks"][0]["target"], "vda")
        self.assertIn("offline", self.run_command("check", "web")[0])
        os.unlink(self.disk)
        self.assertEqual(self.json("check", "web", code=3)["verdict"], "blocked")

    def test_without_a_hypervisor_records_are_still_there(self):
        self.snapshot()
        items = self.json("-c", "none", "snapshot", "list")["items"]
        self.assertEqual([item["name"] for item in items], ["one"])
        self.assertEqual(self.error("-c", "none", "vm", "list", code=1)["reason"], "NoHypervisor")

    def test_settings_come_from_options_then_from_the_environment(self):
        other = self.folder + "/other"
        self.snapshot()
        for words, environment in [(["--state-dir", other], {}),
                                   ([], {"VMSNAP_STATE_DIR": other}),
                                   (["--catalog", f"sqlite:{other}.db"], {}),
                                   ([], {"VMSNAP_CATALOG": f"sqlite:{other}.db"})]:
            with self.subTest(words or environment):
                self.assertEqual(self.json(*words, "snapshot", "list", environment=environment),
                                 {"items": []})
        self.assertEqual(len(self.json("snapshot", "list")["items"]), 1)
        self.run_command("vm", "list", code=1, environment={"VMSNAP_URI": "none"})
        self.run_command("-c", self.uri, "vm", "list", environment={"VMSNAP_URI": "none"})

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.run_command("vm", "list", code=1, stdout=full)


class Working(Case):
    def test_a_snapshot_has_the_keys_of_the_contract(self):
        made = self.snapshot("one", "--label", "a=b", "--label", "tier=db", "--description", "ä\n")
        self.assertLessEqual(SNAPSHOT_KEYS, set(made))
        self.assertLessEqual(DISK_KEYS, set(made["disks"][0]))
        self.assertLessEqual(EVIDENCE_KEYS, set(made["evidence"]))
        self.assertEqual((made["name"], made["phase"], made["consistent"], made["consistency"]),
                         ("one", "Ready", True, "offline"))
        self.assertEqual((made["labels"], made["description"]), ({"a": "b", "tier": "db"}, "ä\n"))
        self.assertEqual(made["vm"], {"name": "web", "uuid": UUID})
        self.assertRegex(made["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(self.json("snapshot", "show", "one"), made)
        self.assertEqual(self.json("snapshot", "show", made["uuid"]), made)
        self.assertEqual(self.json("snapshot", "wait", "one"), made)

    def test_a_disk_snapshot_has_the_keys_of_the_contract(self):
        self.snapshot("one")
        made = self.json("disk-snapshot", "create", "web/vda", "one", "--label", "a=b")
        self.assertLessEqual(SNAPSHOT_KEYS, set(made))
        self.assertLessEqual(DISK_KEYS, set(made["disks"][0]))
        self.assertEqual((made["kind"], made["phase"], made["consistency"], made["partial"]),
                         ("VirtualDiskSnapshot", "Ready", "offline", False))
        self.assertEqual((made["vm"], made["disks"][0]["name"]),
                         ({"name": "web", "uuid": UUID}, "web/vda"))
        self.assertEqual(self.json("disk-snapshot", "show", made["uuid"]), made)
        self.assertEqual(self.json("disk-snapshot", "wait", "one"), made)
        self.error("snapshot", "show", made["uuid"], code=5)
        head, row = self.run_command("disk-snapshot", "list")[0].splitlines()
        self.assertEqual(head.split(), ["NAME", "DISK", "PHASE", "CONSISTENT", "AGE"])
        self.assertEqual(row.split()[:4], ["one", "web/vda", "Ready", "offline"])
        self.assertEqual(self.error("disk-snapshot", "create", "web/vda", "one", code=3)["code"],
                         "EXISTS")
        refused = self.error("restore", "web", made["uuid"], "--mode", "dry-run", code=5)
        self.assertEqual(refused["code"], "NOT_FOUND")
        done = self.json("disk-snapshot", "delete", "one")
        self.assertEqual((done["type"], done["target"]["name"]), ("delete", "web/vda"))
        self.assertEqual(self.json("disk-snapshot", "list"), {"items": []})
        self.assertEqual(len(self.json("snapshot", "list")["items"]), 1)

    def test_a_disk_by_its_path_is_its_vms(self):
        made = self.json("disk-snapshot", "create", self.disk, "one")
        self.assertEqual(made["disks"][0]["name"], "web/vda")
        def names(disk):
            items = self.json("disk-snapshot", "list", "--disk", disk)["items"]
            return [item["name"] for item in items]
        for disk in [self.disk, "web/vda", UUID + "/vda"]:
            self.assertEqual(names(disk), ["one"])
        self.assertEqual(names("web/vdb"), [])

    def test_a_disk_of_no_vm_needs_no_hypervisor(self):
        for name in ("a.raw", "b.qcow2"):
            path = f"{self.folder}/{name}"
            with open(path, "wb") as file:
                file.truncate(1 << 20)
        made = self.json("-c", "none", "disk-snapshot", "create", "./a.raw", "one",
                         cwd=self.folder)
        self.assertEqual((made["vm"], made["disks"][0]["name"], made["disks"][0]["format"]),
                         (None, self.folder + "/a.raw", "raw"))
        self.assertIs(made["evidence"]["hypervisor_asked"], False)
        self.assertIs(self.json("disk-snapshot", "create", self.folder + "/a.raw", "two")
                      ["evidence"]["hypervisor_asked"], True)
        wrong = self.error("disk-snapshot", "create", self.folder + "/b.qcow2", "three", code=1)
        self.assertEqual(wrong["code"], "UNSUPPORTED")
        self.run_command("disk-snapshot", "create", self.folder + "/b.qcow2", "three", "--format",
                         "raw")
        for name in ("one", "two", "three"):
            self.run_command("-c", "none", "disk-snapshot", "verify", name)
            self.run_command("-c", "none", "disk-snapshot", "delete", name)
        self.assertFalse(os.path.exists(self.folder + "/.vmsnap"))

    def test_lists_are_filtered_by_vm_and_label(self):
        self.snapshot("one", "--label", "tier=db")
        self.snapshot("two")
        def names(*words):
            return [item["name"] for item in self.json("snapshot", "list", *words)["items"]]
        self.assertEqual(names(), ["one", "two"])
        self.assertEqual(names("--label", "tier=db"), ["one"])
        self.assertEqual(names("--label", "tier=d"), [])
        self.assertEqual(names("--vm", "web"), ["one", "two"])
        self.assertEqual(names("--vm", "busy"), [])
        head, *rows = self.run_command("snapshot", "list")[0].splitlines()
        self.assertEqual(head.split(), ["NAME", "KIND", "VM", "PHASE", "CONSISTENT", "AGE"])
        self.assertEqual(len(rows), 2)

    def test_a_taken_name_exits_3(self):
        self.snapshot()
        self.assertEqual(self.error("snapshot", "create", "web", "one", code=3)["code"], "EXISTS")

    def test_restore_undo_delete(self):
        self.snapshot()
        self.write("two")
        dry = self.json("restore", "web", "one", "--mode", "dry-run")
        self.assertLessEqual(OPERATION_KEYS, set(dry))
        self.assertLessEqual({"hash", "steps", "space", "expected_downtime_ms"}, set(dry["plan"]))
        self.assertLessEqual({"name", "reversible"}, set(dry["plan"]["steps"][0]))
        self.assertEqual(self.read(), "two")

        done = self.json("restore", "web", "one", "--mode", "strict")
        self.assertLessEqual(OPERATION_KEYS | {"downtime_ms", "undo_until"}, set(done))
        self.assertEqual((done["type"], done["mode"], done["phase"], done["plan"]["hash"]),
                         ("restore", "strict", "Completed", dry["plan"]["hash"]))
        self.assertEqual(self.read(), "one")
        self.assertEqual([item["uuid"] for item in self.json("undo", "list")["items"]],
                         [done["uuid"]])
        self.assertEqual(self.json("operation", "show", done["uuid"]), done)

        self.assertEqual(self.json("undo", done["uuid"])["phase"], "Completed")
        self.assertEqual(self.read(), "two")
        self.assertEqual(self.json("undo", "list"), {"items": []})
        self.assertEqual(self.error("undo", done["uuid"], code=5)["reason"], "NothingToUndo")
        self.assertEqual(self.json("snapshot", "delete", "one")["type"], "delete")
        self.assertEqual(self.json("snapshot", "list"), {"items": []})
        types = [item["type"] for item in self.json("operation", "list")["items"]]
        self.assertEqual(types, ["snapshot", "restore", "undo", "delete"])

    def test_a_limit_may_be_0_or_a_year(self):
        self.snapshot()
        done = self.json("restore", "web", "one", "--mode", "strict", "--undo-ttl", "0")
        finished, until = (datetime.datetime.fromisoformat(done[key].replace("Z", "+00:00"))
                           for key in ("finished", "undo_until"))
        self.assertLess((until - finished).total_seconds(), 5)

        year = 365 * 86400
        done = self.json("restore", "web", "one", "--mode", "strict", "--undo-ttl", str(year))
        until = datetime.datetime.fromisoformat(done["undo_until"].replace("Z", "+00:00"))
        self.assertGreater((until - finished).total_seconds(), year)

    def test_a_missing_vm_is_a_finding(self):
        self.snapshot()
        dry = self.json("restore", "gone", "one", "--mode", "dry-run", code=3)
        self.assertIn("NotFound", [found["reason"] for found in dry["resources"]])
        self.assertEqual(self.error("restore", "gone", "one", "--mode", "strict", code=3)["code"],
                         "CONFLICT")
        err = self.run_command("restore", "gone", "one", "--mode", "strict", code=3)[1]
        self.assertIn("conflict: NotFound", err)

    def test_a_plan_in_a_file_is_run_only_while_it_holds(self):
        self.snapshot()
        self.write("two")
        plan = self.folder + "/plan.json"
        self.run_command("restore", "web", "one", "--mode", "dry-run", "--plan", plan)
        self.assertEqual(os.stat(plan).st_mode & 0o777, 0o600)
        self.write("six")
        os.utime(self.disk, (1, 1))
        stale = self.error("restore", "web", "one", "--mode", "strict", "--plan", plan, code=3)
        self.assertEqual(stale["code"], "PLAN_STALE")
        self.assertEqual(self.read(), "six")
        self.run_command("restore", "web", "one", "--mode", "dry-run", "--plan", plan)
        self.run_command("restore", "web", "one", "--mode", "strict", "--plan", plan)
        self.assertEqual(self.read(), "one")
        self.error("restore", "web", "one", "--mode", "strict", "--plan", self.disk + "x", code=2)

    def test_a_file_that_is_no_plan_is_a_mistake(self):
        self.snapshot()
        plan = self.folder + "/plan.json"
        for text in ["", "{}", "[" * 3000000, '{"plan":{"hash":1}}', "\0"]:
            with self.subTest(text[:20]):
                with open(plan, "w", encoding="utf-8") as file:
                    file.write(text)
                refused = self.error("restore", "web", "one", "--mode", "strict", "--plan", plan,
                                     code=2)
                self.assertIn(refused["reason"], ("NoPlan", "Usage"))
        for path in ["/dev/zero", self.folder]:
            refused = self.error("restore", "web", "one", "--mode", "strict", "--plan", path,
                                 code=2)
            self.assertIn("cannot read", refused["message"])
        self.assertEqual(self.read(), "one")

    def test_a_plan_that_cannot_be_written_is_a_failure(self):
        self.snapshot()
        refused = self.error("restore", "web", "one", "--mode", "dry-run", "--plan", "/dev/full",
                             code=1)
        self.assertIn("No space left", refused["message"])

    def test_lost_data_is_told_also_when_it_cannot_be_recorded(self):
        made = self.snapshot()
        os.unlink(made["disks"][0]["path"])
        with sqlite3.connect(self.state + "/catalog.db") as catalog:
            catalog.execute("CREATE TRIGGER no BEFORE UPDATE ON record BEGIN"
                            " SELECT RAISE(ABORT, 'not now'); END")
        catalog.close()
        lost = self.error("snapshot", "verify", "one", code=1)
        self.assertEqual(lost["code"], "LOST")
        self.assertIn("not now", lost["cause"]["message"])

    def test_an_interrupt_cancels_and_is_told(self):
        self.snapshot()
        # Reading a thousand gigabytes of nothing takes longer than this test.
        process = self.start("-o", "json", "snapshot", "verify", "one")
        time.sleep(1)
        self.assertIsNone(process.poll(), "still reading")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(json.loads(out)["error"]["code"], "CANCELLED")
        self.assertNotIn("\r", err, "no progress bar on a pipe")
        self.assertEqual(self.json("snapshot", "show", "one")["phase"], "Ready")


    def test_a_terminal_gets_a_bar_with_rate_and_time_left(self):
        self.snapshot()
        master, slave = os.openpty()
        environment = dict(os.environ, LD_LIBRARY_PATH=BUILD + "/src", VMSNAP_URI=self.uri,
                           VMSNAP_STATE_DIR=self.state)
        with subprocess.Popen([BUILD + "/src/cli/vmsnap", "snapshot", "verify", "one"],
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=slave) as process:
            os.close(slave)
            time.sleep(2)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        shown = os.read(master, 65536).decode()
        os.close(master)
        self.assertRegex(shown, r"copying \[#* *\] +\d+% [\d.]+ .iB of 1024.0 GiB .*/s, \d+:\d\d")
        self.assertIn("cancelling", shown)


class Recovering(Case):
    def leave_open(self):
        """Make the record of a finished snapshot look as if its process had been killed."""
        made = self.snapshot()
        with sqlite3.connect(self.state + "/catalog.db") as catalog:
            for kind, phase in [("operation", "Completed"), ("snapshot", "Ready")]:
                text, = catalog.execute("SELECT text FROM record WHERE kind = ?",
                                        (kind,)).fetchone()
                record = json.loads(text)
                self.assertEqual(record["phase"], phase)
                record["phase"] = "InProgress"
                if kind == "operation":
                    record["journal"] = "preparing"
                catalog.execute("UPDATE record SET text = ? WHERE kind = ?",
                                (json.dumps(record), kind))
        catalog.close()
        return made

    def test_nothing_open_is_no_news(self):
        self.assertEqual(self.json("recover"), {"acts": []})
        self.assertIn("nothing to recover", self.run_command("recover")[0])

    def test_looking_warns_in_one_line(self):
        self.leave_open()
        for words in [["snapshot", "list"], ["vm", "show", "web"], ["check", "web"]]:
            with self.subTest(words):
                err = self.run_command(*words)[1]
                self.assertEqual(len(err.splitlines()), 1, err)
                self.assertIn("vmsnap recover", err)
        self.assertEqual(self.run_command("-q", "snapshot", "list")[1], "")
        self.assertEqual(self.json("snapshot", "list")["items"][0]["phase"], "InProgress")

    def test_recover_tells_each_act(self):
        self.leave_open()
        act, = self.json("recover")["acts"]
        self.assertEqual(set(act), {"object", "act", "message"})
        self.assertEqual(self.json("recover"), {"acts": []}, "it is done")

    def test_what_cannot_be_recovered_is_a_failure_with_its_acts(self):
        self.leave_open()
        with sqlite3.connect(self.state + "/catalog.db") as catalog:
            catalog.execute("UPDATE record SET text = replace(text, '\"type\": \"snapshot\"',"
                            " '\"type\": \"clone\"') WHERE kind = 'operation'")
        catalog.close()
        act, = self.json("recover", code=1)["acts"]
        self.assertEqual(act["act"], "failed")
        out, err = self.run_command("recover", code=1)
        self.assertIn("failed", out)
        self.assertIn("could not be recovered", err)
        _, err = self.run_command("snapshot", "create", "web", "two")
        self.assertIn("could not be recovered", err)

    def test_a_change_recovers_first_and_says_so(self):
        self.leave_open()
        _, err = self.run_command("--no-recover", "snapshot", "create", "web", "two")
        self.assertEqual(len(err.splitlines()), 1, err)
        _, err = self.run_command("snapshot", "create", "web", "three")
        self.assertIn("recovery: ", err)
        self.assertEqual(self.run_command("snapshot", "list")[1], "")


if __name__ == "__main__":
    unittest.main(verbosity=2)

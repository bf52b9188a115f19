# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every example against the test driver and without a hypervisor: test_examples.py BUILD.

What a snapshot of a real VM gives, the system tests see.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.path.abspath(sys.argv.pop(1))
TEST_DRIVER = "test:///default"


class Examples(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name

    def run_program(self, *command, **more):
        environment = dict(os.environ, LD_LIBRARY_PATH=os.path.join(BUILD, "src"),
                           PYTHONPATH=os.path.join(TOP, "bindings", "python"), **more)
        return subprocess.run(command, env=environment, capture_output=True, text=True,
                              timeout=120, check=False)

    def example(self, name, *arguments):
        return self.run_program(os.path.join(BUILD, "examples", name), *arguments)

    def test_a_snapshot_without_an_agent_is_refused_with_its_reason(self):
        done = self.example("take-snapshot", TEST_DRIVER, "test", "one", self.state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("AgentNotReady", done.stderr)
        self.assertNotIn("frozen", done.stderr)

    def test_nothing_is_cut_without_a_freeze(self):
        cut = os.path.join(self.state, "cut")
        done = self.example("storage-array", TEST_DRIVER, "test", f"touch {cut}", self.state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("AgentNotReady", done.stderr)
        self.assertFalse(os.path.exists(cut))

    def test_a_restore_of_nothing_is_not_found(self):
        done = self.example("restore-checked", "none", "nosuch", self.state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("NOT_FOUND", done.stderr)

    def test_a_clone_of_the_test_vm_or_of_nothing(self):
        made = self.example("clone-vm", TEST_DRIVER, "test", "twin", self.state)
        self.assertEqual(made.returncode, 1, made.stdout + made.stderr)
        self.assertIn("TargetUnsupported", made.stdout)
        done = self.example("clone-vm", TEST_DRIVER, "snapshot:nosuch", "twin", self.state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("NOT_FOUND", done.stderr)

    def test_the_event_loop_ends_with_its_job(self):
        done = self.example("event-loop-epoll", "none", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"acts"', done.stdout)

    def test_programs_say_how_they_are_used(self):
        for name in ("take-snapshot", "restore-checked", "clone-vm", "storage-array",
                     "event-loop-epoll"):
            done = self.example(name)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage", done.stderr)

    def test_nightly_names_the_machine_it_could_not_take(self):
        done = self.run_program(sys.executable, os.path.join(TOP, "examples", "nightly.py"),
                                "--uri", TEST_DRIVER, "--state-dir", self.state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("test: ", done.stderr)

    @unittest.skipUnless(shutil.which("go"), "Go is not installed")
    def test_backup_builds_and_names_the_reason(self):
        program = os.path.join(self.state, "backup")
        made = subprocess.run(
            ["go", "build", "-o", program, "backup.go"], cwd=os.path.join(TOP, "examples"),
            env=dict(os.environ, GOFLAGS="-mod=mod", GOPROXY="off", GOTOOLCHAIN="local",
                     PKG_CONFIG_PATH=os.path.join(BUILD, "meson-uninstalled")),
            capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        done = self.run_program(program, "-uri", TEST_DRIVER, "-state-dir", self.state, "test", "x")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("AgentNotReady", done.stderr)


if __name__ == "__main__":
    unittest.main()

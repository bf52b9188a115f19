#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples and both bindings on a real running VM: what a program that links us does."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import harness

bed = harness.bed(install=True)

URI = "qemu:///system"
FOLDER = bed.storage("xfs", 2048)
EXAMPLES = f"{harness.ROOT}/examples"
GO = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local",
      "PKG_CONFIG_PATH": f"{harness.build_dir()}/meson-uninstalled"}
MADE = {}


def machine():
    """The running VM of all tests, made once."""
    if "web" not in MADE:
        paths = [bed.make_disk(f"{FOLDER}/web{i}.qcow2") for i in range(2)]
        MADE["web"] = bed.define_vm("web", paths).start(wait=True)
    MADE["web"].wait_agent()  # after a restore it boots
    return MADE["web"]


def run(*command, code=0, **more):
    """Runs a program of ours; gives what it printed."""
    environment = {**os.environ, "PYTHONPATH": f"{harness.ROOT}/bindings/python",
                   "PYTHONDONTWRITEBYTECODE": "1", **more}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout


def python(text):
    """Runs Python code with the binding; gives the JSON that it printed."""
    head = f"import json, vmsnap\ncontext = vmsnap.Context('{URI}')\n"
    return json.loads(run(sys.executable, "-c", head + textwrap.dedent(text)))


@harness.test
def c_program_takes_a_frozen_snapshot():
    """The shortest program there is."""
    vm = machine()
    said = run(harness.built("examples/take-snapshot"), URI, "web", "from-c")
    assert said == "web from-c: frozen\n", said
    assert vm.state() == "running" and not vm.frozen()


@harness.test
def c_program_restores_and_python_takes_it_back():
    """The plan that was shown is run; its operation can be undone from elsewhere."""
    vm = machine()
    said = run(harness.built("examples/restore-checked"), URI, "from-c")
    assert "restored; undo it with operation " in said, said
    assert vm.state() == "running"
    uuid = said.split()[-1]
    vm.wait_agent()
    seen = python(f"""
        job = context.find_operation("{uuid}").undo()
        stages = [progress.stage.name for progress in job.watch(0.05)]
        again = context.find_operation("{uuid}")
        try:
            again.undo().wait()
        except vmsnap.NotFound as error:
            print(json.dumps([stages[-1], again.type, again.phase.name, error.code.name]))
    """)
    assert seen == ["DONE", "restore", "COMPLETED", "NOT_FOUND"], seen
    assert vm.state() == "running"


@harness.test
def python_awaits_many_jobs_at_once():
    """An event loop with several jobs on one VM: a second one waits for its window or is busy."""
    machine()
    seen = python("""
        import asyncio
        vm = context.find_vm("web")
        async def take(name):
            job = await vm.snapshot(name, wait_ready=60)
            return job.snapshot().grade.name
        async def all_of_them():
            return await asyncio.gather(*[take(f"await{i}") for i in range(3)])
        grades = asyncio.run(all_of_them())
        names = [one.name for one in context.list_snapshots("web")]
        for name in names:
            if name.startswith("await"):
                context.find_snapshot(name).delete().wait()
        print(json.dumps([grades, sorted(names)]))
    """)
    assert seen[0] == ["FROZEN"] * 3, seen
    assert [name for name in seen[1] if name.startswith("await")] == ["await0", "await1", "await2"]


@harness.test
def python_cancels_and_the_guest_is_thawed():
    """A block that raises cancels its job and waits; nothing is frozen after it."""
    vm = machine()
    seen = python("""
        vm = context.find_vm("web")
        try:
            with vm.snapshot("cancelled") as job:
                raise KeyError("changed my mind")
        except KeyError:
            pass
        left = [one.phase.name for one in context.list_snapshots("web") if one.name == "cancelled"]
        print(json.dumps(left))
    """)
    assert seen in ([], ["FAILED"], ["READY"]), seen
    assert vm.state() == "running" and not vm.frozen()
    assert os.listdir("/var/lib/vmsnap/leases") == []


@harness.test
def nightly_job_keeps_the_newest():
    """Two runs with room for one."""
    machine()
    for _ in range(2):
        said = run(sys.executable, f"{EXAMPLES}/nightly.py", "--keep", "1")
        assert "web: nightly-" in said and " frozen" in said, said
    listed = python("""
        print(json.dumps([one.name for one in context.list_snapshots("web")
                          if one.name.startswith("nightly-")]))
    """)
    assert len(listed) == 1, listed


@harness.test
def go_program_takes_verifies_and_prints():
    """The record that a backup program reads."""
    if not shutil.which("go"):
        raise harness.Skip("Go is not installed")
    vm = machine()
    program = f"{bed.scratch}/backup"
    built = subprocess.run(["go", "build", "-o", program, "backup.go"], cwd=EXAMPLES,
                           env={**os.environ, **GO}, text=True, capture_output=True, check=False)
    assert built.returncode == 0, built.stderr
    record = json.loads(run(program, "web", "from-go"))
    assert record["phase"] == "Ready" and record["consistency"] == "frozen", record
    assert vm.state() == "running" and not vm.frozen()


@harness.test
def event_loop_finds_nothing_to_recover():
    """After all of this nothing lies open."""
    said = run(harness.built("examples/event-loop-epoll"), URI)
    assert json.loads(said.splitlines()[-1])["acts"] == [], said


harness.main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every fuzz target under libFuzzer with the address and undefined-behaviour sanitizers: a million
executions in all."""

import os
import re
import subprocess

import harness

BUILD = f"{harness.ROOT}/build-fuzz"
SETUP = ["-Dfuzzing=true", "-Db_lundef=false", "-Db_sanitize=address,undefined"]
RUNS = {"agent-reply": 500_000, "clone-xml": 100_000, "freeze": 200_000, "domain-xml": 100_000, "qcow2": 100_000,
        "record": 100_000, "superblock": 60_000}
CORPORA = {"clone-xml": "domain-xml"}  # of another target
LIMIT_S = 1500  # a target
DONE = re.compile(r"^Done (\d+) runs", re.M)


def build():
    """A build of its own, by clang."""
    if not os.path.exists(f"{BUILD}/build.ninja"):
        subprocess.run(["meson", "setup", BUILD, *SETUP], cwd=harness.ROOT, check=True,
                       env={**os.environ, "CC": "clang"}, stdout=subprocess.DEVNULL)
    targets = [f"tests/fuzz/{name}-fuzz" for name in RUNS]
    subprocess.run(["ninja", "-C", BUILD, *targets], check=True, stdout=subprocess.DEVNULL)


@harness.test
def a_million_executions():
    build()
    total, findings = 0, []
    for name, runs in RUNS.items():
        found = f"{BUILD}/tests/fuzz/found-{name}"
        os.makedirs(found, exist_ok=True)
        done = subprocess.run(
            [f"{BUILD}/tests/fuzz/{name}-fuzz", f"-runs={runs}", "-max_len=4096", "-timeout=10",
             f"-seed={harness.SEED % (1 << 31) + 1}", f"-max_total_time={LIMIT_S}",
             f"-artifact_prefix={found}/", found,
             f"{harness.ROOT}/tests/fuzz/corpus/{CORPORA.get(name, name)}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, errors="replace",
            env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
        count = DONE.search(done.stderr)
        total += int(count.group(1)) if count else 0
        harness.note(f"{name}: {count.group(1) if count else 'stopped'}")
        if done.returncode != 0:
            findings.append(name)
            harness.note(done.stderr[-4000:])
    print(f"fuzz executions: {total}, {len(findings)} findings", flush=True)
    assert not findings and total >= 1_000_000, (findings, total)


harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run clang-tidy over our own library code: check-tidy.py TOP BUILD [FILE...]

Two at a time. A file that passed is stamped in BUILD/tidy and not read again before it or any
header of ours changes. FILE (paths below TOP) limits the run.
"""

import concurrent.futures
import hashlib
import json
import os
import shutil
import subprocess
import sys

import sources

SKIP = 77
FOLDERS = ("src/", "examples/")


def compiled_files(top, build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    paths = {os.path.relpath(os.path.join(entry["directory"], entry["file"]), top)
             for entry in entries}
    return sorted(path for path in paths if path.startswith(FOLDERS) and path.endswith(".c"))


def headers_digest(top):
    digest = hashlib.sha256()
    for path in [*sources.own_files(top, ".h", folders=("include", "src")), ".clang-tidy"]:
        digest.update(sources.read(top, path).encode())
    return digest


def check(top, build, path, common):
    digest = common.copy()
    digest.update(sources.read(top, path).encode())
    stamp = os.path.join(build, "tidy", digest.hexdigest())
    if os.path.exists(stamp):
        return ""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, path], cwd=top, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        return done.stdout or f"{path}: clang-tidy failed\n"
    with open(stamp, "w", encoding="utf-8"):
        return ""


def main():
    top, build, *only = sys.argv[1:]
    if not shutil.which("clang-tidy"):
        print("clang-tidy is not installed")
        return SKIP
    os.makedirs(os.path.join(build, "tidy"), exist_ok=True)
    files = [path for path in compiled_files(top, build) if not only or path in only]
    common = headers_digest(top)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        outputs = list(pool.map(lambda path: check(top, build, path, common), files))
    print("".join(outputs), end="")
    failed = sum(1 for output in outputs if output)
    print(f"tidy: {len(files)} files, {failed} with problems")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())

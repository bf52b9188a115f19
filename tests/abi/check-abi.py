#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare the library's ABI with the committed baseline.

check-abi.py [--update | --strict] LIBRARY BASELINE HEADERS...

Both sides are made by the same abidw call: comparing a stored baseline with a .so directly
filters out everything when header folders are given, and so finds nothing. Until 0.1 is out a
difference is reported and passes; with --strict it fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
SUPPRESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "suppressions.ini")


def dump(library, folders, output):
    command = ["abidw", "--drop-private-types", "--no-show-locs", "--no-corpus-path",
               "--no-comp-dir-path", "--exported-interfaces-only",
               "--drop-undefined-syms", "--out-file", output]
    for folder in folders:
        command += ["--headers-dir", folder]
    subprocess.run([*command, library], check=True)


def compare(baseline, library, folders):
    with tempfile.NamedTemporaryFile(suffix=".abi") as new:
        dump(library, folders, new.name)
        return subprocess.run(["abidiff", "--no-added-syms", "--suppressions", SUPPRESSIONS,
                               baseline, new.name], check=False).returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("library")
    parser.add_argument("baseline")
    parser.add_argument("headers", nargs="+")
    args = parser.parse_args()
    if not shutil.which("abidw"):
        print("abidw is not installed")
        return SKIP
    if args.update:
        dump(args.library, args.headers, args.baseline)
        return 0
    if not os.path.exists(args.baseline):
        print("no baseline yet: run meson compile update-abi")
        return SKIP
    changed = compare(args.baseline, args.library, args.headers)
    print("abi:", "changed" if changed else "as the baseline")
    return changed if args.strict else 0


if __name__ == "__main__":
    sys.exit(main())

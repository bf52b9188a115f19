#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check the C files with clang-format 14, the pinned version: check-format.py TOP."""

import re
import shutil
import subprocess
import sys

import sources

VERSION = "14"
SKIP = 77


def find_tool():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        tool = shutil.which(name)
        if not tool:
            continue
        said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
        if re.search(rf"version {VERSION}\.", said.stdout):
            return tool
    return None


def main():
    top = sys.argv[1]
    tool = find_tool()
    if not tool:
        print(f"clang-format {VERSION} is not installed")
        return SKIP
    files = sources.own_files(top, ".c", ".h")
    return subprocess.run([tool, "--dry-run", "-Werror", *files], cwd=top, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

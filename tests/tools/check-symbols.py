#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that what the headers declare, the map lists and the library exports is the same.

check-symbols.py INCLUDE MAP [LIBRARY]
"""

import collections
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "docs"))
import public_headers  # noqa: E402


def read_map(path):
    """[(symbol, node)] of a version script."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    listed = []
    for node, body in re.findall(r"(\w[\w.]*)\s*\{(.*?)\}[^;]*;", text, re.S):
        body = re.sub(r"local:.*", "", body, flags=re.S)
        listed += [(symbol, node) for symbol in re.findall(r"(\w+);", body)]
    return listed


def read_library(path):
    said = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", path],
                          capture_output=True, text=True, check=True)
    exported = []
    for line in said.stdout.splitlines():
        kind, name = line.split()[-2:]
        symbol, _, node = name.partition("@@")
        if kind != "A":
            exported.append((symbol, node))
    return exported


def compare(have_name, have, want_name, want):
    return [f"{' '.join(item)}: {have_name}, but not {want_name}" for item in sorted(have - want)]


def main():
    include, map_path = sys.argv[1:3]
    headers = public_headers.Headers(include)
    declared = [(f.name, "VMSNAP_" + f.comment.since) for f in headers.functions]
    views = [("declared", declared), ("listed in the map", read_map(map_path))]
    if len(sys.argv) > 3:
        views.append(("exported", read_library(sys.argv[3])))
    problems = []
    for name, items in views:
        counts = collections.Counter(symbol for symbol, _ in items)
        problems += [f"{symbol}: {name} {n} times" for symbol, n in counts.items() if n > 1]
    for name, items in views[1:]:
        problems += compare("declared", set(declared), name, set(items))
        problems += compare(name, set(items), "declared", set(declared))
    for problem in problems:
        print(problem)
    print(f"symbols: {len(declared)} declared, {len(problems)} problem(s)")
    return 1 if problems or not declared else 0


if __name__ == "__main__":
    sys.exit(main())

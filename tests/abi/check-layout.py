#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that layout.c has a line for each public field and enumerator: check-layout.py TOP."""

import os
import re
import sys

top = sys.argv[1]
sys.path.insert(0, os.path.join(top, "docs"))
import public_headers  # noqa: E402


def main():
    with open(os.path.join(top, "tests/abi/layout.c"), encoding="utf-8") as file:
        lines = set(re.findall(r"^(\w+\(\w+(?:, [a-z]\w+)?)", file.read(), re.M))
    headers = public_headers.Headers(os.path.join(top, "include"))
    wanted = {f"GROWING({struct.name}" for struct in headers.structs}
    wanted |= {f"FIELD({struct.name}, {member[1]}" for struct in headers.structs
               for member in struct.members}
    wanted |= {f"ENUM({enum.name}" for enum in headers.enums}
    wanted |= {f"NUMBER({member[0]}" for enum in headers.enums for member in enum.members}
    missing = sorted(wanted - lines)
    for line in missing:
        print(f"layout.c has no line {line}, …)")
    print(f"layout: {len(wanted)} lines wanted, {len(missing)} missing")
    return 1 if missing or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())

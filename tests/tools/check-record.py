#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that every member of a stored struct has a row in src/record: check-record.py TOP."""

import re
import sys

import sources

STRUCT = re.compile(r"typedef struct \w*\s*\{(.*?)\}\s*(\w+);", re.S)
MEMBER = re.compile(r"\b\w+\s+\**(\w+);")
ROW = re.compile(r"\bVMS_(?:TEXT|TEXTS|PLAIN|ENUM|NESTED)(?:_LATER|_NEEDED)?\(\s*(\w+),\s*(\w+),")


def structs(top):
    """{type: [members]} of all headers of base and model."""
    found = {}
    for path in sources.own_files(top, ".h", folders=("src/base", "src/model")):
        text = sources.c_without_comments(sources.read(top, path))
        for body, name in STRUCT.findall(text):
            found[name] = MEMBER.findall(body)
    return found


def rows(top):
    """{type: [members]} of all tables."""
    found = {}
    for path in sources.own_files(top, "-shape.c", folders=("src/record",)):
        text = sources.c_without_comments(sources.read(top, path))
        for name, member in ROW.findall(text):
            found.setdefault(name, []).append(member)
    return found


def check(top):
    known = structs(top)
    problems = []
    for name, members in sorted(rows(top).items()):
        problems += [f"{name}.{member} has {members.count(member)} rows in src/record/*-shape.c"
                     for member in known.get(name, ["(the struct)"]) if members.count(member) != 1]
    return problems


def main():
    return sources.report("record", check(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())

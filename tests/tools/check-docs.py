#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that the public headers document everything: check-docs.py INCLUDE...

Each function has a summary and @since. It also has every @param and @return, unless it is a plain
accessor, whose one sentence says it all: no outputs, no error, at most a handle and one more.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "docs"))
import public_headers  # noqa: E402


def is_accessor(function):
    names = [name for _, name in function.params]
    return len(names) in (1, 2) and not any(name.startswith("ret_") for name in names)


def check_function(function):
    comment = function.comment
    names = [name for _, name in function.params]
    if not comment.summary:
        yield "has no summary that ends in a full stop"
    if not comment.since:
        yield "has no @since"
    if is_accessor(function) and not comment.params:
        return
    for name in names:
        if not comment.params.get(name):
            yield f"@param {name} is missing"
    for name in comment.params:
        if name not in names:
            yield f"@param {name} is no parameter"
    if function.result != "void" and not comment.returns:
        yield "has no @return"


def check_named(named):
    if not named.comment.summary:
        yield "has no summary that ends in a full stop"
    for member in named.members:
        name = member[0] if member[0].isupper() else member[1]
        if not member[2].endswith("."):
            yield f"{name} has no sentence"


def check_installed(folder):
    """What users include is installed."""
    with open(os.path.join(folder, "meson.build"), encoding="utf-8") as file:
        listed = file.read()
    for name in sorted(os.listdir(os.path.join(folder, "vmsnap"))):
        if name.endswith(".h") and f"'vmsnap/{name}'" not in listed:
            yield f"{name}: is not among the headers that are installed"


def main():
    headers = public_headers.Headers(*sys.argv[1:])
    problems = [f"{header}: has no @file comment" for header, text in headers.texts.items()
                if "@file" not in text]
    problems += check_installed(sys.argv[1])
    for check, things in ((check_function, headers.functions),
                          (check_named, headers.enums + headers.structs)):
        problems += [f"{thing.header}:{thing.line}: {thing.name}: {problem}"
                     for thing in things for problem in check(thing)]
    for problem in problems:
        print(problem)
    print(f"docs: {len(headers.functions)} functions, {len(problems)} problem(s)")
    return 1 if problems or not headers.functions else 0


if __name__ == "__main__":
    sys.exit(main())

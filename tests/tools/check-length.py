#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that no file has more than 600 lines and no function more than 60: check-length.py TOP."""

import ast
import re
import sys

import sources

FILE_LINES = 600
FUNCTION_LINES = 60


def c_functions(text):
    """(name, first line, lines) of each function; relies on the project's brace style."""
    lines = sources.c_without_comments(text).splitlines()
    start = name = None
    for number, line in enumerate(lines, 1):
        match = re.match(r"(\w+)\s*\(", line)
        if start is None and match and not line.rstrip().endswith(";"):
            name, first = match.group(1), number
        if line.rstrip() == "{" and name:
            start = first
        if line.startswith("}") and start is not None:
            yield name, start, number - start + 1
            start = name = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def go_functions(text):
    start = name = None
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"func (?:\([^)]*\) )?(\w+)", line)
        if match and not line.rstrip().endswith("}"):
            name, start = match.group(1), number
        elif line.startswith("}") and start is not None:
            yield name, start, number - start + 1
            start = None


READERS = {".c": c_functions, ".h": c_functions, ".py": python_functions, ".go": go_functions}


def check(top, path):
    text = sources.read(top, path)
    count = text.count("\n")
    problems = [f"{path}: {count} lines"] if count > FILE_LINES else []
    for name, line, length in READERS[path[path.rindex("."):]](text):
        if length > FUNCTION_LINES:
            problems.append(f"{path}:{line}: {name} has {length} lines")
    return problems


def main():
    top = sys.argv[1]
    files = sources.own_files(top, *READERS)
    return sources.report("length", [problem for path in files for problem in check(top, path)])


if __name__ == "__main__":
    sys.exit(main())

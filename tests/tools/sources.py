# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the style checks read: our own source files, and C text without comments and strings."""

import os
import re

OWN_FOLDERS = ("bindings", "docs", "examples", "include", "src", "tests")


def own_files(top, *suffixes, folders=OWN_FOLDERS):
    """Paths relative to top, sorted, of our own files that end in one of the suffixes."""
    found = []
    for folder in folders:
        for path, folders_in, files in os.walk(os.path.join(top, folder)):
            folders_in[:] = [name for name in folders_in if name != "__pycache__"]
            found += [os.path.relpath(os.path.join(path, name), top)
                      for name in files if name.endswith(suffixes)]
    return sorted(found)


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return file.read()


def blank(text):
    """Spaces in place of everything but newlines: line numbers stay."""
    return re.sub(r"[^\n]", " ", text)


def c_without_comments(text, keep_strings=False):
    """C text with comments (and strings) blanked out."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def replace(match):
        if match.group(0)[0] in "\"'" and keep_strings:
            return match.group(0)
        return blank(match.group(0))

    return token.sub(replace, text)


def report(title, problems):
    """Print what is wrong; the exit status of the check."""
    for problem in problems:
        print(problem)
    print(f"{title}: {len(problems)} problem(s)")
    return 1 if problems else 0

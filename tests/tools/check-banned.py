#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that C code calls nothing that the conventions ban: check-banned.py TOP."""

import re
import sys

import sources

UNSAFE = "strcpy strcat sprintf vsprintf strtok atoi atol gets alloca g_alloca tmpnam mktemp".split()
ABORTING = """abort exit quick_exit system popen fork vfork setenv putenv unsetenv g_setenv
    g_unsetenv setlocale chdir fchdir signal sigaction g_error g_warning g_critical g_print
    g_printerr g_message g_thread_new g_spawn_sync g_spawn_command_line_sync
    g_spawn_command_line_async g_file_set_contents""".split()
STDIO = """printf fprintf vprintf vfprintf puts putchar fputs fopen fdopen freopen perror
    getenv secure_getenv g_getenv""".split()
FAMILIES = ["g_assert\\w*", "g_return_\\w+", "g_mutex_\\w+", "g_cond_\\w+", "g_rw_lock_\\w+",
            "g_socket_\\w+", "assert"]
TYPES = ["GMutex", "GCond", "GRecMutex", "GRWLock"]
# Programs of ours own their process: they may print, end or copy it and read the environment.
PROGRAM_MAY = {"exit", "fork", "setlocale", "signal", "sigaction", "g_print", "g_printerr", *STDIO}


def call_pattern(names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


LIBRARY = call_pattern(UNSAFE + ABORTING + STDIO + FAMILIES)
PROGRAM = call_pattern([name for name in UNSAFE + ABORTING + FAMILIES if name not in PROGRAM_MAY])
TEST = call_pattern(UNSAFE)
TYPE = re.compile(r"\b(" + "|".join(TYPES) + r")\b")
TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")
LINE_COMMENT = re.compile(r"(?<!:)//")


def patterns(path):
    if path.startswith(("src/cli/", "src/guard/", "src/look/")):
        return [PROGRAM, TYPE]
    if path.startswith("src/"):
        return [LIBRARY, TYPE]
    return [TEST]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check(top, path):
    text = sources.read(top, path)
    code = sources.c_without_comments(text)
    # The same blanking with /* */ only leaves // comments to be found.
    prose = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: sources.blank(m.group(0)), text,
                   flags=re.S)
    found = [(match.start(), match.group(1) + " is banned")
             for pattern in patterns(path) for match in pattern.finditer(code)]
    found += [(match.start(), "goto is banned") for match in re.finditer(r"\bgoto\b", code)]
    found += [(match.start(), "// comment") for match in LINE_COMMENT.finditer(prose)]
    found += [(match.start(), match.group(1) + " without an issue: TODO(#1)")
              for match in TODO.finditer(text)]
    if "SPDX-License-Identifier: LGPL-2.1-or-later" not in text[:300]:
        found.append((0, "has no SPDX line"))
    return [f"{path}:{line_of(text, position)}: {what}" for position, what in sorted(found)]


def main():
    top = sys.argv[1]
    files = sources.own_files(top, ".c", ".h", folders=("include", "src", "tests", "examples"))
    return sources.report("banned", [problem for path in files for problem in check(top, path)])


if __name__ == "__main__":
    sys.exit(main())

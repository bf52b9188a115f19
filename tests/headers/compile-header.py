#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compile one public header alone with every compiler and standard; TAP on stdout.

compile-header.py HEADER INCLUDE... (the first folder holds the header as vmsnap/HEADER)
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

C_STANDARDS = ("c99", "c11", "c2x")
CXX_STANDARDS = ("c++98", "c++11", "c++17", "c++20")
COMPILERS = (("gcc", ".c", C_STANDARDS), ("clang", ".c", C_STANDARDS),
             ("g++", ".cpp", CXX_STANDARDS), ("clang++", ".cpp", CXX_STANDARDS))
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Wpadded", "-Werror"]
MAY_INCLUDE = re.compile(r"<(stddef\.h|stdint\.h|vmsnap/[\w-]+\.h)>")


def foreign_includes(path):
    with open(path, encoding="utf-8") as file:
        targets = re.findall(r"^\s*#\s*include\s*(\S+)", file.read(), re.M)
    return [target for target in targets if not MAY_INCLUDE.fullmatch(target)]


def client(header, path):
    """A source that includes the header alone and uses each initializer it defines."""
    with open(path, encoding="utf-8") as file:
        initializers = re.findall(r"#define (\w+_INIT) VMSNAP_SIZED_INIT\((\w+)\)", file.read())
    lines = [f"#include <vmsnap/{header}>", "int main(void)", "{", "    int wrong = 0;"]
    for name, sized in initializers:
        lines.append(f"    {{ {sized} one = {name}; wrong += one.struct_size != sizeof one; }}")
    return "\n".join(lines + ["    return wrong;", "}", ""])


def compile_one(compiler, standard, source, folders):
    command = [compiler, f"-std={standard}", *WARNINGS, "-fsyntax-only"]
    if compiler.startswith("clang"):
        command.append("-Wdocumentation")
    command += [f"-I{folder}" for folder in folders] + [source]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def compile_all(header, path, folders):
    """Yield (what, output if it failed, whether it was skipped)."""
    for compiler, suffix, standards in COMPILERS:
        if not shutil.which(compiler):
            yield f"{compiler} is not installed", None, True
            continue
        with tempfile.NamedTemporaryFile("w", suffix=suffix) as source:
            source.write(client(header, path))
            source.flush()
            for standard in standards:
                done = compile_one(compiler, standard, source.name, folders)
                yield f"{compiler} {standard}", done.stdout if done.returncode else None, False


def main():
    header, *folders = sys.argv[1:]
    path = next(full for full in (os.path.join(folder, "vmsnap", header) for folder in folders)
                if os.path.exists(full))
    foreign = foreign_includes(path)
    results = [("includes nothing foreign", " ".join(foreign) or None, False)]
    results += compile_all(header, path, folders)
    for number, (what, output, skipped) in enumerate(results, 1):
        print("not ok" if output else "ok", number, "-", what, "# SKIP" if skipped else "")
        for line in (output or "").splitlines():
            print("#", line)
    print(f"1..{len(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

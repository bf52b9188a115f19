#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that each layer includes only what it may: check-layers.py TOP."""

import re
import sys

import sources

MAY = {
    "base": {"base"},
    "model": {"base", "model"},
    "plan": {"base", "model", "plan"},
    "record": {"base", "model", "plan", "record"},
    "port": {"base", "model", "port"},
    "engine": {"base", "model", "plan", "record", "port", "engine"},
    "adapter": {"base", "model", "port"},
    "wire": {"base", "model", "port", "adapter", "wire"},
    "api": {"base", "model", "plan", "record", "port", "engine", "wire", "api"},
    "guard": {"base", "model", "record", "port", "engine", "wire", "guard"},
    "look": {"base", "model", "port", "adapter"},
    "cli": {"cli"},
}
PURE = {"model", "plan"}
PURE_SYSTEM = {"ctype.h", "errno.h", "glib.h", "inttypes.h", "limits.h", "math.h", "stdarg.h",
               "stddef.h", "stdint.h", "stdlib.h", "string.h"}
# Who may include a foreign library's headers: prefix of <…>, prefixes of paths under src/.
FOREIGN = {
    "json-glib/": ("record/", "adapter/qga/", "cli/"),
    "libvirt/": ("adapter/libvirt/",),
    "libxml/": ("adapter/libvirt/",),
    "sqlite3": ("adapter/sqlite/",),
    "libnbd": ("adapter/nbd/",),
    "blkid/": ("adapter/blkid/",),
    "yaml": ("adapter/media/",),
    "ext2fs/": ("adapter/extfs/",),
    "curl/": ("adapter/etcd/",),
    "rbd/": ("adapter/rbd/",),
    "rados/": ("adapter/rbd/",),
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def own_include(place, header):
    """Why the file at place (parts below src/) may not include one of our headers, or None."""
    layer, target = place[0], header.split("/")
    if len(target) < 2 or target[0] not in MAY:
        return 'is not written as "layer/file.h"'
    if layer == "adapter" and target[0] == "adapter":
        return None if place[1] == target[1] else "reaches into another adapter"
    return None if target[0] in MAY[layer] else f"is above or beside the layer {layer}"


def system_include(place, header):
    """Why the file at place may not include <header>, or None."""
    if place[0] in PURE and not header.startswith("vmsnap/") and header not in PURE_SYSTEM:
        return f"is not for the pure layer {place[0]}"
    for prefix, homes in FOREIGN.items():
        if header.startswith(prefix) and not "/".join(place).startswith(homes):
            return "belongs in " + " ".join(homes)
    return None


def check(top, path):
    place = path.split("/")[1:]
    if len(place) < 2 or place[0] not in MAY:
        return [f"{path}:1: lies in no known layer"]
    text, problems = sources.c_without_comments(sources.read(top, path), keep_strings=True), []
    for match in INCLUDE.finditer(text):
        rule = own_include if match.group(1) == '"' else system_include
        why = rule(place, match.group(2))
        if why:
            line = text.count("\n", 0, match.start()) + 1
            problems.append(f"{path}:{line}: {match.group(2)} {why}")
    return problems


def main():
    top = sys.argv[1]
    files = sources.own_files(top, ".c", ".h", folders=("src",))
    return sources.report("layers", [problem for path in files for problem in check(top, path)])


if __name__ == "__main__":
    sys.exit(main())

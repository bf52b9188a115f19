#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decides whether a clone's configuration has anything left of its source's.

Told from the two documents alone; how a clone is made is not known here.

    identity_oracle.py SOURCE.xml CLONE.xml [OWNED-PATH...]
"""

import re
import sys
import xml.etree.ElementTree as ET

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MAC = r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}"
WORDS = re.compile(f"(?<![0-9a-f])(?:{UUID}|{MAC})(?![0-9a-f])", re.IGNORECASE)
# What a VM refers to and is not: keys of its data, devices of the host, what others note of it.
REFERENCES = ("/secret@", "/encryption@secret", "/hostdev/", "/domain/metadata")
SERIALS = ("/disk/serial", "/disk/wwn")
OWNED = {"file": "path", "unix": "path", "pipe": "path"}


def values(document):
    """All (place, value) of a document: attributes, and texts that are not blank."""
    found = []

    def walk(node, place):
        place = f"{place}/{node.tag}"
        entry = node.get("name") if node.tag == "entry" else None
        found.extend((f"{place}@{key}", value) for key, value in node.attrib.items())
        text = (node.text or "").strip()
        if text:
            found.append((f"{place}={entry}" if entry else place, text))
        for child in node:
            walk(child, place)
            if (child.tail or "").strip():
                found.append((place, child.tail.strip()))

    walk(ET.fromstring(document), "")
    return found


def own_paths(document):
    """Paths of the files that a VM owns by its configuration: disks that are no images, NVRAM,
    and what its serial lines, sockets and logs are."""
    root = ET.fromstring(document)
    paths = [node.text or "" for node in root.iterfind("os/nvram")]
    paths += [node.get("file") for node in root.iterfind("os/nvram/source")]
    for disk in root.iterfind("devices/disk"):
        source = disk.find("source")
        if source is None or disk.find("readonly") is not None or \
                disk.get("device", "disk") not in ("disk", "lun"):
            continue
        paths += [source.get("file"), source.get("dev")]
    for line in root.find("devices") or []:
        source = line.find("source")
        if line.tag in ("serial", "console", "parallel", "channel") and source is not None and \
                line.get("type") in OWNED and source.get("mode") != "connect":
            paths.append(source.get("path"))
        paths += [log.get("file") for log in line.iterfind("log")]
    return sorted({path.strip() for path in paths if path and path.strip()})


def _stands(word, text, more=""):
    edge = f"[0-9A-Za-z{re.escape(more)}]"
    return re.search(f"(?<!{edge}){re.escape(word)}(?!{edge})", text, re.IGNORECASE)


def _is_serial(place):
    return place.endswith(SERIALS) or place.endswith(("entry=serial", "entry=asset"))


def left(source, clone, owned=None, kept=(), keep_serial=False):
    """What of the source is left in the clone: a list of sentences, empty when all is well.

    `owned` are the source's files (None: as its configuration tells), `kept` folders that are not
    its own, whatever their names.
    """
    known = values(source)
    owned = own_paths(source) if owned is None else owned
    name = dict(known)["/domain/name"]
    words, serials, cids = set(), set(), set()
    for place, value in known:
        if not any(part in place for part in REFERENCES):
            words |= {word.lower() for word in WORDS.findall(value)}
        if _is_serial(place) and not value.startswith("ds=") and \
                not (keep_serial and place.endswith(SERIALS)):
            serials.add(value)
        if place.endswith("/cid@address"):
            cids.add(value)
    faults = []
    for place, value in values(clone):
        hits = [word for word in words if _stands(word, value)]
        hits += [path for path in owned if _stands(path, value, "/._-")]
        hits += [value] if value in serials else []
        hits += [value] if place.endswith("/cid@address") and value in cids else []
        parts = value.split("/") if "/" in value and not value.startswith(tuple(kept)) else []
        hits += [name] if value == name or name in parts else []
        faults += [f"'{hit}' is left in {place}: '{value}'" for hit in hits]
    return faults


def main():
    """Prints what is left."""
    texts = [open(path, encoding="utf-8").read() for path in sys.argv[1:3]]
    faults = left(*texts, owned=sys.argv[3:] or None)
    print("\n".join(faults) or "nothing is left")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

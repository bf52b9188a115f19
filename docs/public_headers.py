# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the public headers: their functions, enums, structs and what the comments say.

The headers keep to one plain form (style is checked), so a few patterns read them and no
compiler is needed. Users: docs/gen-man.py, the checks in tests/tools, the tests of the bindings.
"""

import os
import re
from dataclasses import dataclass, field

COMMENT = r"(?:(/\*\*(?:(?!\*/).)*\*/)\s*)?"
FUNCTION = re.compile(COMMENT + r"VMSNAP_API\s+([^;{}]*?)(\bvmsnap_\w+)\s*\(([^;]*?)\)\s*;", re.S)
ENUM = re.compile(COMMENT + r"typedef enum \{(.*?)\} (\w+);", re.S)
STRUCT = re.compile(COMMENT + r"typedef struct (\w+) \{(.*?)\} \w+;", re.S)
ENUMERATOR = re.compile(r"(\w+) = (-?\d+),?\s*(/\*\*<(?:(?!\*/).)*\*/)?", re.S)
MEMBER = re.compile(r"([^;/{}]+?)(\w+);\s*(/\*\*<(?:(?!\*/).)*\*/)?", re.S)
HANDLE = re.compile(COMMENT + r"typedef struct (\w+) \2;", re.S)
INITIALIZER = re.compile(r"#define (\w+_INIT) VMSNAP_SIZED_INIT\((\w+)\)")
TAG = re.compile(r"@(param|return|since)\b")


@dataclass
class Comment:
    summary: str = ""
    body: str = ""
    params: dict = field(default_factory=dict)
    returns: str = ""
    since: str = ""


@dataclass
class Function:
    header: str
    line: int
    name: str
    result: str
    params: list  # of (type, name)
    comment: Comment


@dataclass
class Named:
    """An enum (members are (name, value, doc)) or a struct (members are (type, name, doc))."""
    header: str
    line: int
    name: str
    members: list
    comment: Comment


def plain(comment):
    """The text of a comment without its stars, paragraphs kept."""
    inner = re.sub(r"^/\*\*<?|\*/$", "", comment or "")
    lines = [re.sub(r"^[ \t]*\*? ?", "", line) for line in inner.splitlines()]
    return "\n".join(line.rstrip() for line in lines).strip()


def one_line(text):
    return re.sub(r"\s+", " ", text).strip()


def parse_comment(comment):
    text, result = plain(comment), Comment()
    parts = TAG.split(text)
    prose = parts[0].strip()
    match = re.match(r"(.*?[.])(?=\s|$)(.*)", prose, re.S)
    result.summary = one_line(match.group(1)) if match else ""
    result.body = match.group(2).strip() if match else prose
    for tag, content in zip(parts[1::2], parts[2::2]):
        if tag == "param":
            name, _, meaning = content.strip().partition(" ")
            result.params[name] = one_line(meaning)
        elif tag == "return":
            result.returns = one_line(content)
        else:
            result.since = one_line(content)
    return result


def parse_params(text):
    params = []
    for param in re.split(r",", text):
        match = re.match(r"\s*(.*?)(\w+)\s*$", param, re.S)
        if match and one_line(param) != "void":
            params.append((one_line(match.group(1)), match.group(2)))
    return params


def parse_functions(header, text):
    for match in FUNCTION.finditer(text):
        comment, result, name, params = match.groups()
        line = text.count("\n", 0, match.start(3)) + 1
        yield Function(header, line, name, one_line(result), parse_params(params),
                       parse_comment(comment))


def parse_members(body, pattern):
    return [tuple(one_line(plain(part) if part and part.startswith("/**") else part or "")
                  for part in match.groups()) for match in pattern.finditer(body)]


def parse_named(header, text, pattern, member):
    for match in pattern.finditer(text):
        comment, first, second = match.groups()
        name, body = (second, first) if pattern is ENUM else (first, second)
        line = text.count("\n", 0, match.end()) + 1
        yield Named(header, line, name, parse_members(body, member), parse_comment(comment))


class Headers:
    """Everything that the public headers below one or more include folders declare."""

    def __init__(self, *folders):
        self.texts = {}
        for folder in folders:
            below = os.path.join(folder, "vmsnap")
            for name in sorted(os.listdir(below)):
                if name.endswith((".h", ".h.in")):
                    with open(os.path.join(below, name), encoding="utf-8") as file:
                        self.texts[re.sub(r"\.in$", "", name)] = file.read()
        pairs = sorted(self.texts.items())
        self.functions = [f for h, t in pairs for f in parse_functions(h, t)]
        self.enums = [e for h, t in pairs for e in parse_named(h, t, ENUM, ENUMERATOR)]
        self.structs = [s for h, t in pairs for s in parse_named(h, t, STRUCT, MEMBER)]
        self.handles = {m.group(2): parse_comment(m.group(1)).summary
                        for _, t in pairs for m in HANDLE.finditer(t)}
        self.initializers = [(h, *m.groups()) for h, t in pairs for m in INITIALIZER.finditer(t)]

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make section 3 manual pages from the public headers: gen-man.py VERSION OUTPUT INCLUDE...

One page for each function; a family of plain accessors (the one-sentence kind) shares the page
vmsnap_<object>, to which each of them is linked. The order of sections is that of nbd_*(3).
With --list the names of the pages are printed and nothing is written.
"""

import os
import re
import sys

import public_headers

def roff(text):
    """Text for a roff line: escaped, references to constants and functions in bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"[#@](?:p )?(\w+)(\(\))?", r"\\fB\1\\fR\2", text)
    text = re.sub(r"(?<![\w\\])(vmsnap_\w+)\(\)", r"\\fB\1\\fR(3)", text)
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def paragraphs(text):
    return [roff(public_headers.one_line(part)) for part in re.split(r"\n\s*\n", text) if part]


def prototype(function):
    params = [f"{kind}{'' if kind.endswith('*') else ' '}{name}"
              for kind, name in function.params] or ["void"]
    space = "" if function.result.endswith("*") else " "
    start = f"{function.result}{space}{function.name}("
    text = start + ", ".join(params) + ");"
    return text if len(text) < 72 else start + ",\n    ".join(["\n    " + params[0], *params[1:]]) \
        + ");"


def head(name, version, summary):
    return [f'.TH {name.upper()} 3 "" "libvmsnap {version}" "libvmsnap"', ".SH NAME",
            f"{name} \\- {roff(summary.rstrip('.'))}"]


def synopsis(functions):
    lines = [".SH SYNOPSIS", ".nf", "#include <vmsnap/vmsnap.h>", ".sp"]
    return lines + [roff(prototype(function)) for function in functions] + [".fi"]


def tail(functions, others):
    since = sorted({function.comment.since for function in functions})
    links = ["libvmsnap"] + [other for other in others if other not in
                             {function.name for function in functions}]
    lines = [".SH VERSION", f"This appeared in libvmsnap {', '.join(since)}.", ".SH SEE ALSO"]
    lines += [f".BR {roff(link)} (3){',' if link != links[-1] else ''}" for link in links]
    return lines


def definitions(entries):
    lines = []
    for name, meaning in entries:
        lines += [".TP", f".I {roff(name)}", roff(meaning)]
    return lines


def fields(function, structs):
    """What the sized structs among the parameters hold."""
    lines = []
    for kind, _ in function.params:
        for struct in structs:
            if re.search(rf"\b{struct.name}\b", kind):
                lines += [f'.SH "FIELDS OF {struct.name.upper()}"', roff(struct.comment.summary)]
                lines += definitions([(name, meaning) for _, name, meaning in struct.members])
    return lines


def values(lines, enums):
    """What the numbers mean that the page speaks of."""
    text, more = "\n".join(lines), []
    for enum in enums:
        if re.search(rf"\b{enum.name}\b", text):
            more += [f'.SH "VALUES OF {enum.name.upper()}"', roff(enum.comment.summary)]
            more += definitions([(f"{name} ({number})", meaning)
                                 for name, number, meaning in enum.members])
    return more


def function_page(function, version, others, headers):
    comment = function.comment
    lines = head(function.name, version, comment.summary) + synopsis([function])
    lines += [".SH DESCRIPTION", roff(comment.summary)]
    for text in paragraphs(comment.body):
        lines += [".PP", text]
    if comment.params:
        lines += [".SH PARAMETERS", *definitions(comment.params.items())]
    if comment.returns:
        lines += [".SH RETURN VALUE", roff(comment.returns)]
    lines += fields(function, headers.structs)
    return lines + values(lines, headers.enums) + tail([function], others)


def family_page(name, functions, version, others, headers):
    lines = head(name, version, headers.handles.get(name, "its plain calls")) + synopsis(functions)
    lines += [".SH DESCRIPTION", "None of these calls fails. What they return lives as long as "
              "the handle, if nothing else is said."]
    for function in functions:
        text = " ".join([function.comment.summary, function.comment.body])
        lines += [".TP", f".B {roff(function.name)}()", roff(public_headers.one_line(text))]
    return lines + values(lines, headers.enums) + tail(functions, others)


def noun(function):
    for suffix in ("_list", ""):
        match = re.match(rf"vmsnap_[a-z]+{suffix}(?=_)", function.name)
        if match:
            return match.group(0)
    return function.name


def pages(headers, version):
    """{page name: lines} for all functions."""
    made, families = {}, {}
    for function in headers.functions:
        if not function.comment.params and function.params:
            families.setdefault(noun(function), []).append(function)
    for function in headers.functions:
        others = [noun(function)] if noun(function) in families else []
        if function.comment.params or not function.params:
            made[function.name] = function_page(function, version, others, headers)
    for name, functions in families.items():
        others = sorted(page for page in made if page.startswith(name + "_"))
        made[name] = family_page(name, functions, version, others, headers)
        for function in functions:
            made[function.name] = [f".so man3/{name}.3"]
    return made


def main():
    args = [arg for arg in sys.argv[1:] if arg != "--list"]
    version, output, *include = args
    made = pages(public_headers.Headers(*include), version)
    for name, lines in sorted(made.items()):
        if "--list" in sys.argv:
            print(name + ".3")
            continue
        with open(os.path.join(output, name + ".3"), "w", encoding="utf-8") as file:
            file.write("\n".join(['.\\" Made from the public headers by docs/gen-man.py.', *lines])
                       + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

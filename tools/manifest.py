# SPDX-License-Identifier: BSD-2-Clause
"""The text of a manifest (docs/manifest.md), as tools/run looks at it and changes it.
Whether it is right, only the hypervisor's own parser says."""

import os
import re
import textwrap


def text_of(path):
    """Bytes that are no UTF-8 stay what they are, as the parser takes them in comments."""
    with open(path, errors="surrogateescape") as f:
        return f.read()


def named_modules(text):
    """The images and modules that a manifest names, in order, once each."""
    names = []
    for line in text.splitlines():
        key = re.match(r"\s*(image|modules?)\s*=\s*([^#]*)", line)
        for name in key.group(2).replace(",", " ").split() if key else []:
            if name not in names:
                names.append(name)
    return names


def sections_of(text):
    """The manifest cut before each section, and which of the parts are links."""
    sections = re.split(r"(?m)^(?=[ \t]*\[)", text)
    return sections, [i for i, section in enumerate(sections)
                      if re.match(r"\s*\[\s*link\b", section)]


def with_scheme(text, scheme):
    """The manifest with this scheme in every link, also where none is named."""
    sections, links = sections_of(text)
    for i in links:
        section = sections[i]
        sections[i], found = re.subn(r"(?m)^([ \t]*scheme[ \t]*=[ \t]*)[^\s#]+",
                                     lambda hit: hit.group(1) + scheme, section)
        if not found:
            sections[i] = key_added(section, "scheme = " + scheme)
    return "".join(sections)


def with_capture(text):
    """The manifest with its net links captured, unless it names some itself; not
    those that say no."""
    if re.search(r"(?m)^[ \t]*capture[ \t]*=[ \t]*yes\b", text):
        return text
    sections, links = sections_of(text)
    for i in links:
        if (re.search(r"(?m)^[ \t]*class[ \t]*=[ \t]*net\b", sections[i]) and
                not re.search(r"(?m)^[ \t]*capture[ \t]*=", sections[i])):
            sections[i] = key_added(sections[i], "capture = yes")
    return "".join(sections)


def key_added(section, key):
    """In place of the last line that says nothing, so that no other line gets
    a new number; or, if there is none, as a new last one."""
    lines = section.rstrip("\n").split("\n")
    lines += [""] * (len(section) - len(section.rstrip("\n")) - 1)
    for i in range(len(lines) - 1, 0, -1):
        if not lines[i].strip() or lines[i].lstrip().startswith("#"):
            lines[i] = key
            return "\n".join(lines) + "\n"
    return "\n".join(lines + [key]) + "\n"


def title_of(path):
    """A menu's line for a manifest: its name and its comment's first sentence."""
    with open(path, errors="replace") as f:
        comment = re.match(r"(?:# SPDX.*\n)?((?:#.*\n)*)", f.read()).group(1)
    words = " ".join(comment.replace("#", " ").replace('"', "'").split())
    name = os.path.splitext(os.path.basename(path))[0]
    return "%-10s %s" % (name,
                        textwrap.shorten(words.split(". ")[0].rstrip("."), 64,
                                         placeholder=" ..."))


def image_of(text, vm):
    """The image that the manifest names for that VM; None if it names none."""
    section = re.search(r"(?ms)^[ \t]*\[[ \t]*vm[ \t]+%s[ \t]*\](.*?)(^[ \t]*\[|\Z)" %
                        re.escape(vm), text)
    key = section and re.search(r"(?m)^[ \t]*image[ \t]*=[ \t]*(\S+)", section.group(1))
    return key and key.group(1)

# SPDX-License-Identifier: BSD-2-Clause
"""Figures of benchmarks: the lines that guests print, the JSON file, a Markdown
table. docs/benchmarks.md describes both forms. A figure is a dict: name, vendor,
params (a dict), value, unit, and where known limit, low and high."""

import json
import re

FORM = 1
LINE = re.compile(r"\bbench: ([^\s,]+)((?:,[^\s,=]+=[^\s,=]+)*) (\d+(?:\.\d+)?) (\S+)"
                  r"(?: (\d+)\.\.(\d+))?(?: (\d+(?:\.\d+)?))?$", re.MULTILINE)
VENDORS = ["vmx", "svm"]
SCHEMES = ["page", "direct", "copy", "grant"]


def number(text):
    return float(text) if "." in text else int(text)


def params_of(words):
    """KEY=VALUE words as a dict; what begins with a digit is a number."""
    pairs = (word.split("=") for word in words)
    return {k: number(v) if v[0].isdigit() else v for k, v in pairs}


def parse(text, vendor, unit_of_ticks):
    """The figures in a console's log."""
    for name, params, value, unit, low, high, limit in LINE.findall(text):
        figure = {"name": name, "vendor": vendor,
                  "params": params_of(params.split(",")[1:])}
        figure["value"] = number(value)
        figure["unit"] = unit_of_ticks if unit == "ticks" else unit
        if low:
            figure["low"], figure["high"] = int(low), int(high)
        if limit:
            figure["limit"] = number(limit)
        yield figure


def load(path):
    """The figures; ValueError says in words for the user why there are none."""
    try:
        with open(path) as f:
            whole = json.load(f)
    except FileNotFoundError:
        raise ValueError("there is no %s: make bench or make matrix writes it" % path) from None
    except OSError as error:
        raise ValueError("cannot read %s: %s" % (path, error.strerror)) from None
    except ValueError:
        raise ValueError("%s is not JSON: make bench or make matrix writes such" % path) from None
    if not isinstance(whole, dict) or whole.get("form") != FORM:
        raise ValueError("%s is not of form %d" % (path, FORM))
    return whole["figures"]


def save(path, figures):
    """One figure a line, so that a diff of two files can be read."""
    with open(path, "w") as f:
        f.write('{"form": %d, "figures": [\n' % FORM)
        f.write(",\n".join(json.dumps(e) for e in figures))
        f.write("\n]}\n")


def label(figure, without=()):
    """The name with its parameters, as in the guests' lines."""
    return ",".join([figure["name"]] + ["%s=%s" % item for item in
                                        figure["params"].items()
                                        if item[0] not in without])


def key(figure):
    return figure["vendor"], label(figure), figure["unit"]


def select(figures, name, vendor, **params):
    """Those of that name and vendor whose params have these values."""
    return [e for e in figures if e["name"] == name and e["vendor"] == vendor and
            all(e["params"].get(k) == v for k, v in params.items())]


def show(value):
    return "" if value is None else "{:,}".format(value)


def rows(figures, columns, column_of, without=()):
    """A Markdown table: a row for each label and unit, in the order they come."""
    cells = {}
    for e in figures:
        row = cells.setdefault((label(e, without), e["unit"]), {})
        row[column_of(e)] = e["value"]
    yield "| figure | unit | %s |" % " | ".join("`%s`" % c for c in columns)
    yield "|---|---|%s" % ("---:|" * len(columns))
    for (name, unit), row in cells.items():
        yield "| %s | %s | %s |" % (name, unit, " | ".join(
            show(row.get(c)) for c in columns))


def markdown(figures):
    """Everything: the schemes side by side for each vendor, then what has none."""
    for vendor in VENDORS:
        mine = [e for e in figures if e["vendor"] == vendor and
                "scheme" in e["params"]]
        if mine:
            yield "## The schemes, %s\n" % vendor
            yield from rows(mine, SCHEMES, lambda e: e["params"]["scheme"],
                            ("scheme",))
            yield ""
    yield "## Without a scheme\n"
    yield from rows([e for e in figures if "scheme" not in e["params"]], VENDORS,
                    lambda e: e["vendor"])

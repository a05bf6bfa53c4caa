# SPDX-License-Identifier: BSD-2-Clause
"""Pictures of figures by gnuplot: each function returns an SVG document as text, or ""
if the figures are not there."""

import math
import re
import subprocess

from bench_form import SCHEMES, select

COLOURS = {"page": "#1b6ca8", "direct": "#d1495b", "copy": "#2e8b57", "grant": "#8a5fbf"}
SIZES = [4 ** i for i in range(3, 11)]    # 64 B to 1 MiB
PARTS = [("guest", "#7fb3d5"), ("hypervisor", "#d1495b"), ("copy", "#b8b8b8")]
HEAD = """set terminal svg size %d,%d font "sans-serif,13" background "white"
set border 3
set tics nomirror out
set grid lc rgb "#dddddd"
set key outside right top
"""


def gnuplot(width, height, script):
    done = subprocess.run(["gnuplot"], input=HEAD % (width, height) + script,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode or not done.stdout:
        raise RuntimeError("gnuplot: " + done.stderr.strip())
    # Its own separators are those of a locale that may not be there.
    return re.sub(r"(<tspan[^>]*>) *(\d{4,})(?=</tspan>)",
                  lambda hit: hit[1] + "{:,}".format(int(hit[2])), done.stdout)


def block(name, lines):
    return "$%s << EOD\n%s\nEOD\n" % (name, "\n".join(lines))


def bytes_text(n):
    for unit, text in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if n >= unit:
            return "%d %s" % (n // unit, text)
    return "%d B" % n


def matrix(figures, vendor, way):
    """Schemes against sizes, both directions: the figure, coloured by how many times the
    cheapest scheme's it is."""
    moves = [e for e in select(figures, "move", vendor, way=way, batch=1)]
    rows = sorted({(e["params"]["dir"], e["params"]["size"]) for e in moves},
                  key=lambda row: (row[0] == "out", row[1]))
    if not rows:
        return ""
    cells, top = [], 1.1
    for y, (direction, size) in enumerate(rows):
        of = {e["params"]["scheme"]: e["value"] for e in moves
              if e["params"]["dir"] == direction and e["params"]["size"] == size}
        top = max(top, max(of.values()) / min(of.values()))
        cells += ["%d %d %f %s" % (SCHEMES.index(s), y, v / min(of.values()),
                                   "{:,}".format(v)) for s, v in of.items()]
    names = ", ".join('"%s, %s" %d' % (bytes_text(size), d, y)
                      for y, (d, size) in enumerate(rows))
    return gnuplot(760, 90 + 30 * len(rows), block("cells", cells) + """
unset key
unset grid
set xrange [-0.5:%f]
set yrange [%f:-0.5]
set xtics (%s)
set ytics (%s)
set cbrange [1:%f]
set palette defined (0 "#e8f4ea", 1 "#fbe6a2", 3 "#e0705c")
set cblabel "times the cheapest of the row"
set style fill solid noborder
plot $cells using 1:2:(0.5):(0.5):3 with boxxyerror fc palette, $cells using 1:2:4 with labels
""" % (len(SCHEMES) - 0.5, len(rows) - 0.5,
       ", ".join('"%s" %d' % (s, x) for x, s in enumerate(SCHEMES)), names,
       math.ceil(top * 10) / 10))


def lines(figures, x, label, more):
    """Curves over a logarithmic x: figures is a dict, name of the curve -> those on it."""
    script, plots = "", []
    for n, (name, (curve, style)) in enumerate(figures.items()):
        points = sorted((e["params"][x], e["value"]) for e in curve)
        if not points:
            continue
        script += block("c%d" % n, ["%s %s" % p for p in points])
        plots.append('$c%d with linespoints pt 7 ps 0.5 lw 2 %s title "%s"' % (n, style, name))
    if not plots:
        return ""
    return gnuplot(860, 420, script + 'set xlabel "%s"\nset ylabel "instructions"\n'
                   'set logscale x\nset format y "%%.0f"\n%s\nplot %s\n' % (label, more, ", ".join(plots)))


def by_scheme(figures, vendor, **params):
    """Curves of each scheme, by the model and by hand (dashed)."""
    return {"%s, %s" % (scheme, words): (
        select(figures, "move", vendor, scheme=scheme, way=way, **params),
        'lc rgb "%s" dt %d' % (COLOURS[scheme], dash))
        for scheme in SCHEMES
        for way, words, dash in (("model", "model", 1), ("raw", "by hand", 2))}


def sizes(figures, vendor, direction):
    return lines(by_scheme(figures, vendor, dir=direction, batch=1), "size",
                 "bytes of a transfer", "set logscale y\nset xtics (%s)" % ", ".join(
                     '"%s" %d' % (bytes_text(n), n) for n in SIZES))


def batches(figures, vendor, size, direction):
    return lines(by_scheme(figures, vendor, dir=direction, size=size), "batch",
                 "transfers of a batch", "set logscale y\nset xtics (1,2,4,8,16,32,64)")


def growing(figures, vendor, prefix, x, label, more):
    """A curve for each name that begins with prefix and has the parameter x."""
    names = sorted({e["name"] for e in figures if x in e["params"] and
                    e["vendor"] == vendor and e["name"].startswith(prefix)})
    return lines({name[len(prefix):]: (select(figures, name, vendor), "lc %d" % (n + 1))
                  for n, name in enumerate(names)}, x, label, "set yrange [0:*]\n" + more)


def growth(figures, vendor):
    return growing(figures, vendor, "growth-", "n",
                   "VMs, links, grants and mappings of the system",
                   "set xrange [8:1250]\nset xtics (10,100,1000)")


def cpus(figures, vendor):
    return growing(figures, vendor, "cpus-", "cpus", "pCPUs of the machine",
                   "set xrange [1.8:9]\nset xtics (2,4,8)")


def depths(figures, vendor, name, x, label, **params):
    """A curve for each scheme over what is in flight."""
    return lines({s: (select(figures, name, vendor, scheme=s, **params),
                      'lc rgb "%s"' % COLOURS[s]) for s in SCHEMES},
                 x, label, "set yrange [0:*]\nset xtics (1,2,4,8,16,32)")


def split(figures, vendor):
    """Bars of where the instructions of an operation go."""
    bars = {}
    for e in select(figures, "split", vendor):
        p = dict(e["params"])
        part = p.pop("part")
        name = p.pop("of") + "".join(
            " " + (bytes_text(v) if k == "size" else "x%s" % v if k == "batch" else v)
            for k, v in p.items() if (k, v) != ("batch", 1))
        bars.setdefault(name, {})[part] = e["value"]
    if not bars:
        return ""
    rows = ['"%s" %s' % (name, " ".join(str(of[part]) for part, _ in PARTS))
            for name, of in bars.items()]
    plots = ", ".join('$bars using %d:xtic(1) title "%s" lc rgb "%s"' % (n + 2, part, colour)
                      for n, (part, colour) in enumerate(PARTS))
    return gnuplot(1100, 720, block("bars", rows) + """
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.75
set bmargin 17
set xtics rotate by 55 right font ",10"
set ylabel "instructions"
set yrange [0:6000]
plot %s
""" % plots)

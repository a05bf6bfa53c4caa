# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of an operation go: reads what the emulators tell of the windows
between two marks of a benchmark (tools/run --split) and counts by side and kind."""

import itertools
import re
import subprocess

import bench_form

HYPERVISOR = 0xffff800000000000         # the upper half is its own
# A line of Bochs' trace: address, text, bytes.
BOCHS = re.compile(r"^\(\d+\)\.\[\d+\] \[0x[0-9a-f]+\] [0-9a-f]+:([0-9a-f]+) "
                   r"\([^)]*\): .*; ([0-9a-f]+)$")
# Of the plugin: count, address, bytes.
PLUGIN = re.compile(r"(\d+) ([0-9a-f]+) ([0-9a-f]+) (\d+)\n")
MARK = "6687db"
NAME = re.compile(r"\bsplit: (\S+)$", re.MULTILINE)
# Bochs traces only the CPU that meets the mark.
ONE_CPU_ONLY = ("virq-cross-cpu-round-trip", "revoke-forced-peer-runs")

PREFIX = re.compile("((?:26|2e|36|3e|64|65|66|67|f0|f2|f3)*)(?:4.)?(.*)")
MEMORY = "[0-9a-b]"                     # of ModRM: a memory operand
STRING = re.compile("a[45ab]")          # movs, stos; counted if repeated
# What counts one here and many cycles on silicon: by the bytes behind prefixes, with
# the middle digit of ModRM given as what it can be (/4 is 2 or 6 with its top bit 0).
HEAVY = [(name, re.compile(pattern)) for name, pattern in [
    ("exits", "0f01(c2|c3|d8)"),        # vmlaunch vmresume vmrun
    ("vmread", "0f78"), ("vmwrite", "0f79"),
    ("vmptrld", "0fc7[37b][0-7]"),      # and vmclear
    ("vmload-vmsave", "0f01d[ab]"),
    ("msr", "0f3[02]"),
    ("xsave", "0fae([048]|[26a]|[37b][0-7])|0fc7([26a]|[159][89a-f])"),
    ("flush", "0f388[01]|0f01df|0f01[37b][89a-f]"),
    ("fence", "0fae[ef]"),
    ("control-register", "0f2[02]"), ("debug-register", "0f2[13]"),
    ("port", "e[4-7]|e[c-f]")]]
MOVE = re.compile("f3(?:(48)?a5|a4)$")
# What no instruction tells: how often these functions of the hypervisor were entered.
CALLED = {"apic_send": "ipis", "tlb_renew": "flush"}
EXCHANGE = re.compile("8[67]" + MEMORY)
PARTS = ["guest", "hypervisor", "copy"]


def of_plugin(path):
    """The windows in a file of tools/split_plugin.c: lists of (count, address,
    bytes, stores of REP MOVS)."""
    windows = []
    with open(path, errors="replace") as f:
        for line in f:
            if line == "window\n":
                windows.append([])
                continue
            hit = PLUGIN.fullmatch(line)
            if not hit or not windows:
                raise ValueError("%s: not understood: %s" % (path, line.strip()))
            windows[-1].append((int(hit[1]), int(hit[2], 16), hit[3], int(hit[4])))
    return windows


def of_bochs(path):
    """The same of a debugger's dialogue: a line for each instruction and iteration."""
    windows, window = [], []
    with open(path, errors="replace") as f:
        for line in f:
            hit = BOCHS.match(line)
            if not hit:
                continue
            if hit[2] == MARK:
                windows.append([(n, *place, stores_of(n, place[1]))
                                for place, n in runs(window)])
                window = []
            else:
                window.append((int(hit[1], 16), hit[2]))
    return windows


def runs(window):
    """What is executed again and again, once, with how often."""
    for place, same in itertools.groupby(window):
        yield place, len(list(same))


def stores_of(n, code):
    """Of n iterations of REP MOVS. One single byte is none: the rest of a copy, of which
    nothing is left as a rule, and which shows all the same."""
    return n if MOVE.match(code) and (n > 1 or width(code) > 1) else 0


def width(code):
    """Bytes that REP MOVS moves at a time; else 0."""
    hit = MOVE.match(code)
    return (8 if hit[1] else 4 if code.endswith("a5") else 1) if hit else 0


def kind_of(code):
    """"copy", the name of a heavy operation, or None. An operation with a LOCK prefix,
    also the implied one, is "locked"."""
    prefixes, rest = PREFIX.match(code).groups()
    if STRING.match(rest) and ("f3" in prefixes or "f2" in prefixes):
        return "copy"
    if "f0" in prefixes or EXCHANGE.match(rest):
        return "locked"
    for name, pattern in HEAVY:
        if pattern.match(rest):
            return name
    return None


def entries(image):
    """Parts by address, of CALLED."""
    symbols = subprocess.run(["nm", image], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    found = {name: int(at, 16) for at, name in
             re.findall(r"^(\w+) [tT] (\w+)$", symbols, re.MULTILINE)}
    return {found[name]: part for name, part in CALLED.items()}


def count(window, called):
    """The parts of a window, then its heavy operations, with how many there were."""
    counts = dict.fromkeys(PARTS, 0)
    for n, address, code, stores in window:
        if stores:
            counts["bytes"] = counts.get("bytes", 0) + stores * width(code)
        if address in called:
            counts[called[address]] = counts.get(called[address], 0) + n
        kind = kind_of(code)
        if kind:
            counts[kind] = counts.get(kind, 0) + n
        if kind != "copy":
            counts["hypervisor" if address >= HYPERVISOR else "guest"] += n
    return counts


def unit(part):
    return "instructions" if part in PARTS else "bytes" if part == "bytes" else "operations"


def figures(log, split, vendor, called):
    """The figures of one boot: its console says what each window was of. Raises
    ValueError if the two do not belong together, OSError if there is no split."""
    windows = (of_bochs if vendor == "vmx" else of_plugin)(split)
    names = NAME.findall(log)
    if len(names) != len(windows):
        raise ValueError("%s: %d windows for %d names" % (split, len(windows), len(names)))
    for name, window in zip(names, windows):
        if vendor == "vmx" and name in ONE_CPU_ONLY:
            continue
        of, *params = name.split(",")
        for part, n in count(window, called).items():
            yield {"name": "split", "vendor": vendor,
                   "params": {"of": of, **bench_form.params_of(params), "part": part},
                   "value": n, "unit": unit(part)}

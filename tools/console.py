# SPDX-License-Identifier: BSD-2-Clause
"""The console of a machine, as tools/run reads it: its lines are shown and kept as they
come, and what they tell of the run is remembered."""

import atexit
import contextlib
import os
import re
import select
import signal
import sys
import termios
import time
import tty

PASS, FAIL = 0, 1
VERDICT = re.compile(r"^ambit +\| (run ended: PASS\b|run ended: FAIL\b|"
                     r"cannot start: |PANIC\b)")
CALL = re.compile(r"^ambit +\|   called from (f{8}[0-9a-f]{8})\b")
TRAP = re.compile(r"^(\S+) *\| (exception \d+), .* at rip 0x([0-9a-f]+) ")
ERASED = b"\r\x1b[K"             # what stood in the line before that is gone
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[=>()][0-9A-B]?|\r")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
POLL = 0.02                     # seconds


class Console:
    """Shows the serial file's lines as they come and remembers the verdict."""

    follows = False             # a guest's lines may come without its name

    def __init__(self, work, log, show):
        self.serial = os.path.join(work, "serial.txt")
        self.file = open(self.serial, "wb+")
        self.log = open(log, "w") if log else None
        self.show = show
        self.rest = b""
        self.verdict = None
        self.digests = []
        self.calls = []         # of a panic: where it came from
        self.traps = []         # of guests: VM, which one, where

    def poll(self):
        self.take(self.file.read())

    def wait(self):
        time.sleep(POLL)

    def take(self, came):
        *lines, self.rest = (self.rest + came).split(b"\n")
        for line in lines:
            self.line(line)

    def line(self, raw):
        raw = raw.rpartition(ERASED)[2]
        line = ESCAPES.sub("", raw.decode(errors="replace"))
        hit = VERDICT.match(line)
        if hit:
            self.verdict = PASS if hit.group(1).endswith("PASS") else FAIL
        self.calls += CALL.findall(line)
        self.traps += TRAP.findall(line)
        self.digests += DIGEST.findall(line)
        if self.show:
            print(line, flush=True)
        if self.log:
            print(line, file=self.log, flush=True)

    def close(self):
        self.poll()
        if self.rest:
            self.line(self.rest)
        self.file.close()
        if self.log:
            self.log.close()


class Terminal(Console):
    """The same where a person sees it: bytes go to and fro as they come."""

    follows = True

    def __init__(self, work, log):
        super().__init__(work, log, False)
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.serial = os.ttyname(self.slave)
        self.before = termios.tcgetattr(0)
        atexit.register(self.restore)   # however the run ends
        mode = termios.tcgetattr(0)
        mode[0] &= ~(termios.ICRNL | termios.IXON)
        mode[3] &= ~(termios.ICANON | termios.ECHO)     # Ctrl-C ends the run
        mode[6][termios.VSUSP] = b"\0"
        termios.tcsetattr(0, termios.TCSANOW, mode)

    def poll(self):
        while True:
            ready = select.select([self.master, 0], [], [], 0)[0]
            if self.master in ready:
                came = os.read(self.master, 65536)
                os.write(1, came)
                self.take(came)
            elif 0 in ready:
                typed = os.read(0, 1024)
                if not typed:
                    sys.exit(128 + signal.SIGHUP)
                os.write(self.master, typed)
            else:
                break

    def wait(self):
        select.select([self.master, 0], [], [], POLL)

    def restore(self):
        with contextlib.suppress(termios.error):        # it may be gone
            termios.tcsetattr(0, termios.TCSADRAIN, self.before)

    def close(self):
        self.restore()
        super().close()
        os.close(self.master)
        os.close(self.slave)

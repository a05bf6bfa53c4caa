# SPDX-License-Identifier: BSD-2-Clause
"""TAP, as the tests in Python print it: a line for each test, and below one that failed
what is wrong. tests/suite counts them."""

import sys


class Tap:
    def __init__(self, plan=0):
        """plan is how many tests there will be, 0 if only the end tells."""
        self.plan, self.count, self.failed = plan, 0, 0
        if plan:
            print("1..%d" % plan, flush=True)

    def ok(self, good, name, why=()):
        """One test; the lines of why are shown if it is not good."""
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, name))
        for text in () if good else why:
            for line in text.splitlines():
                print("# " + line)
        sys.stdout.flush()

    def end(self):
        """The exit status, when all has been told."""
        if not self.plan:
            print("1..%d" % self.count, flush=True)
        return 1 if self.failed else 0

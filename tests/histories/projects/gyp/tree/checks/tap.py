# SPDX-License-Identifier: Apache-2.0
"""A few lines of TAP for unittest, and a way to let the release's gyp generate a project of ours."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYLIB = os.path.join(ROOT, "gyp", "pylib")


class Tap(unittest.TextTestResult):
    """One line a case, in the order of the run."""

    def __init__(self, *args):
        super().__init__(*args)
        self.count = 0

    def say(self, good, test, rest=""):
        self.count += 1
        print("%s %d - %s%s" % ("ok" if good else "not ok", self.count, test.id(), rest), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say(True, test, " # SKIP " + reason.replace("\n", " "))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(False, test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say(False, test)


def run_module(name):
    """The unit tests that the release has in gyp/pylib/NAME.py."""
    sys.path.insert(0, PYLIB)
    if not os.path.exists(os.path.join(PYLIB, *name.split(".")) + ".py"):
        print("1..0 # SKIP not in this release")
        return
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    result = unittest.TextTestRunner(stream=sys.stderr, resultclass=Tap).run(suite)
    print("1..%d" % result.count if result.count else "1..0 # SKIP no cases in this release")


def generate(form, wanted, *args):
    """Generates checks/sample in a copy; each of `wanted` is (file, text in it)."""
    lines = []
    with tempfile.TemporaryDirectory() as top:
        for name in ("sample.gyp", "common.gypi", "main.c", "helper.c"):
            with open(os.path.join(ROOT, "checks", "sample", name)) as source:
                with open(os.path.join(top, name), "w") as copy:
                    copy.write(source.read())
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "gyp", "gyp_main.py"), "--depth=.", "-f", form, *args, "sample.gyp"],
            cwd=top, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        lines.append(("gyp ends well", done.returncode == 0))
        if done.returncode != 0:
            print("# " + done.stdout.strip().replace("\n", "\n# "))
        for name, text in wanted:
            path = os.path.join(top, name)
            there = os.path.exists(path)
            lines.append(("%s is there" % name, there))
            if there:
                with open(path) as file:
                    lines.append(("%s has %s" % (name, text), text in file.read()))
    for number, (name, good) in enumerate(lines, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", number, name))
    print("1..%d" % len(lines))

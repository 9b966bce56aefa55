#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random programs over a randomly edited tree: what is reused must be what a fresh run gives.

usage: replay.py SLUICE FSPLAY [--rounds N] [--seed S] [--units U] [--states N] [--misses] [--keep DIR]

A round is one decision about one program: U programs are decided in each state of the tree. Every
state is run twice: with reuse (and observation), and in place of that with `reuse: off`. Status, exit
code and everything printed must be equal. Prints the share of needless misses: programs that ran
again although they had passed before with the very same words; counted on the talkative half of the
programs (fsplay.c), which tell all they can ask.

--states N: programs and tree are made anew every N states (50); 0 = one world for ever, which asks
what a store does with a unit of very many classes of questions.
--misses: nothing is run without reuse; only needless misses are counted.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import outcomes

# The tree of a world is edited so often, then programs and tree are made anew: 100,000 rounds try
# 2,000 programs. (--states)
STATES_PER_WORLD = 50
WORDS = ["a", "b", "c", "d", "lib", "x.txt"]
PIPELINE = """version: 1
layers:
  play:
    uses: command
    with: {each: units.txt}
    reuse: {mode: MODE}
    gate: {failed: {max: 1000000}}
"""


class Tree:
    """What the tree holds: path -> ("f", text, executable) or ("l", target); folders follow."""

    def __init__(self, rng):
        self.rng = rng
        self.files = {}
        for _ in range(10):
            self.add()

    def free_path(self):
        """A path no file stands in the way of."""
        for _ in range(50):
            path = "/".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(1, 3)))
            parts = path.split("/")
            blocked = any("/".join(parts[:i]) in self.files for i in range(1, len(parts)))
            if not blocked and path not in self.files and not any(p.startswith(path + "/") for p in self.files):
                return path
        return None

    def some(self):
        return self.rng.choice(sorted(self.files)) if self.files else None

    def text(self):
        if self.rng.random() < 0.15:
            return "#!/bin/sh\ncat a/x.txt lib/a\n" + "#" * self.rng.randint(0, 3) + "\n"
        return "word %d\n" % self.rng.randint(0, 5)

    def add(self):
        path = self.free_path()
        if path is None:
            return
        if self.rng.random() < 0.2:
            target = "/".join(self.rng.choice(WORDS + [".."]) for _ in range(self.rng.randint(1, 2)))
            self.files[path] = ("l", target)
        else:
            self.files[path] = ("f", self.text(), self.rng.random() < 0.3)

    def remove(self):
        path = self.some()
        if path is not None:
            del self.files[path]

    def remove_folder(self):
        path = self.some()
        if path is not None and "/" in path:
            top = path.split("/")[0] + "/"
            self.files = {p: f for p, f in self.files.items() if not p.startswith(top)}

    def change(self):
        path = self.some()
        if path is not None and self.files[path][0] == "f":
            self.files[path] = ("f", self.text(), self.files[path][2])

    def flip(self):
        path = self.some()
        if path is not None and self.files[path][0] == "f":
            kind, text, executable = self.files[path]
            self.files[path] = (kind, text, not executable)

    def retarget(self):
        links = sorted(p for p, f in self.files.items() if f[0] == "l")
        if links:
            self.files[self.rng.choice(links)] = ("l", self.rng.choice(WORDS))

    def swap_kind(self):
        """A file becomes a link, or a folder with a file."""
        path = self.some()
        if path is None:
            return
        del self.files[path]
        if self.rng.random() < 0.5:
            self.files[path] = ("l", self.rng.choice(WORDS))
        else:
            self.files[path + "/" + self.rng.choice(WORDS)] = ("f", self.text(), False)

    def rename(self):
        path = self.some()
        to = self.free_path()
        if path is not None and to is not None and not to.startswith(path + "/"):
            self.files[to] = self.files.pop(path)

    def unrelated(self):
        path = "other/%d" % self.rng.randint(0, 3)
        if "other" not in self.files and not any(p.startswith(path + "/") for p in self.files):
            self.files[path] = ("f", self.text(), False)

    def edit(self):
        edits = [self.add, self.remove, self.change, self.change, self.flip, self.retarget,
                 self.swap_kind, self.rename, self.unrelated, self.remove_folder]
        for _ in range(self.rng.randint(1, 3)):
            self.rng.choice(edits)()

    def write(self, root, keep):
        for entry in root.iterdir():
            if entry.name in keep:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for path, what in self.files.items():
            full = root / path
            full.parent.mkdir(parents=True, exist_ok=True)
            if what[0] == "l":
                full.symlink_to(what[1])
            else:
                full.write_text(what[1])
                full.chmod(0o755 if what[2] else 0o644)


def run(sluice, root, mode, cache):
    """Runs the pipeline; unit -> (status, exit code, text, reused, why)."""
    events = root / ".git" / "events.ndjson"
    env = dict(os.environ, SLUICE_CACHE=str(cache))
    done = subprocess.run([sluice, "run", "--quiet", "--pipeline", "sluice-%s.yml" % mode, "--events", str(events)],
                          cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit("sluice run (%s) ended with %d:\n%s%s" % (mode, done.returncode, done.stdout, done.stderr))
    return outcomes.read(events, root, "unit")


def differ(unit, with_reuse, without, state):
    print("DIFFERENT in state %d: %s (%s)" % (state, unit, "reused" if with_reuse[3] else "ran: %s" % with_reuse[4]))
    print("--- with reuse: %s %s\n%s" % (with_reuse[0], with_reuse[1], with_reuse[2].decode(errors="replace")))
    print("--- without: %s %s\n%s" % (without[0], without[1], without[2].decode(errors="replace")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("fsplay")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--units", type=int, default=40)
    parser.add_argument("--states", type=int, default=STATES_PER_WORLD)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--keep", help="leave the tree here for a look")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    top = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="sluice-soundness-"))
    root, cache = top / "tree", top / "cache"
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", root], check=True)
    shutil.copy(options.fsplay, root / "fsplay")
    for mode in ("observed", "off"):
        (root / ("sluice-%s.yml" % mode)).write_text(PIPELINE.replace("MODE", mode))
    sluice = str(pathlib.Path(options.sluice).resolve())
    counts = collections.Counter()
    state = 0
    while counts["decisions"] < options.rounds:
        if state == 0 or (options.states > 0 and state % options.states == 0):  # other programs over another tree
            (root / "units.txt").write_text(
                "".join("/src/fsplay %d\n" % rng.randint(1, 1 << 40) for _ in range(options.units)))
            tree, past, passed = Tree(rng), [], collections.defaultdict(set)
        if past and rng.random() < 0.15:
            tree.files = dict(rng.choice(past))
        elif past:
            tree.edit()
        past.append(dict(tree.files))
        tree.write(root, {".git", ".sluice", "fsplay", "units.txt", "sluice-observed.yml", "sluice-off.yml"})
        with_reuse = run(sluice, root, "observed", cache)
        without = with_reuse if options.misses else run(sluice, root, "off", cache)
        for unit, result in with_reuse.items():
            counts["decisions"] += 1
            counts["reused"] += result[3]
            if result[:3] != without[unit][:3]:
                counts["wrong" if result[3] else "unequal"] += 1
                differ(unit, result, without[unit], state)
            talkative = int(unit.split()[-1]) % 2 == 0
            counts["talkative"] += talkative
            if not result[3] and talkative:
                witness = (result[1], result[2])
                if result[0] == "passed" and witness in passed[unit]:
                    counts["needless"] += 1
                    if counts["needless"] <= 20:
                        print("needless in state %d: %s: %s" % (state, unit, result[4]))
                if result[0] == "passed":
                    passed[unit].add(witness)
        if set(with_reuse) != set(without):
            sys.exit("other units with reuse than without")
        state += 1
        if state % 100 == 0:
            print("%d decisions in %d states so far, %d wrong, %d needless misses" % (
                counts["decisions"], state, counts["wrong"], counts["needless"]), flush=True)
    if not options.keep:
        shutil.rmtree(top, ignore_errors=True)
    decisions = counts["decisions"]
    print("%d decisions in %d states: %d reused, %d wrong, %d unequal, %d needless misses (%.2f %% of the talkative)" % (
        decisions, state, counts["reused"], counts["wrong"], counts["unequal"], counts["needless"],
        100.0 * counts["needless"] / max(1, counts["talkative"])))
    bad = counts["wrong"] or counts["unequal"] or counts["reused"] == 0
    sys.exit(1 if bad or counts["needless"] > 0.02 * counts["talkative"] else 0)


if __name__ == "__main__":
    main()

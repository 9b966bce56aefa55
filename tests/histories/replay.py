#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real histories: verdicts with reuse must be those without, version by version.

usage: replay.py SLUICE [PROJECT...] [--versions N] [--work DIR]

Each version of a project, oldest first, is run with reuse (one evidence store for the whole history) and without, in two
work trees of their own. Compared are exit code, gates, each unit's status and each case. Prints what the reuse saved, and
what two weaker policies would have run. Exit code: 0 all is equal, 1 something differs or ran needlessly, 77 the registry
cannot be reached.
"""
import argparse
import collections
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

import policies
import sources
from evidence import Evidence

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLAN = "(plan)"
GRAMMARS = pathlib.Path(os.environ.get("SLUICE_GRAMMARS", ROOT / "build" / "grammars"))  # cmake/Grammars.cmake

# Runs for one (unit, fingerprint): 5 % more than one is allowed. Two kinds of runs are by design and counted apart, and
# printed: what left no evidence has no fingerprint (what it asked cannot be told, or it could not say); what is known to
# fail runs again.
RUNS_PER_FINGERPRINT = 1.05


class Side:
    """One of the two ways: a work tree, a store, what it cost."""

    def __init__(self, work, name, mode, project, repo):
        self.tree, self.cache, self.events = work / name, work / (name + ".cache"), work / (name + ".ndjson")
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.rmtree(self.cache, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", str(repo), str(self.tree)], check=True)
        self.file = "histories-%s.yml" % mode
        self.text = project["pipeline"].replace("MODE", mode).replace("GRAMMAR_FOLDER", str(GRAMMARS))
        with open(self.tree / ".git" / "info" / "exclude", "a", encoding="utf-8") as exclude:
            exclude.write("/%s\n/.sluice/\n" % self.file)
        self.cpu = collections.Counter()
        self.wall = 0.0

    def check_out(self, revision):
        sources.git(self.tree, "checkout", "--quiet", "--force", "--detach", revision)
        (self.tree / self.file).write_text(self.text)

    def run(self, sluice):
        self.events.unlink(missing_ok=True)
        environment = dict(os.environ, SLUICE_CACHE=str(self.cache))
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([sluice, "run", "--quiet", "--json", "--pipeline", self.file, "--events", str(self.events)],
                              cwd=self.tree, env=environment, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.wall += time.monotonic() - began
        if not self.events.exists() or not done.stdout.strip():
            sys.exit("sluice run ended with %d and told nothing:\n%s" % (done.returncode, done.stderr))
        summary = json.loads(done.stdout.strip().splitlines()[-1])
        self.cpu["all"] += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.cpu["units"] += summary["cpu_s"]
        return Run(done.returncode, self.events)


class Run:
    """What one run said: verdicts, to compare; which units ran, and why."""

    def __init__(self, code, events):
        self.verdicts = {"exit code": code}
        self.units, self.ran, self.why, self.notes = set(), [], {}, []
        self.reasons = []
        for line in events.read_text().splitlines():
            event = json.loads(line)
            if event["type"] == "unit_started":
                self.why[event["layer"], event["unit"]] = event.get("why", "")
            elif event["type"] == "unit_finished":
                self.finished(event)
            elif event["type"] == "layer_judged":
                self.verdicts["gate of " + event["layer"]] = event["state"]
                self.reasons.append(event.get("reason", ""))
            elif event["type"] == "note" and event["level"] != "info":
                self.notes.append(event["text"])

    def finished(self, event):
        name = (event["layer"], event["unit"])
        if "reused" not in event and name in self.why:
            self.ran.append(name)
        if not event.get("final", True):
            return
        cases = sorted((c.get("suite", ""), c["name"], c["status"]) for c in event.get("cases", ()))
        self.verdicts[name] = (event["status"], cases)
        if name in self.why or "reused" in event: # else it was never started
            self.units.add(name)

    def status(self, name):
        return self.verdicts[name][0] if name in self.verdicts else None


def differences(reused, fresh):
    names = sorted(set(reused.verdicts) | set(fresh.verdicts), key=str)
    return [(n, reused.verdicts.get(n), fresh.verdicts.get(n)) for n in names
            if reused.verdicts.get(n) != fresh.verdicts.get(n)]


class History:
    """Counts over all versions of a project."""

    def __init__(self, project):
        self.project = project
        self.counts = collections.Counter()
        self.versions = []
        self.failures_again = 0

    def add(self, version, revision, reused, fresh):
        different = differences(reused, fresh)
        for name, with_reuse, without in different:
            print("DIFFERENT in %s: %s\n  with reuse: %s\n  without:    %s" % (version, name, with_reuse, without))
        for note in reused.notes:
            print("%s: note: %s" % (version, note))
        self.counts["different"] += len(different)
        self.counts["versions"] += 1
        self.counts["verdicts"] += len(fresh.verdicts)
        self.counts["cases"] += sum(len(v[1]) for n, v in fresh.verdicts.items() if isinstance(n, tuple))
        self.counts["ran"] += len(reused.ran)
        self.counts["ran_fresh"] += len(fresh.ran)
        self.counts["not_passed"] += sum(fresh.status(n) not in ("passed", "skipped") for n in fresh.units)
        self.counts["again"] += sum("failed with the same inputs" in reused.why[n] for n in reused.ran)
        self.counts["unconfigured"] += fresh.status(("build", "configure")) not in ("passed", None)
        self.counts["not_planned"] += not fresh.units
        self.versions.append((revision, sorted(fresh.units)))

    def finish(self, repo, evidence, sides):
        counts, units = self.counts, set().union(*(u for _, u in self.versions))
        declarations = policies.Declarations(evidence, units, "build", self.project.get("folder_depth", 1))
        whole, by_folder = policies.count_runs(self.versions, repo, declarations)
        distinct = sum(n for name, n in evidence.distinct.items() if name[1] != PLAN)
        stored = sum(n for name, n in evidence.stored_runs.items() if name[1] != PLAN)
        result = dict(counts)
        result.update(project=self.project["name"], units=sum(len(u) for _, u in self.versions), distinct=distinct,
                      unstored=counts["ran"] - stored, whole_tree=whole, by_folder=by_folder,
                      quarantined=evidence.quarantined)
        for side, name in zip(sides, ("with", "without")):
            result["cpu_" + name], result["cpu_units_" + name] = side.cpu["all"], side.cpu["units"]
            result["wall_" + name] = side.wall
        return result


def ratio(a, b):
    return a / b if b else float("inf")


def runs_by_need(result):
    return result["ran"] - result["unstored"] - result["again"]


def tell(result):
    r = collections.defaultdict(int, result)
    print("""
%s: %d versions%s
  verdicts: %d compared (units, gates, exit codes; %d cases), %d differ; %d unit outcomes were no pass
  CPU: %.1f s with reuse / %.1f s without = %.3f (units alone: %.1f / %.1f s; wall: %.0f / %.0f s)
  units run: %d with reuse, %d without; %d distinct (unit, fingerprint)
    observed inputs    %6d runs  %.3f per fingerprint; %d left no evidence, %d were known failures: %.3f without these
    by folder          %6d runs  %.3f
    whole tree         %6d runs  %.3f""" % (
        r["project"], r["versions"],
        " (%d do not configure, %d have no units)" % (r["unconfigured"], r["not_planned"])
        if r["unconfigured"] + r["not_planned"] else "",
        r["verdicts"], r["cases"], r["different"], r["not_passed"],
        r["cpu_with"], r["cpu_without"], ratio(r["cpu_with"], r["cpu_without"]), r["cpu_units_with"],
        r["cpu_units_without"], r["wall_with"], r["wall_without"],
        r["ran"], r["ran_fresh"], r["distinct"],
        r["ran"], ratio(r["ran"], r["distinct"]), r["unstored"], r["again"], ratio(runs_by_need(r), r["distinct"]),
        r["by_folder"], ratio(r["by_folder"], r["distinct"]),
        r["whole_tree"], ratio(r["whole_tree"], r["distinct"])))
    if r["quarantined"]:
        print("  %d units are in quarantine: one fingerprint, two outcomes or products" % r["quarantined"])


def replay(sluice, name, work, versions):
    project = sources.load(name)
    repo, history = sources.history(project, ROOT, work, versions)
    print("%s: %d versions, %s to %s" % (name, len(history), history[0][0], history[-1][0]), flush=True)
    sides = [Side(work, "with", "observed", project, repo), Side(work, "without", "off", project, repo)]
    counted = History(project)
    for at, (version, revision) in enumerate(history):
        runs = {}
        for side in sides if at % 2 == 0 else sides[::-1]: # neither always finds the machine's caches warm
            side.check_out(revision)
            runs[side] = side.run(sluice)
        counted.add(version, revision, runs[sides[0]], runs[sides[1]])
        print("  %-16s %4d units, %4d ran" % (version, len(runs[sides[1]].units), len(runs[sides[0]].ran)), flush=True)
    result = counted.finish(repo, Evidence(sides[0].cache / "evidence.db"), sides)
    (work / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    tell(result)
    for side in sides:
        shutil.rmtree(side.tree, ignore_errors=True)
    return result


def is_good(result):
    return (not result["different"] and result["ran"] < result["ran_fresh"]
            and runs_by_need(result) <= RUNS_PER_FINGERPRINT * result["distinct"])


def main():
    parser = argparse.ArgumentParser(description="Verdicts with reuse beside verdicts without, over real histories.")
    parser.add_argument("sluice")
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help="all: %s" % ", ".join(sources.names()))
    parser.add_argument("--versions", type=int, default=100, help="the last N (100)")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "histories", help="where data is kept")
    options = parser.parse_args()
    unknown = set(options.projects) - set(sources.names())
    if unknown or options.versions < 1:
        parser.error("no such project: %s" % ", ".join(sorted(unknown)) if unknown else "--versions: at least 1")
    sluice = str(pathlib.Path(options.sluice).resolve())
    try:
        results = [replay(sluice, name, options.work.resolve() / name, options.versions)
                   for name in options.projects or sources.names()]
    except sources.Unreachable as error:
        print(error, file=sys.stderr)
        sys.exit(77)
    sys.exit(0 if all(is_good(result) for result in results) else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads other projects' reports with `sluice report read` and compares with their references.

usage: run.py SLUICE [PART...] [--npm FOLDER]
Parts: junit junit2json enricomi pairs tap perl ctrf gotestsum (default: all)

The corpora lie in $SLUICE_SHARED/corpora, else in ../shared/corpora beside the repository. What
deviates from a reference is listed, with its reason, in docs/formats/deviations.md; a deviation
that is not listed fails, and so does a listed one that is gone.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import types
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
AGREEMENT = 0.995  # with junit2json, of the files

Answer = collections.namedtuple("Answer", "code cases counts error")
sluice = None


def read(path, form="auto"):
    run = subprocess.run([sluice, "report", "read", "--json", "--format", form, str(path)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    lines = [json.loads(line) for line in run.stdout.decode("utf-8").splitlines()]
    assert lines, f"{path}: no counts"
    answer = Answer(run.returncode, lines[:-1], lines[-1], run.stderr.decode("utf-8").strip())
    check_answer(path, answer)
    return answer


def check_answer(path, answer):
    """What must hold for every file, whatever its reference says."""
    seen = collections.Counter(case["status"] for case in answer.cases)
    for word in ("passed", "failed", "errored", "skipped"):
        assert seen[word] == answer.counts[word], f"{path}: counts disagree with lines"
    bad = answer.counts["failed"] + answer.counts["errored"]
    expected = 3 if answer.code == 3 else 1 if bad else 0
    assert answer.code == expected, f"{path}: exit code {answer.code}: {answer.error}"
    assert answer.code != 3 or answer.error, f"{path}: an error that explains nothing"
    assert "crashed" not in answer.error and "too much" not in answer.error, f"{path}: {answer.error}"


def read_all(paths, form="auto"):
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(paths, pool.map(lambda path: read(path, form), paths)))


def squeeze(text):
    return " ".join((text or "").split())


# ---- JUnit: a second, small reader in Python ----

SKIP_WORDS = {"disabled", "notrun", "ignored", "skipped", "suppressed", "pending"}
FAIL_WORDS = {"fail", "failed", "failure"}


def local(element):
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def status_of(case):
    kinds = {local(child): child for child in case}
    if local(kinds.get("skipped", case)) == "skipped" and \
            (kinds["skipped"].get("type") or "").lower() == "todo":
        return "skipped"
    words = {(case.get(name) or "").lower() for name in ("status", "result")}
    if "error" in kinds:
        return "errored"
    if "failure" in kinds or "rerunFailure" in kinds or "rerunError" in kinds:
        return "failed" if not words & {"error", "errored"} else "errored"
    if words & {"error", "errored"}:
        return "errored"
    if words & FAIL_WORDS:
        return "failed"
    return "skipped" if "skipped" in kinds or words & SKIP_WORDS else "passed"


def junit_reference(path):
    """Counts by status; None when the file is no XML."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError, ValueError):
        return None
    return collections.Counter(status_of(e) for e in root.iter() if local(e) == "testcase")


def own_cases(answer):
    """Without the cases that stand for a suite: they are sluice's own."""
    return [case for case in answer.cases if case["name"] != "(suite)"]


def part_junit(corpora):
    """Each file: as many cases of each status as in it."""
    for path, answer in read_all(sorted((corpora / "junit").glob("*.xml")), "junit").items():
        wanted = junit_reference(path)
        seen = collections.Counter(case["status"] for case in own_cases(answer))
        if wanted is None:
            yield path, answer.code == 3, f"no XML, but read: {dict(seen)}"
        elif not wanted and not answer.cases:
            yield path, answer.code == 3, "no case, but no error"
        else:
            yield path, wanted == seen and answer.code != 3, \
                f"{dict(seen)} instead of {dict(wanted)} {answer.error}"


def oracle(kind, paths, npm):
    run = subprocess.run(["node", "oracle.js", kind], cwd=npm, stdout=subprocess.PIPE, check=True,
                         input="\n".join(map(str, paths)).encode())
    return {Path(answer["file"]): answer for answer in map(json.loads, run.stdout.splitlines())}


def part_junit2json(corpora, npm):
    """As many cases, and as many that did not pass, as junit2json counts."""
    paths = sorted((corpora / "junit").glob("*.xml"))
    answers = read_all(paths, "junit")
    theirs = oracle("junit2json", paths, npm)
    agree = 0
    for path in paths:
        cases = own_cases(answers[path])
        bad = sum(1 for case in cases if case["status"] in ("failed", "errored"))
        wanted = theirs[path]
        same = answers[path].code == 3 if "error" in wanted else \
            (len(cases), bad) == (wanted["cases"], wanted["bad"])
        agree += same
        yield path, same, f"{len(cases)} cases, {bad} bad; junit2json: " + \
            wanted.get("error", f"{wanted.get('cases')}, {wanted.get('bad')}")
    print(f"junit2json: {agree} of {len(paths)} agree ({100 * agree / len(paths):.2f} %)")
    yield Path("agreement"), agree >= AGREEMENT * len(paths), f"below {100 * AGREEMENT} %"


# ---- goldens of publish-unit-test-result-action ----

class Anything(types.SimpleNamespace):
    """What `name(...)` in a golden makes: its arguments."""


class Names:
    def __getattr__(self, name):
        return self if name == "unittestresults" else Anything


def golden_of(path):
    text = path.read_text(encoding="utf-8")
    return eval(text, {"__builtins__": {}, "publish": Names()})  # data of the corpus, no builtins


GOLDEN_STATUS = {"success": "passed", "failure": "failed", "error": "errored", "skipped": "skipped",
                 "disabled": "skipped"}


def same_name(case, golden):
    """NUnit 2 has no classes: there the golden's name is class and name in one."""
    name, classname = case["name"], case.get("classname", "")
    if golden.class_name:
        return classname == golden.class_name and name == golden.test_name
    return golden.test_name in (name, f"{classname}.{name}", f"{classname}{name}")


def golden_difference(case, golden):
    if not same_name(case, golden):
        return f"name {case.get('classname')} {case['name']} != " \
               f"{golden.class_name} {golden.test_name}"
    if case["status"] != GOLDEN_STATUS[golden.result]:
        return f"{golden.test_name}: {case['status']} != {golden.result}"
    if abs((golden.time or 0) - case.get("time", 0)) > 0.001:
        return f"{golden.test_name}: time {case.get('time')} != {golden.time}"
    for field, theirs in (("file", golden.test_file), ("line", golden.line)):
        if theirs is not None and case.get(field) != theirs:
            return f"{golden.test_name}: {field} {case.get(field)} != {theirs}"
    wanted = squeeze((golden.message or "").strip().split("\n")[0]) if golden.message else None
    if wanted and golden.result != "success" and squeeze(case.get("message"))[:60] != wanted[:60]:
        return f"{golden.test_name}: message {case.get('message')!r} != {wanted!r}"
    return None


def compare_golden(answer, golden):
    cases = [case for case in answer.cases if case["name"] != "(suite)"]
    if len(cases) != len(golden.cases):
        return f"{len(cases)} cases instead of {len(golden.cases)} {answer.error}"
    order = (lambda c: (f"{c.get('classname', '')}.{c['name']}", c["status"], c.get("time", 0)))
    wanted = (lambda g: (f"{g.class_name or ''}.{g.test_name}", GOLDEN_STATUS[g.result], g.time or 0))
    differences = [golden_difference(c, g) for c, g in zip(cases, golden.cases)]
    if any(differences):  # another order?
        pairs = zip(sorted(cases, key=order), sorted(golden.cases, key=wanted))
        differences = [golden_difference(c, g) for c, g in pairs]
    return next((difference for difference in differences if difference), None)


def part_enricomi(corpora):
    """Each case with name, status, time, file, line and the first line of its message."""
    folder = corpora / "enricomi"
    inputs = [path for path in sorted(folder.rglob("*"))
              if path.suffix in (".xml", ".trx", ".json") and not path.name.endswith(".results.json")]
    for path, answer in read_all(inputs).items():
        results = path.with_suffix(".results")
        if path.with_suffix(".exception").exists():
            yield path, answer.code == 3, f"their error, not ours: exit code {answer.code}"
        elif results.exists():
            golden = golden_of(results)
            difference = compare_golden(answer, golden)
            yield path, difference is None, difference


# ---- pairs: a foreign report, and the JUnit it should become ----

def identity(case):
    return (squeeze(case.get("classname")), squeeze(case["name"]), case["status"],
            f"{case.get('time', 0):.3f}")


def part_pairs(corpora):
    """The cases of input and result, both read by us: class, name, status, time."""
    for result in sorted((corpora / "xunit-plugin-pairs").glob("*/*/result.xml")):
        folder = result.parent
        given = sorted(path for path in folder.iterdir() if path.name.startswith("input"))
        ours, wanted = read(given[0]), read(result, "junit")
        seen = collections.Counter(map(identity, ours.cases))
        want = collections.Counter(map(identity, wanted.cases))
        yield folder, seen == want, \
            f"only ours {list((seen - want).elements())[:2]}, " \
            f"only theirs {list((want - seen).elements())[:2]} {ours.error}"


# ---- TAP ----

def compare_tap(paths, theirs, relative=None):
    """Good or not good, and how many cases failed."""
    answers = read_all(paths, "tap")
    for path in paths:
        wanted = theirs[path]
        ok = answers[path].code == 0
        failed = answers[path].counts["failed"]
        same = ok == wanted["ok"] and (answers[path].code == 3 or failed == wanted["failed"])
        yield relative[path] if relative else path, same, \
            f"{'good' if ok else 'bad'}, {failed} failed {answers[path].error}; " \
            f"theirs: {'good' if wanted['ok'] else 'bad'}, {wanted['failed']} failed"


def part_tap(corpora, npm):
    """Good or not good, and how many cases failed, as npm's tap-parser says."""
    paths = sorted((corpora / "tap/tapjs").glob("*.tap"))
    yield from compare_tap(paths, oracle("tap-parser", paths, npm))


def part_perl(corpora, work):
    """What Perl's sample programs print, and what Perl's own harness says of it."""
    if not shutil.which("perl"):
        skip("perl is missing")
    streams = {}
    for program in sorted((corpora / "tap/perl/t/sample-tests").iterdir()):
        out = work / f"{program.name}.tap"
        taint = ["-T"] if b"-T" in program.read_bytes().split(b"\n")[0] else []
        with out.open("wb") as stream:
            subprocess.run(["perl", *taint, str(program)], cwd=work, stdout=stream,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=60)
        streams[out] = program
    run = subprocess.run(["perl", str(HERE / "oracle.pl")], stdout=subprocess.PIPE, check=True,
                         stderr=subprocess.DEVNULL, input="\n".join(map(str, streams)).encode())
    theirs = {Path(answer["file"]): answer for answer in map(json.loads, run.stdout.splitlines())}
    yield from compare_tap(list(streams), theirs, streams)


# ---- CTRF ----

CTRF_STATUS = {"passed": "passed", "failed": "failed", "skipped": "skipped", "pending": "skipped",
               "other": "errored"}


def ctrf_documents(corpora, work):
    """Valid documents; those within test files are written out."""
    for path in sorted((corpora / "ctrf/examples").glob("*.json")):
        yield path, path
    for path in sorted((corpora / "ctrf/tests").rglob("*.json")):
        for number, test in enumerate(json.loads(path.read_text())["tests"]):
            if "data" in test:
                out = work / f"{path.stem}-{number}.json"
                out.write_text(json.dumps(test["data"]))
                yield path.with_name(f"{path.name}-{number}"), out if test["valid"] else (out,)


def part_ctrf(corpora, work):
    """Valid documents: each test with its status. Invalid ones: no crash."""
    for name, path in ctrf_documents(corpora, work):
        if isinstance(path, tuple):
            read(path[0], "ctrf")
            yield name, True, ""
            continue
        answer = read(path)
        tests = json.loads(path.read_text())["results"]["tests"]
        wanted = [(test["name"], CTRF_STATUS[test["status"]]) for test in tests]
        seen = [(case["name"], case["status"]) for case in answer.cases]
        flaky = sum(1 for test in tests if test.get("flaky") and test["status"] == "passed")
        good = seen == wanted and answer.counts["flaky"] == flaky if tests else answer.code == 3
        yield name, good, f"{seen} instead of {wanted}"


# ---- go test -json ----

def go_reference(path):
    """Test ends by action; packages that failed without a failed test."""
    ends, failed, bad = collections.Counter(), collections.Counter(), 0
    running = collections.defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        action, package, test = event.get("Action"), event.get("Package", ""), event.get("Test")
        if test and action not in ("pass", "fail", "skip"):
            running[package].add(test)
        elif test:
            ends[action] += 1
            failed[package] += action == "fail"
            running[package].discard(test)
        elif action in ("pass", "fail"):
            bad += len(running[package])
            failed[package] += len(running[package])
            bad += action == "fail" and not failed[package]
            running[package], failed[package] = set(), 0
    return {"passed": ends["pass"], "failed": ends["fail"], "errored": bad, "skipped": ends["skip"]}


def part_gotestsum(corpora):
    """Counts of the streams. Files named .err are no streams."""
    for path, answer in read_all(sorted((corpora / "gotestsum").rglob("*.out")), "gotest").items():
        wanted = go_reference(path)
        seen = {word: answer.counts[word] for word in wanted}
        if sum(wanted.values()) == 0:
            yield path, answer.code == 3, f"nothing in it, but {seen}"
        else:
            yield path, seen == wanted and answer.code != 3, f"{seen} instead of {wanted} {answer.error}"


# ---- the whole ----

PARTS = {"junit": part_junit, "junit2json": part_junit2json, "enricomi": part_enricomi,
         "pairs": part_pairs, "tap": part_tap, "perl": part_perl, "ctrf": part_ctrf,
         "gotestsum": part_gotestsum}
NEEDS_NPM = {"junit2json", "tap"}
NEEDS_WORK = {"ctrf", "perl"}


def listed_deviations():
    """{part: {path}} out of the tables of docs/formats/deviations.md."""
    listed, part = collections.defaultdict(dict), None
    for line in (REPO / "docs/formats/deviations.md").read_text().splitlines():
        heading = re.match(r"## ([a-z0-9-]+)", line)
        row = re.match(r"\| `([^`]+)` \| (.+) \|$", line)
        if heading:
            part = heading.group(1)
        elif row:
            assert row.group(1) not in listed[part], f"{row.group(1)} is listed twice"
            listed[part][row.group(1)] = row.group(2)
    return listed


def run_part(name, corpora, npm, work, listed):
    extra = [npm] if name in NEEDS_NPM else [work] if name in NEEDS_WORK else []
    count, wrong, deviating = 0, 0, set()
    for path, same, difference in PARTS[name](corpora, *extra):
        count += 1
        key = str(path.relative_to(corpora)) if path.is_absolute() else str(path)
        if not same:
            deviating.add(key)
            if key not in listed:
                wrong += 1
                print(f"{name}: {key}: {difference}", file=sys.stderr)
    for key in sorted(set(listed) - deviating):
        wrong += 1
        print(f"{name}: {key}: listed in docs/formats/deviations.md, but it does not deviate",
              file=sys.stderr)
    print(f"{name}: {count} read, {len(deviating)} deviate as listed" if wrong == 0 else
          f"{name}: {count} read, {wrong} WRONG")
    return wrong


def install_npm(folder):
    """The oracles, installed once. None = they cannot be had here."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "package.json").read_bytes()
    for name in ("package.json", "oracle.js"):
        shutil.copy(HERE / name, folder)
    mark = folder / "installed.json"
    if not mark.exists() or mark.read_bytes() != wanted:
        run = subprocess.run(["npm", "install", "--package-lock=false", "--no-audit", "--no-fund",
                              "--silent"], cwd=folder)
        if run.returncode != 0:
            return None
        mark.write_bytes(wanted)
    return folder


def skip(why):
    if os.environ.get("CI") == "true":
        sys.exit(f"FAILED: {why} (CI must have it)")
    print(f"skipped: {why}")
    sys.exit(77)


def main(words):
    global sluice
    npm = REPO / "build/corpora"
    if "--npm" in words:
        at = words.index("--npm")
        npm = Path(words[at + 1])
        del words[at:at + 2]
    if not words or any(word not in PARTS for word in words[1:]):
        sys.exit(__doc__)
    sluice = os.path.realpath(words[0])
    parts = words[1:] or list(PARTS)
    shared = Path(os.environ.get("SLUICE_SHARED") or REPO.parent / "shared").resolve()
    corpora = shared / "corpora"
    if not corpora.is_dir():
        skip(f"no corpora in {corpora}; SLUICE_SHARED says where they are")
    if NEEDS_NPM & set(parts):
        npm = install_npm(npm) if shutil.which("npm") else None
        if npm is None:
            skip("npm cannot install junit2json and tap-parser")
    work = Path(os.environ.get("TMPDIR", "/tmp")) / f"sluice-corpora.{os.getpid()}"
    work.mkdir()
    try:
        listed = listed_deviations()
        wrong = sum(run_part(part, corpora, npm, work, listed.get(part, {})) for part in parts)
    finally:
        shutil.rmtree(work)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

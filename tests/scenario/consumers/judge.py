#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tools saw of our reports against what happened. usage: judge.py SEEN OTHERS ALLURE (written by writers.test)"""
import json
import sys

# Cases of runs whose counts are known: passed, failed (errors are failures here), skipped.
KNOWN = {
    "failed_case": (1, 1, 0), "failed_unit": (0, 1, 0), "crash": (0, 1, 0), "timeout": (0, 1, 0), "never_started": (0, 1, 0),
    "zero_tests": (0, 1, 0), "clean_report": (1, 1, 0), "bare_testcase": (0, 1, 0), "same_names": (1, 1, 0), "gate": (1, 1, 0),
    "plan": (0, 2, 0), "finding": (1, 1, 0), "mixed": (5, 2, 1), "again": (5, 2, 1), "killed": (2, 1, 0),
}
# Findings: a whole-tree one included. Where a run is bad and no finding says it, one stands for that.
FINDINGS = {"finding": 4, "gate": 1, "plan": 2, "killed": 1, "nothing_selected": None, "budget": None}

wrong = []


def check(good, words):
    if not good:
        wrong.append(words)


def check_counts(name, seen):
    reference = seen["junit2json rich"]
    if name in KNOWN:
        check((reference["passed"], reference["failed"], reference["skipped"]) == KNOWN[name], f"{name}: {reference}, not {KNOWN[name]}")
    for tool, counts in seen.items():
        same = all(counts[word] == reference[word] for word in ("passed", "failed", "skipped"))
        check(same, f"{name}: {tool} sees {counts}, junit2json {reference}")
        check(counts["failed"] > 0 and counts.get("red", True), f"{name}: green in {tool}")


def check_findings(name, answer):
    expected = FINDINGS.get(name, 0)
    if expected is not None:
        check(answer["sarif"]["results"] == expected, f"{name}: {answer['sarif']['results']} SARIF results, not {expected}")
        check(answer["issues"] == expected, f"{name}: {answer['issues']} issues of code quality, not {expected}")
    check(answer["sarif"]["red"], f"{name}: green in SARIF")


def check_allure(stats, reference):
    name = stats["name"]
    counts = (stats.get("passed", 0), stats.get("failed", 0) + stats.get("broken", 0), stats.get("skipped", 0))
    check(counts == tuple(reference[word] for word in ("passed", "failed", "skipped")), f"{name}: Allure sees {stats}, not {reference}")
    check(stats["status"] in ("failed", "broken"), f"{name}: green in Allure")


with open(sys.argv[1], encoding="utf-8") as f:
    answers = [json.loads(line) for line in f]
with open(sys.argv[3], encoding="utf-8") as f:
    allure = {stats["name"]: stats for stats in map(json.loads, f)}
for answer in answers:
    name = answer["folder"]
    wrong += [f"{name}: {words}" for words in answer["wrong"]]
    check_counts(name, answer["seen"])
    check_findings(name, answer)
    check(answer["slices"] > 0, f"{name}: no slices in the trace")
    if name in allure:
        check_allure(allure[name], answer["seen"]["junit2json rich"])
with open(sys.argv[2], encoding="utf-8") as f:
    for line in f:
        name, tool, status = line.split()
        check(status == "1", f"{name}: {tool} verify exits with {status}")
check(len(answers) == len(KNOWN) + 3 and len(allure) == 2, f"{len(answers)} runs, {len(allure)} in Allure")
if wrong:
    sys.exit("FAILED:\n" + "\n".join(wrong))
tools = len(answers[0]["seen"]) + 3
print(f"ok: {len(answers)} runs: {tools} readings of each agree, and none is green")

# SPDX-License-Identifier: Apache-2.0
"""What the evidence store says after a history: what each unit asked, and how many fingerprints there were.

Reads the database of runner/store (schema/evidence-0001-evidence.sql, evidence_pack.h) and nothing else of sluice."""
import collections
import json
import sqlite3

LETTERS = "XTLCDRH"


def numbers(data, at, count):
    """`count` LEB128 numbers from data[at:]: (numbers, place behind them)."""
    found = []
    for _ in range(count):
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(value)
    return found, at


def class_atoms(data):
    """The atom ids of all classes of one unit, united."""
    ids, at = set(), 0
    while at < len(data):
        (_, twice, length), at = numbers(data, at, 3)
        end = at + length
        differences, stop = numbers(data, at, twice // 2)
        if stop != end:
            raise ValueError("a packed class does not end where it says")
        current = 0
        for difference in differences:
            current += (difference >> 1) ^ -(difference & 1)
            ids.add(current)
        at = end
    return ids


class Evidence:
    """asked: (layer, unit) -> set of (letter, path). distinct: (layer, unit) -> number of its fingerprints."""

    def __init__(self, file):
        base = sqlite3.connect("file:%s?mode=ro" % file, uri=True)
        self.asked = collections.defaultdict(set)
        self.distinct = collections.Counter()
        self.stored_runs = collections.Counter()
        self.quarantined = base.execute("SELECT count(*) FROM quarantine").fetchone()[0]
        atoms = {i: (chr(kind), path.decode("utf-8", "surrogateescape"))
                 for i, kind, path in base.execute("SELECT id, kind, CAST(path AS BLOB) FROM atom")}
        names = {}
        for key, words, classes in base.execute("SELECT key, words, classes FROM unit"):
            told = json.loads(words)
            names[key] = (told["layer"], told["unit"])
            self.asked[names[key]] |= {atoms[i] for i in class_atoms(classes)}
        for key, passes, failures in base.execute("SELECT unit, passes, failures FROM ledger"):
            self.distinct[names[key]] += 1
            self.stored_runs[names[key]] += passes + failures
        base.close()

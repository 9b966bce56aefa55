-- SPDX-License-Identifier: Apache-2.0
-- Runs that are reused as a whole differ in nothing from the run before: what evidence answered for is kept as one packed row, once,
-- and each run names it. Outcomes with reused = 1 are of older runs.

CREATE TABLE reused_set (
    id        INTEGER PRIMARY KEY,
    layer     INTEGER NOT NULL REFERENCES layer (id),
    digest    BLOB NOT NULL,                -- SHA-256 of units
    units     BLOB NOT NULL,                -- for each: its status (+ 128: flaky) as a byte, its name, a NUL
    count     INTEGER NOT NULL,
    passed    INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    errored   INTEGER NOT NULL,
    timed_out INTEGER NOT NULL,
    skipped   INTEGER NOT NULL,
    flaky     INTEGER NOT NULL,
    tree      TEXT,                         -- `last` and `last_tree` of all its units are as they became in it, on this snapshot;
                                            -- NULL = not known
    tree_run  INTEGER,                      -- run that found so last
    UNIQUE (layer, digest)
) STRICT;

CREATE TABLE reused (
    run   INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    units INTEGER NOT NULL REFERENCES reused_set (id),
    PRIMARY KEY (run, units)
) STRICT, WITHOUT ROWID;

CREATE INDEX reused_by_units ON reused (units);

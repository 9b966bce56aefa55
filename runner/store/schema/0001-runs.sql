-- SPDX-License-Identifier: Apache-2.0
-- Runs and what came of their units. Numbers of words are those of the enums in model/: they never change their meaning.

CREATE TABLE run (
    id            INTEGER PRIMARY KEY,
    run_id        TEXT NOT NULL UNIQUE,
    version       TEXT,
    root          TEXT,
    pipeline      TEXT,
    tree          TEXT,              -- snapshot; NULL = ran in place
    host          TEXT,
    command       TEXT,
    resumed       TEXT,              -- run_id of the run this one went on with
    started_ms    INTEGER NOT NULL,
    wall_ms       INTEGER,           -- NULL = never finished
    exit_code     INTEGER,           -- NULL = never finished
    units         INTEGER NOT NULL DEFAULT 0,
    passed        INTEGER NOT NULL DEFAULT 0,
    failed        INTEGER NOT NULL DEFAULT 0,
    errored       INTEGER NOT NULL DEFAULT 0,
    timed_out     INTEGER NOT NULL DEFAULT 0,
    skipped       INTEGER NOT NULL DEFAULT 0,
    flaky         INTEGER NOT NULL DEFAULT 0,
    not_run       INTEGER NOT NULL DEFAULT 0,
    cases         INTEGER NOT NULL DEFAULT 0,
    cases_passed  INTEGER NOT NULL DEFAULT 0,
    cases_failed  INTEGER NOT NULL DEFAULT 0,
    cases_errored INTEGER NOT NULL DEFAULT 0,
    cases_skipped INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX run_by_time ON run (started_ms);

CREATE TABLE layer (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE unit (
    id    INTEGER PRIMARY KEY,
    layer INTEGER NOT NULL REFERENCES layer (id),
    name  TEXT NOT NULL,
    UNIQUE (layer, name)
) STRICT;

-- One attempt of one unit.
CREATE TABLE outcome (
    run         INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    unit        INTEGER NOT NULL REFERENCES unit (id),
    attempt     INTEGER NOT NULL,
    final       INTEGER NOT NULL,    -- 1 = not tried again
    status      INTEGER NOT NULL,    -- 0 passed, 1 failed, 2 errored, 3 timed_out, 4 skipped
    flaky       INTEGER NOT NULL,
    exit_code   INTEGER NOT NULL,
    signal      INTEGER NOT NULL,
    flags       INTEGER NOT NULL,    -- enum outcome_flag
    started_ms  INTEGER NOT NULL,
    wall_ms     INTEGER NOT NULL,
    cpu_us      INTEGER NOT NULL,
    max_rss_kib INTEGER NOT NULL,
    PRIMARY KEY (run, unit, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
    run     INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    layer   INTEGER NOT NULL REFERENCES layer (id),
    state   INTEGER NOT NULL,        -- 0 open, 1 shut, 2 skipped, 3 error
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (run, layer)
) STRICT, WITHOUT ROWID;

-- SPDX-License-Identifier: Apache-2.0
-- A file of schema version 1, as sqlite3's .dump wrote it.
PRAGMA application_id = 1936483173;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
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
INSERT INTO run VALUES(1,'20260101T000000-0001','0.1.0','/home/user/project','sluice.yml','1111111111111111111111111111111111111111',NULL,NULL,NULL,1767225600000,900,0,3,3,0,0,0,0,1,0,3,3,0,0,0);
INSERT INTO run VALUES(2,'20260102T000000-0002','0.1.0','/home/user/project','sluice.yml','2222222222222222222222222222222222222222',NULL,NULL,NULL,1767312000000,800,1,2,1,1,0,0,0,0,0,2,1,1,0,0);
INSERT INTO run VALUES(3,'20260103T000000-0003','0.1.0','/home/user/project','sluice.yml',NULL,NULL,NULL,NULL,1767398400000,NULL,NULL,0,0,0,0,0,0,0,0,0,0,0,0,0);
CREATE TABLE layer (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO layer VALUES(1,'unit');
INSERT INTO layer VALUES(2,'lint');
CREATE TABLE unit (
    id    INTEGER PRIMARY KEY,
    layer INTEGER NOT NULL REFERENCES layer (id),
    name  TEXT NOT NULL,
    UNIQUE (layer, name)
) STRICT;
INSERT INTO unit VALUES(1,1,'tests/a');
INSERT INTO unit VALUES(2,1,'tests/b');
INSERT INTO unit VALUES(3,2,'style');
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
INSERT INTO outcome VALUES(1,1,1,1,0,0,0,0,0,1767225600100,100,90000,2048);
INSERT INTO outcome VALUES(1,2,1,1,0,0,0,0,0,1767225600200,40,30000,2048);
INSERT INTO outcome VALUES(1,3,1,0,1,0,1,0,0,1767225600300,10,9000,2048);
INSERT INTO outcome VALUES(1,3,2,1,0,1,0,0,0,1767225600400,12,9000,2048);
INSERT INTO outcome VALUES(2,1,1,1,0,0,0,0,0,1767312000100,200,190000,2048);
INSERT INTO outcome VALUES(2,2,1,1,1,0,1,0,0,1767312000500,30,25000,2048);
CREATE TABLE verdict (
    run     INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    layer   INTEGER NOT NULL REFERENCES layer (id),
    state   INTEGER NOT NULL,        -- 0 open, 1 shut, 2 skipped, 3 error
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (run, layer)
) STRICT, WITHOUT ROWID;
INSERT INTO verdict VALUES(1,1,0,1767225600800);
INSERT INTO verdict VALUES(1,2,0,1767225600800);
INSERT INTO verdict VALUES(2,1,1,1767312000800);
CREATE INDEX run_by_time ON run (started_ms);
COMMIT;

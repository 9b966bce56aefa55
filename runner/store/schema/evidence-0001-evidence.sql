-- SPDX-License-Identifier: Apache-2.0
-- Evidence, and what is remembered to find it fast. Numbers of words are those of the enums in evidence.h: they never change
-- their meaning. Digests are 32 bytes. Ids of atoms, classes and evidence are never used twice (AUTOINCREMENT): what another
-- process remembers under an id is that or nothing.

CREATE TABLE meta (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    secret BLOB NOT NULL,              -- key of the fast fingerprints
    epoch  INTEGER NOT NULL DEFAULT 0  -- grows when atoms are deleted
) STRICT;

INSERT INTO meta (id, secret) VALUES (1, randomblob(32));

CREATE TABLE atom (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,             -- letter of enum observation_kind
    path BLOB NOT NULL,
    UNIQUE (path, kind)
) STRICT;

CREATE TABLE unit (
    id      INTEGER PRIMARY KEY,
    key     BLOB NOT NULL UNIQUE,
    words   TEXT NOT NULL,             -- JSON, for explanations
    classes BLOB NOT NULL              -- all of its classes with their atoms, see evidence_pack.h
) STRICT;

CREATE TABLE class (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    unit    INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    added   INTEGER NOT NULL DEFAULT 0, -- rows ever added: now and then the oldest go
    vectors BLOB                        -- the newest, see evidence_pack.h
) STRICT;

CREATE INDEX class_by_unit ON class (unit);

-- Who attests, for what.
CREATE TABLE origin (
    id       INTEGER PRIMARY KEY,
    trust    INTEGER NOT NULL,         -- 0 fork, 1 member, 2 protected
    scope    TEXT NOT NULL,            -- change, '' = none
    tree     TEXT NOT NULL,
    run      TEXT NOT NULL,
    host     TEXT NOT NULL,
    observer TEXT NOT NULL,
    UNIQUE (run, trust, scope, tree, host, observer)
) STRICT;

CREATE TABLE evidence (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    class      INTEGER NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    fast       BLOB,                   -- 16 bytes; NULL = imported under another secret
    full       BLOB NOT NULL,
    origin     INTEGER NOT NULL REFERENCES origin (id),
    passed     INTEGER NOT NULL,
    kind       INTEGER NOT NULL,       -- 0 observed, 1 declared
    time_ms    INTEGER NOT NULL,
    wall_ns    INTEGER NOT NULL,
    cpu_us     INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,       -- 0 = never
    used_ms    INTEGER NOT NULL,
    confirmed  INTEGER NOT NULL DEFAULT 1,
    stdout     BLOB,
    stderr     BLOB,
    manifest   BLOB,
    outcome    BLOB,                   -- digest, when it is not in the row
    inlined    BLOB,                   -- the outcome itself, when it is small
    products   BLOB                    -- digests of blobs that the manifest names, one after the other
) STRICT;

CREATE INDEX evidence_by_full ON evidence (class, full);
CREATE INDEX evidence_by_fast ON evidence (class, fast);

-- How often one fingerprint passed and failed: both is the proof of a flaky unit.
CREATE TABLE ledger (
    unit     BLOB NOT NULL,            -- unit key
    full     BLOB NOT NULL,
    passes   INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    used_ms  INTEGER NOT NULL,
    PRIMARY KEY (unit, full)
) STRICT, WITHOUT ROWID;

-- Whoever may read rows of both origins does not get the unit's evidence.
CREATE TABLE quarantine (
    unit        BLOB NOT NULL,         -- unit key
    trust       INTEGER NOT NULL,
    scope       TEXT NOT NULL,
    other_trust INTEGER NOT NULL,
    other_scope TEXT NOT NULL,
    reason      TEXT NOT NULL,
    time_ms     INTEGER NOT NULL,
    first       INTEGER NOT NULL,      -- evidence ids; 0 = none
    second      INTEGER NOT NULL,
    PRIMARY KEY (unit, trust, scope, other_trust, other_scope)
) STRICT, WITHOUT ROWID;

-- What was revoked does not come back. NULL = any.
CREATE TABLE revocation (
    id       INTEGER PRIMARY KEY,
    host     TEXT,
    scope    TEXT,
    run      TEXT,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    made_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE lease (
    key        BLOB PRIMARY KEY,
    token      INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    host       TEXT NOT NULL,
    boot       TEXT NOT NULL,          -- boot id of the kernel
    space      TEXT NOT NULL,          -- process namespace
    pid        INTEGER NOT NULL,
    start      INTEGER NOT NULL,       -- of the process, in clock ticks since boot
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE file_memo (
    dev      INTEGER NOT NULL,
    ino      INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    put_ms   INTEGER NOT NULL,
    PRIMARY KEY (dev, ino)
) STRICT, WITHOUT ROWID;

CREATE TABLE size_memo (
    id   BLOB PRIMARY KEY,             -- git object id
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
    state   BLOB PRIMARY KEY,
    tree    TEXT NOT NULL,             -- '' = none
    run     TEXT NOT NULL,             -- that asked last
    used_ms INTEGER NOT NULL,
    answers BLOB NOT NULL              -- sorted by unit key: 32 bytes of it, 8 of the evidence id, little-endian
) STRICT;

-- SPDX-License-Identifier: Apache-2.0
-- Copies of many rows in one piece: a run that is reused as a whole reads one instead of thousands. A copy holds as long as no row was
-- taken away or says something else by now, whoever did that: the database itself counts.

ALTER TABLE meta ADD COLUMN generation INTEGER NOT NULL DEFAULT 0; -- of the rows of evidence

CREATE TRIGGER evidence_gone AFTER DELETE ON evidence
BEGIN
    UPDATE meta SET generation = generation + 1;
END;

CREATE TRIGGER evidence_changed AFTER UPDATE OF class, full, origin, passed, kind, time_ms, wall_ns, cpu_us, stdout, stderr, manifest,
    outcome, inlined ON evidence
BEGIN
    UPDATE meta SET generation = generation + 1;
END;

CREATE TRIGGER evidence_expires AFTER UPDATE OF expires_ms ON evidence WHEN old.expires_ms IS NOT new.expires_ms
BEGIN
    UPDATE meta SET generation = generation + 1;
END;

CREATE TABLE roll (
    name       BLOB PRIMARY KEY,    -- what the rows are asked for together under
    generation INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL,
    rows       BLOB NOT NULL        -- see evidence_roll.c
) STRICT;

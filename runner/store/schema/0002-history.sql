-- SPDX-License-Identifier: Apache-2.0
-- What is known of units and layers outlives the runs it was learnt from: old runs can be deleted.

ALTER TABLE unit ADD COLUMN runs           INTEGER NOT NULL DEFAULT 0; -- outcomes it came to
ALTER TABLE unit ADD COLUMN passes         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE unit ADD COLUMN flakes         INTEGER NOT NULL DEFAULT 0; -- passed only after a retry
ALTER TABLE unit ADD COLUMN duration_ms    REAL    NOT NULL DEFAULT 0; -- of passes, weighted to the newest
ALTER TABLE unit ADD COLUMN last           INTEGER NOT NULL DEFAULT 0; -- status of the newest outcome
ALTER TABLE unit ADD COLUMN last_failed_ms INTEGER NOT NULL DEFAULT 0; -- 0 = never

ALTER TABLE layer ADD COLUMN open_tree TEXT;                           -- snapshot on which its gate last opened
ALTER TABLE layer ADD COLUMN open_ms   INTEGER NOT NULL DEFAULT 0;

UPDATE unit SET
    runs           = (SELECT count(*) FROM outcome WHERE unit = unit.id AND final = 1),
    passes         = (SELECT count(*) FROM outcome WHERE unit = unit.id AND final = 1 AND status = 0),
    flakes         = (SELECT count(*) FROM outcome WHERE unit = unit.id AND final = 1 AND flaky = 1),
    duration_ms    = (SELECT coalesce(avg(wall_ms), 0) FROM outcome WHERE unit = unit.id AND final = 1 AND status = 0),
    last           = coalesce((SELECT status FROM outcome WHERE unit = unit.id AND final = 1
                               ORDER BY started_ms DESC, run DESC LIMIT 1), 0),
    last_failed_ms = coalesce((SELECT max(started_ms + wall_ms) FROM outcome
                               WHERE unit = unit.id AND status IN (1, 2, 3)), 0);

UPDATE layer SET
    open_tree = (SELECT run.tree FROM verdict JOIN run ON run.id = verdict.run
                 WHERE verdict.layer = layer.id AND verdict.state = 0 AND run.tree IS NOT NULL AND run.not_run = 0
                 ORDER BY verdict.time_ms DESC LIMIT 1);

-- SPDX-License-Identifier: Apache-2.0
-- Outcomes that evidence answered for. They are outcomes of their run, but no measurement of their unit: its runs, flakes and
-- duration are of what ran.

ALTER TABLE run ADD COLUMN reused INTEGER NOT NULL DEFAULT 0;     -- of its units

ALTER TABLE outcome ADD COLUMN reused INTEGER NOT NULL DEFAULT 0; -- 1 = did not run; all else as it was when it was earned

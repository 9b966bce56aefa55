-- SPDX-License-Identifier: Apache-2.0
-- A pass speaks for the snapshot it was earned on: --rerun-failed takes it over on that one only.

ALTER TABLE unit ADD COLUMN last_tree TEXT; -- snapshot of the run that `last` is of; NULL = ran in place, or older

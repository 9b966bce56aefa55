-- SPDX-License-Identifier: Apache-2.0
-- A unit that never becomes evidence runs in every run: why is told by `plan` and `why`.

ALTER TABLE unit ADD COLUMN unstored TEXT; -- why the newest outcome became no evidence; NULL = it did, or was not to

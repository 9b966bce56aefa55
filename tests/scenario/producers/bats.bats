# SPDX-License-Identifier: Apache-2.0
@test "passes" { true; }
@test "fails" { false; }
@test "skips" { skip "later"; }

# SPDX-License-Identifier: Apache-2.0
# usage: awk -f count-cases.awk CTEST_OUTPUT LASTTEST_LOG     prints "PASSED FAILED SKIPPED"
# How each test ended is told by ctest's output only (its log calls a skipped test passed); the cases
# inside are told by the log. A test that tells its cases (cmocka's summary, TAP from bats) counts for
# as many, any other counts for one. A failed test without a failed case counts one failure.

# First file:  " 3/12 Test  #3: unit.base ........***Failed    0.00 sec"
FNR == NR {
    if ($0 ~ /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /) {
        sub(/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /, "")
        ended[$1] = /\*\*\*(Skipped|Not Run \(Disabled\))/ ? "skipped" : /\*\*\*/ ? "failed" : "passed"
    }
    next
}

# Second file.
/^[0-9]+\/[0-9]+ Test: / { name = $3; next }
/^ok [0-9]+ .*# [Ss][Kk][Ii][Pp]/ { skipped[name]++; next }
/^ok [0-9]+/ { passed[name]++; next }
/^not ok [0-9]+/ { failed[name]++; next }
/^\[  PASSED  \] [0-9]+ test\(s\)\.$/ { passed[name] += $4; next }
/^\[  FAILED  \] [0-9]+ test\(s\), listed below:$/ { failed[name] += $4; next }
/^\[  SKIPPED \] [0-9]+ test\(s\), listed below:$/ { skipped[name] += $4; next }

END {
    for (name in ended) {
        if (ended[name] == "skipped") {
            total_skipped++
            continue
        }
        if (ended[name] == "failed" && !failed[name]) {
            failed[name] = 1
        } else if (ended[name] == "passed" && !passed[name] && !skipped[name]) {
            passed[name] = 1
        }
        total_passed += passed[name]
        total_failed += ended[name] == "failed" ? failed[name] : 0
        total_skipped += skipped[name]
    }
    printf "%d %d %d\n", total_passed, total_failed, total_skipped
}

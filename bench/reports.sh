#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A JUnit file of 100 MiB: read by `sluice report read` and by python3-junitparser, in the same
# rounds. Both count; what they count is compared.
# usage: bench/reports.sh [BUILD_FOLDER]     ROUNDS (5) and MIB (100) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

rounds=${ROUNDS:-5}
mib=${MIB:-100}
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import junitparser' 2>/dev/null || {
    echo "bench: python3-junitparser is missing" >&2
    exit 2
}
cd "$work"
# 150 suites of 1,000 cases; every 50th fails with a text, each has output, so that it fills the size.
awk -v bytes="$((mib * 1048576))" 'BEGIN {
    suites = 150; cases = 1000
    text = "2026-11-22 15:18:57 worker 3: connected to the server, sent 4711 requests in 0.8 s, none was refused\n"
    text = text "2026-11-22 15:18:58 worker 3: a -&gt; b: checked 12 answers of 12, all as expected; closing the file\n"
    per = bytes / (suites * cases) - 150
    out = ""
    while (length(out) + length(text) < per) out = out text
    print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>"
    for (s = 0; s < suites; s++) {
        printf "<testsuite name=\"suite %d\" tests=\"%d\" failures=\"%d\">\n", s, cases, cases / 50
        for (c = 0; c < cases; c++) {
            printf "<testcase classname=\"layer.suite%d\" name=\"case number %d\" time=\"0.%03d\">", s, c, c % 1000
            if (c % 50 == 0) printf "<failure message=\"expected %d\" type=\"assert\">a.c:%d: expected %d\n</failure>", c, c + 1, c
            printf "<system-out>%s</system-out></testcase>\n", out
        }
        print "</testsuite>"
    }
    print "</testsuites>"
}' >big.xml
cat >count.py <<'P'
import sys
from junitparser import JUnitXml, Failure
cases = failed = 0
for suite in JUnitXml.fromfile(sys.argv[1]):
    for case in suite:
        cases += 1
        failed += any(isinstance(result, Failure) for result in case.result)
print(f"{cases - failed} passed, {failed} failed, 0 errored, 0 skipped, 0 flaky")
P
for _ in $(seq "$rounds"); do
    measure sluice 1 "$sluice" report read --quiet --format junit big.xml
    tail -n 1 sluice.out >sluice.counts
    measure junitparser 0 "$python" count.py big.xml
    cmp sluice.counts junitparser.out || {
        echo "bench: the counts differ: $(cat sluice.counts junitparser.out)" >&2
        exit 1
    }
done
printf '\nmedians of %s rounds; %s MiB, counts equal: %s\n' "$rounds" "$(($(stat -c %s big.xml) >> 20))" "$(cat sluice.counts)"
printf '%-52s %10.0f ms\n%-52s %10.0f ms\n' "sluice report read" "$(median sluice 2)" "python3-junitparser" "$(median junitparser 2)"
printf '%-52s %10.0f MiB\n%-52s %10.0f MiB\n' "sluice report read, whole tree of processes" "$(highest sluice 5 | awk '{print $1/1024}')" \
    "python3-junitparser" "$(highest junitparser 4 | awk '{print $1/1024}')"
target "time / junitparser's" "$(ratio "$(median sluice 2)" "$(median junitparser 2)")" 0.1 ""
target "memory of all processes" "$(highest sluice 5 | awk '{ print $1 / 1024 }')" 512 MiB
exit "$broken"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two JUnit files of 100 MiB, one of long cases and one of short ones: read by `sluice report read` and by python3-junitparser, in the same
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
# Suites of 1,000 cases until the size is reached. long: each case has output, every 50th fails with a
# text. short: cases and nothing else, all passed.
make_report() {
    awk -v bytes="$((mib * 1048576))" -v kind="$1" 'function put(text) { printf "%s", text; total += length(text) }
    BEGIN {
    text = "2026-11-22 15:18:57 worker 3: connected to the server, sent 4711 requests in 0.8 s, none was refused\n"
    text = text "2026-11-22 15:18:58 worker 3: a -&gt; b: checked 12 answers of 12, all as expected; closing the file\n"
    put("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n")
    for (s = 0; total < bytes; s++) {
        put(sprintf("<testsuite name=\"suite %d\" tests=\"1000\">\n", s))
        for (c = 0; c < 1000; c++) {
            put(sprintf("<testcase classname=\"layer.module.part.suite%d\" name=\"case number %d of those that are read here\" time=\"0.%03d\"", s, c, c))
            if (kind == "short") { put("/>\n"); continue }
            put(">")
            if (c % 50 == 0) put(sprintf("<failure message=\"expected %d\" type=\"assert\">a.c:%d: expected %d\n</failure>", c, c + 1, c))
            put("<system-out>" text text "</system-out></testcase>\n")
        }
        put("</testsuite>\n")
    }
    put("</testsuites>\n")
}' >"$1.xml"
}

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
for kind in long short; do
    make_report "$kind"
    status=1
    [ "$kind" = long ] || status=0
    for _ in $(seq "$rounds"); do
        measure "sluice-$kind" "$status" "$sluice" report read --quiet --format junit "$kind.xml"
        tail -n 1 "sluice-$kind.out" >sluice.counts
        measure "junitparser-$kind" 0 "$python" count.py "$kind.xml"
        cmp sluice.counts "junitparser-$kind.out" || {
            echo "bench: the counts differ: $(cat sluice.counts "junitparser-$kind.out")" >&2
            exit 1
        }
    done
    printf '\nmedians of %s rounds; %s cases, %s MiB, counts equal: %s\n' "$rounds" "$kind" "$(($(stat -c %s "$kind.xml") >> 20))" "$(cat sluice.counts)"
    for column in 2 3; do
        word="wall time"
        [ "$column" = 2 ] || word="processor time"
        printf '%-52s %10.0f ms\n%-52s %10.0f ms\n' "sluice report read, $word" "$(median "sluice-$kind" "$column")" \
            "python3-junitparser, $word" "$(median "junitparser-$kind" "$column")"
        target "$word / junitparser's" "$(ratio "$(median "sluice-$kind" "$column")" "$(median "junitparser-$kind" "$column")")" 0.1 ""
    done
    printf '%-52s %10.0f MiB\n' "python3-junitparser, memory" "$(highest "junitparser-$kind" 4 | awk '{print $1/1024}')"
    target "memory of all processes" "$(highest "sluice-$kind" 5 | awk '{ print $1 / 1024 }')" 32 MiB
done
exit "$broken"

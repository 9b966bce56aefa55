# SPDX-License-Identifier: Apache-2.0
# usage: awk -f failures.awk LASTTEST_LOG     prints what each failed test said of its failure
# Of cmocka: the failed assertions and the names of the cases; of TAP (bats): each "not ok" with the comments below it;
# of any other test, or one that was killed: the end of its output.

BEGIN { last_lines = 15; comment_lines = 30 }

/^[0-9]+\/[0-9]+ Test: / { name = $3; told = 0; line_count = 0; comments = 0; inside = 0; listed = 0; next }
/^Output:$/ && !inside { inside = 1; next }
/^<end of output>$/ { inside = 0; next }
/^-+$/ && line_count == 0 { next }
/^\[  FAILED  \] .*listed below:$/ { listed = 1 }
inside {
    line[line_count++] = $0
    if ($0 ~ /^not ok [0-9]+/) {
        comments = comment_lines
        said[told++] = $0
    } else if (comments > 0 && $0 ~ /^#/) {
        comments--
        said[told++] = $0
    } else {
        comments = 0
        if (!listed && $0 ~ /^\[   LINE   \]|^\[  ERROR   \]|^\[  FAILED  \]|(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error:/) {
            said[told++] = $0
        }
    }
    next
}
/^Test Failed\.$/ {
    printf "%s:\n", name
    if (told == 0) {
        from = line_count > last_lines ? line_count - last_lines : 0
        for (at = from; at < line_count; at++) said[told++] = line[at]
    }
    for (at = 0; at < told; at++) printf "    %s\n", said[at]
    told = 0
}

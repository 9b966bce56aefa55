#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What observation costs in CPU: the same unit isolated and observed, isolated and unobserved; and in place, plain and under
# `strace --seccomp-bpf -f` with the same system calls. Four kinds of suites with targets; a stat-heavy `git status` is
# printed as well. `floor` is the least any observer by seccomp notification costs, in place: the same filter, and a
# supervisor that says "go on" and looks at nothing (floor_driver.c); it counts how many calls stop.
# usage: bench/observe.sh [BUILD_FOLDER]     ROUNDS (5) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

rounds=${ROUNDS:-5}
floor=$build/bin/bench_floor
cmake --build "$build" --target bench_floor >/dev/null
mkdir "$work/tree"
cd "$work/tree"

# ---- five workloads of about a second each ----

mkdir c py js
for i in $(seq 12); do
    {
        printf '#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n#include <unistd.h>\n'
        for j in $(seq 60); do
            printf 'int f%s_%s(int n, const char *s)\n{\n    int sum = 0;\n    for (int i = 0; i < n; i++) {\n        sum += s[i %% 7] * (i ^ %s);\n    }\n    return sum + (int)strlen(s);\n}\n' "$i" "$j" "$j"
        done
    } >"c/file$i.c"
    printf 'import unittest, json, re, os\n\n\nclass Test%s(unittest.TestCase):\n' "$i" >"py/test_$i.py"
    for j in $(seq 20); do
        printf '    def test_%s(self):\n        text = json.dumps([{"a": n, "b": "x" * (n %% 50)} for n in range(400)])\n        self.assertEqual(len(json.loads(text)), 400)\n        self.assertTrue(re.search("a.: 39[0-9]", text))\n\n' "$j" >>"py/test_$i.py"
    done
done
for i in $(seq 150); do
    printf "const path = require('path');\nexports.run%s = (n) => { let s = ''; for (let i = 0; i < n; i++) { s += path.join('a', String(i)); } return s.length; };\n" "$i" >"js/module$i.js"
done
{
    for i in $(seq 150); do
        printf "const m%s = require('./module%s'); if (m%s.run%s(900) === 0) { process.exit(1); }\n" "$i" "$i" "$i" "$i"
    done
} >js/main.js

cat >compiler.sh <<'SH'
for file in c/*.c; do cc -O2 -c "$file" -o /tmp/out.o || exit 1; done
SH
cat >python.sh <<'SH'
for i in 1 2 3; do python3 -B -m unittest discover -s py -p 'test_*.py' 2>/tmp/log || exit 1; done
SH
cat >shell.sh <<'SH'
i=0
while [ $i -lt 150 ]; do
    value=$(expr $i + 1)
    if test -f "c/file$value.c" && grep -q pthread "c/file$value.c"; then
        sed 's/int/long/' "c/file$value.c" >/tmp/out && cat /tmp/out >/tmp/copy
    fi
    echo "$value" | tr 0-9 a-j >/tmp/name
    basename "c/$value" .c >/tmp/base
    i=$value
done
SH
cat >node.sh <<'SH'
for i in 1 2 3 4 5 6 7 8; do node js/main.js || exit 1; done
SH
cat >status.sh <<'SH'
export HOME=/tmp GIT_DIR=/tmp/bench.git GIT_WORK_TREE=$PWD
rm -rf "$GIT_DIR" && git init -q "$GIT_DIR" && git add -A . || exit 1
i=0
while [ $i -lt 100 ]; do git status >/tmp/log || exit 1; i=$((i + 1)); done
SH

workloads=(compiler python shell node)
git init -q . 2>/dev/null
for mode in observed unobserved; do
    for name in "${workloads[@]}" status; do
        {
            printf 'version: 1\nname: bench\nlayers:\n  %s:\n    uses: command\n' "$name"
            [ "$mode" = observed ] || printf '    reuse: {mode: "off"}\n'
            printf '    with: {run: "sh %s.sh && grep Seccomp: /proc/self/status"}\n' "$name"
        } >"$name.$mode.yml"
    done
done
git add -A . && git -c user.name=bench -c user.email=bench@localhost commit -q -m bench

calls=open,creat,openat,openat2,execve,execveat,getdents,getdents64,stat,lstat,newfstatat,statx,access,faccessat,faccessat2
calls=$calls,readlink,readlinkat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat
calls=$calls,truncate,chdir,chmod,fchmodat,utimensat,statfs,uname,sysinfo,sched_getaffinity,connect,bind,clone3

# A unit that is not what its name says would make the figures lies: 2 is a filter, 0 is none.
check_mode() {
    if ! grep -qs "Seccomp:.*$2" .sluice/runs/*/out.*; then
        echo "bench: $1 is not run as it should be (Seccomp is not $2)" >&2
        exit 1
    fi
    rm -rf .sluice
}

# In place with the environment that units have: in others, programs ask for more or less.
in_place=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_CTYPE=C.UTF-8 TZ=UTC)

one_round() {
    local name
    for name in "${workloads[@]}" status; do
        measure "$name.unobserved" 0 "$sluice" run --pipeline "$name.unobserved.yml" --no-reuse --quiet
        check_mode "$name.unobserved" 0
        measure "$name.observed" 0 "$sluice" run --pipeline "$name.observed.yml" --no-reuse --quiet
        check_mode "$name.observed" 2
        measure "$name.plain" 0 "${in_place[@]}" sh "$name.sh"
        measure "$name.floor" 0 "$floor" "$work/$name.stops" "${in_place[@]}" sh "$name.sh"
        [ -z "$strace" ] || measure "$name.strace" 0 "${in_place[@]}" "$strace" -f --seccomp-bpf -qq -o /dev/null \
            -e "trace=$calls" sh "$name.sh"
    done
}

for program in python3 node; do
    command -v "$program" >/dev/null || {
        echo "bench: no $program: install it (python3, nodejs), or the figures lack a workload" >&2
        exit 2
    }
done
strace=$(command -v strace || true)
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    one_round
done

printf '\nCPU in ms, median of %s rounds; ratios of observed to unobserved, of floor and strace to plain\n' "$rounds"
printf '%-10s %10s %9s %7s %8s %8s %7s %8s %12s %7s\n' \
    workload unobserved observed ratio plain floor ratio stops us/stop strace
for name in "${workloads[@]}" status; do
    unobserved=$(median "$name.unobserved" 3)
    observed=$(median "$name.observed" 3)
    plain=$(median "$name.plain" 3)
    least=$(median "$name.floor" 3)
    stops=$(<"$work/$name.stops")
    traced=-
    [ -z "$strace" ] || traced=$(ratio "$(median "$name.strace" 3)" "$plain")
    printf '%-10s %10.0f %9.0f %7s %8.0f %8.0f %7s %8s %12s %7s\n' "$name" "$unobserved" "$observed" \
        "$(ratio "$observed" "$unobserved")" "$plain" "$least" "$(ratio "$least" "$plain")" "$stops" \
        "$(awk -v o="$observed" -v u="$unobserved" -v f="$least" -v p="$plain" -v n="$stops" \
            'BEGIN { printf "%.1f of %.1f", (f - p) * 1000 / n, (o - u) * 1000 / n }')" "$traced"
    [ "$name" = status ] || ratio "$observed" "$unobserved" >>"$work/ratios"
    [ "$name" = status ] || echo >>"$work/ratios"
done
echo "us/stop: the floor's share of what is spent for each stop, fixed costs of a unit included"
echo
target "observed / unobserved, median of the four" \
    "$(sort -n "$work/ratios" | awk 'NF { v[++n] = $1 } END { print (v[2] + v[3]) / 2 }')" 1.10 x
target "observed / unobserved, worst of the four" "$(sort -n "$work/ratios" | awk 'NF' | tail -n 1)" 1.25 x
exit "$broken"

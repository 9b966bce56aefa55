#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A CMake project of 200 C files, built by sluice, by ninja, and by ninja with ccache: from nothing, with nothing to do, after a
# one-line edit, and in another checkout of the same commit. CPU time of everything that runs.
# usage: bench/build.sh [BUILD_FOLDER]     FILES (200) and ROUNDS (3) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

files=${FILES:-200}
rounds=${ROUNDS:-3}
libs=10
tools=(sluice ninja)
states=(cold idle edit elsewhere)
if command -v ccache >/dev/null; then
    tools+=(ccache)
else
    echo "bench: no ccache (apt-get install ccache): its column is left out" >&2
fi

# ---- the project: $libs libraries, a test program for each ----

mkdir -p "$work/origin"
cd "$work/origin"
git init -q .
mkdir include
echo 'int sum_of(const char *text);' >include/common.h
{
    printf 'cmake_minimum_required(VERSION 3.16)\nproject(bench C)\nenable_testing()\ninclude_directories(include)\n'
    for l in $(seq "$libs"); do
        mkdir "lib$l"
        sources=
        for f in $(seq $((files / libs - 1))); do
            {
                printf '#include "common.h"\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
                for j in $(seq 12); do
                    printf 'int l%s_f%s_%s(int n, const char *s)\n{\n    int sum = 0;\n    for (int i = 0; i < n; i++) {\n        sum += s[i %% 7] * (i ^ %s);\n    }\n    return sum + (int)strlen(s);\n}\n' "$l" "$f" "$j" "$j"
                done
            } >"lib$l/f$f.c"
            sources+=" lib$l/f$f.c"
        done
        printf 'int l%s_f1_1(int n, const char *s);\nint main(void)\n{\n    return l%s_f1_1(3, "abcdefgh") == 0;\n}\n' "$l" "$l" >"lib$l/test.c"
        printf 'add_library(lib%s STATIC%s)\nadd_executable(test%s lib%s/test.c)\ntarget_link_libraries(test%s lib%s)\nadd_test(NAME test%s COMMAND test%s)\n' \
            "$l" "$sources" "$l" "$l" "$l" "$l" "$l" "$l"
    done
} >CMakeLists.txt
cat >sluice.yml <<'YAML'
version: 1
name: bench
stages: [build, test]
layers:
  build: {stage: build, uses: build, with: {targets: [all]}}
  unit: {stage: test, uses: unit, needs: [build], with: {discover: ctest, dir: build}}
YAML
echo build/ >.gitignore
git add -A
git -c user.name=bench -c user.email=bench@localhost commit -qm bench

# ---- one tool, one state ----

# build_by TOOL: builds in the current folder, and tests nothing.
cat >"$work/build_by" <<'SH'
set -e
plain_build() {
    [ -f build/build.ninja ] || cmake -S . -B build -G Ninja "$@" >/dev/null
    ninja -C build -j 2 --quiet
}
case $1 in
    sluice) SLUICE_CACHE=$work/evidence "$sluice" run build -j 2 --json 2>"$work/errors" ;;
    ninja) plain_build ;;
    ccache)
        export CCACHE_DIR=$work/ccache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
        plain_build -DCMAKE_C_COMPILER_LAUNCHER=ccache
        ;;
esac
SH
export work sluice

# one_state TOOL STATE
one_state() {
    measure "$1.$2" 0 sh "$work/build_by" "$1"
    [ "$1" != sluice ] || tail -n 1 "$work/$1.$2.out" >"$work/$2.json"
}

one_round() {
    local tool=$1 round=$2
    rm -rf "$work/here" "$work/there" "$work/evidence" "$work/ccache"
    git clone -q "$work/origin" "$work/here"
    cd "$work/here"
    one_state "$tool" cold
    one_state "$tool" idle
    sed -i "s/sum = 0;/sum = 100$round;/" lib1/f1.c # another size: configuring asks for it
    one_state "$tool" edit
    git clone -q "$work/origin" "$work/there"
    cd "$work/there"
    one_state "$tool" elsewhere
    cd "$work"
}

for round in $(seq "$rounds"); do
    for tool in "${tools[@]}"; do
        echo "round $round of $rounds: $tool" >&2
        one_round "$tool" "$round"
    done
done

# The whole pipeline after the edit: which tests run. Its evidence is complete but for the edit.
cd "$work/there"
SLUICE_CACHE=$work/evidence2 "$sluice" run --quiet >"$work/errors" 2>&1
sed -i 's/sum = 0;/sum = 1009;/' lib1/f1.c
SLUICE_CACHE=$work/evidence2 "$sluice" run --json >"$work/all.json" 2>"$work/errors"

# ---- what came of it ----

printf '\nCPU in ms, median of %s rounds, %s C files\n%-12s' "$rounds" "$files" state
printf '%12s' "${tools[@]}"
printf '%16s' "${tools[@]:1}"
printf '\n'
for state in "${states[@]}"; do
    printf '%-12s' "$state"
    for tool in "${tools[@]}"; do
        printf '%12.0f' "$(median "$tool.$state" 3)"
    done
    for tool in "${tools[@]:1}"; do
        printf '%16s' "$(ratio "$(median "sluice.$state" 3)" "$(median "$tool.$state" 3)") x"
    done
    printf '\n'
done
printf '(the last columns: sluice / that tool)\n\n'

# ran FILE [LAYER]: units that were run, of one layer or of all.
ran() {
    python3 - "$@" <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    d = json.loads(f.read().splitlines()[-1])
counts = [l["counts"] for l in d["layers"] if len(sys.argv) < 3 or l["id"] == sys.argv[2]]
print(sum(c["units"] - c["reused"] for c in counts))
PY
}
target "units run with nothing to do" "$(ran "$work/idle.json")" 0 units
target "units run after the edit (configure, compile, ar, link)" "$(ran "$work/edit.json")" 4 units
target "units run in another checkout" "$(ran "$work/elsewhere.json")" 0 units
target "tests run after the edit" "$(ran "$work/all.json" unit)" 1 units
exit "$broken"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Mutants per CPU second of the engines for C, on cJSON and sds with their own tests; the same verdicts from engine A (four
# times, under load), engine B and, for a sample, from compiling each mutant alone.
# usage: bench/mutation.sh [BUILD_FOLDER]     SAMPLE (200) and ROUNDS (4) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

sample=${SAMPLE:-200}
rounds=${ROUNDS:-4}
driver=$build/bin/bench_mutation
[ -x "$driver" ] || cmake --build "$build" --target bench_mutation >&2

# A value of the JSON object in a file.
field() {
    sed -n "s/.*\"$2\": \([0-9.]*\).*/\1/p" "$1" | tail -n 1
}

# least WHAT VALUE LIMIT UNIT: as target, for what should be more.
least() {
    local word=ok
    if awk -v v="$2" -v l="$3" 'BEGIN { exit !(v < l) }'; then
        word=MISSED
        export broken=1
    fi
    printf '%-52s %10.3f %-5s target >= %-8s %s\n' "$1" "$2" "$4" "$3" "$word"
}

# subject NAME FILE COMMAND CHECK TESTS NAIVE_TESTS: the last two name arrays. Its source is in $work/NAME.
subject() {
    local name=$1 file=$2 command=$3 check=$4 out=$work/$1.out i
    local -n own=$5 alone=$6
    local tree=$work/$name.tree
    echo "$name: schemata" >&2
    "$driver" build "$work/$name" "$tree" "$command" "$file" >"$out.build"
    echo "$name: engines" >&2
    # Two that do nothing but count keep both processors busy: verdicts go by CPU time.
    timeout 3600 sh -c 'while :; do :; done' & local load=$!
    timeout 3600 sh -c 'while :; do :; done' & local more=$!
    for ((i = 1; i <= rounds; i++)); do
        "$driver" try "$work/$name" "$tree" fork "$out.fork$i.txt" "$file" "${own[@]}" >"$out.fork$i"
    done
    kill "$load" "$more"
    wait "$load" "$more" 2>/dev/null || true
    "$driver" try "$work/$name" "$tree" audit "$out.audit.txt" "$file" "${own[@]}" >"$out.audit"
    "$driver" try "$work/$name" "$tree" exec "$out.exec.txt" "$file" "${own[@]}" >"$out.exec"
    echo "$name: $sample mutants compiled one by one" >&2
    "$driver" naive "$work/$name" "$work/$name.naive" "$check" "$sample" "$out.exec.txt" "$file" "${alone[@]}" >"$out.naive"

    printf '\n%s: %s\n' "$name" "$(cat "$out.build")"
    printf 'A:     %s\nA + audit: %s\nB:     %s\nnaive: %s\n' "$(cat "$out.fork1")" "$(cat "$out.audit")" "$(cat "$out.exec")" \
        "$(cat "$out.naive")"
    local different=0
    for ((i = 2; i <= rounds; i++)); do
        different=$((different + $(diff "$out.fork1.txt" "$out.fork$i.txt" | grep -c '^>' || true)))
    done
    target "$name: verdicts that differ in $rounds runs under load" "$different" 0 ""
    target "$name: verdicts that differ between A and B" "$(diff "$out.fork1.txt" "$out.exec.txt" | grep -c '^>' || true)" 0 ""
    target "$name: verdicts that differ from $sample compiled alone" "$(field "$out.naive" differences)" 0 ""
    executed=$(field "$out.fork1" executed_mutants)
    engine_a=$(field "$out.fork1" mutants_per_cpu_s)
    engine_b=$(field "$out.exec" mutants_per_cpu_s)
    spent=$(awk -v a="$(field "$out.fork1" cpu_s)" -v b="$(field "$out.build" build_cpu_s)" 'BEGIN { print a + b }')
    with_build=$(ratio "$executed" "$spent")
    printf '%-52s %10.1f times\n' "$name: A over one run of the bare tests" \
        "$(ratio "$(field "$out.fork1" cpu_s)" "$(field "$out.fork1" bare_cpu_s)")"
    printf '%-52s %10.3f /s\n' "$name: A with its build" "$with_build"
}

# cJSON: 18 programs of Unity, 15 of which include ../cJSON.c.
cjson=$("$root/tools/apt-source" cjson "$build/sources")
cp -r "$cjson" "$work/cjson"
programs=(parse_examples parse_number parse_hex4 parse_string parse_array parse_object parse_value print_string print_number
    print_array print_object print_value misc_tests parse_with_opts compare_tests cjson_add readme_examples minify_tests)
{
    echo "all: ${programs[*]/#/b/}"
    # The recipe's $ are make's.
    # shellcheck disable=SC2016
    printf '%s\n' 'b/%: tests/%.c cJSON.c cJSON.h b/unity.o' \
        '	gcc -Itests/unity/src -Itests -o $@ $< $(if $(shell grep -l "\"../cJSON.c\"\|common.h" $<),,cJSON.c) b/unity.o -lm' \
        'b/unity.o: tests/unity/src/unity.c' '	mkdir -p b' '	gcc -c -o $@ $<'
} >"$work/cjson/bench.mk"
cjson_own=()
cjson_alone=()
for program in "${programs[@]}"; do
    cjson_own+=("tests//../b/$program")
    cjson_alone+=(".//make -s -f bench.mk b/$program >/dev/null && cd tests && exec ../b/$program")
done
# `exec` stands before each command: those of the naive way are lists.
for ((i = 0; i < ${#cjson_alone[@]}; i++)); do
    cjson_alone[i]=".//sh -c '${cjson_alone[i]#.//}'"
done
subject cjson cJSON.c "make -s -f bench.mk" "gcc -fsyntax-only cJSON.c" cjson_own cjson_alone
least "cjson: mutants per CPU second, engine A" "$engine_a" 400 /s
least "cjson: the same with the build of the schemata" "$with_build" 120 /s
least "cjson: mutants per CPU second, engine B" "$engine_b" 35 /s

# sds, as hiredis has it: one program that is its own test. It needs a header of two macros that is in no package.
hiredis=$("$root/tools/apt-source" hiredis "$build/sources")
mkdir "$work/sds"
cp "$hiredis"/{sds.c,sds.h,sdsalloc.h,alloc.h} "$work/sds/"
cat >"$work/sds/testhelp.h" <<'C'
#include <stdio.h>
#include <stdlib.h>
static int failed;
#define test_cond(what, condition) do { if (!(condition)) { printf("%s\n", what); failed++; } } while (0);
#define test_report() exit(failed != 0);
C
make_sds="gcc -DSDS_TEST_MAIN -o sds-test sds.c"
# Both are used by name.
# shellcheck disable=SC2034
sds_own=(".//./sds-test")
# shellcheck disable=SC2034
sds_alone=(".//sh -c '$make_sds && exec ./sds-test'")
subject sds sds.c "$make_sds" "gcc -fsyntax-only -DSDS_TEST_MAIN sds.c" sds_own sds_alone

exit "$broken"

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Manual pages as man(1) and its checkers see them.
load support

setup() {
    fresh_tree
    "$SLUICE" help --man >sluice.1
    "$SLUICE" schema --man >sluice.yml.5
    for command in $("$SLUICE" completion commands); do
        "$SLUICE" help --man "$command" >"sluice-$command.1"
    done
}

@test "groff warns of nothing" {
    for page in *.[15]; do
        expect_code 0 groff -man -ww -Tutf8 -z "$page"
        [ -z "$output" ] || { echo "$page: $output"; false; }
    done
}

@test "mandoc warns of nothing" {
    if ! command -v mandoc >/dev/null; then
        [ "${CI:-}" != true ]
        skip "mandoc is not installed"
    fi
    mandoc -Tlint -Wwarning ./*.[15]
}

@test "man shows them: every option and every key" {
    MANWIDTH=80 expect_code 0 man -l sluice-run.1
    says "--rerun-failed"
    says "--filter EXPR"
    says "EXIT STATUS"
    says "sluice.yml(5)"
    MANWIDTH=80 expect_code 0 man -l sluice.yml.5
    for key in $("$SLUICE" schema --reference | sed -n 's/^### `\(.*\)`$/\1/p'); do
        says "$key"
    done
    MANWIDTH=80 expect_code 0 man -l sluice.1
    for command in $("$SLUICE" completion commands); do
        says "sluice-$command(1)"
    done
}

@test "every page has a name that whatis reads" {
    [ "$(ls ./*.1 | wc -l)" -ge 12 ]
    for page in *.[15]; do
        expect_code 0 lexgrog "$page"
    done
}

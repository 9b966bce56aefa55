#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice doctor`: what this machine can do.
load support

setup() {
    fresh_tree
}

# without_namespaces ARGS...: sluice where the kernel refuses namespaces: in a user namespace of our own
# the limit may be set to nothing.
# shellcheck disable=SC2016  # $0 and $@ are for the inner shell
without_namespaces() {
    unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" "$@"' "$SLUICE" "$@"
}

@test "every check is told, and the exit code says whether units can be isolated" {
    status=0
    "$SLUICE" doctor --json >"$BATS_TEST_TMPDIR/out" || status=$?
    json "{'kernel', 'git', 'user namespaces', 'isolation', 'plugins', 'disk space'} <= {x['check'] for x in lines}"
    if [ "$status" -eq 0 ]; then
        json "all(x['result'] != 'no' for x in lines)"
    else
        [ "$status" -eq 3 ]
        json "any(x['result'] == 'no' and x.get('fix') for x in lines)"
    fi
}

@test "without user namespaces it says no, why, and what to switch on" {
    unshare -Ur true 2>/dev/null || skip "no user namespaces here"
    expect_code 3 without_namespaces doctor
    says "no    user namespaces"
    says "max_user_namespaces is 0"
    says "sysctl -w user.max_user_namespaces="
}

@test "where units cannot be isolated a run says so once and goes on in place" {
    unshare -Ur true 2>/dev/null || skip "no user namespaces here"
    pipeline <<<'layers: {a: {uses: command, with: {run: "touch here"}}, b: {uses: command, with: {run: "true"}}}'
    expect_code 0 without_namespaces run
    says "cannot be isolated"
    says "max_user_namespaces above 0"
    [ "$(grep -c 'cannot be isolated\|in place' "$BATS_TEST_TMPDIR/err")" -eq 1 ]
    grep -q 'cannot be isolated.*max_user_namespaces' .sluice/runs/*/events.ndjson
    [ -e here ]
    expect_code 3 without_namespaces run --sandbox full
}

@test "missing plugins are told with what to do" {
    SLUICE_PLUGIN_DIR=$BATS_TEST_TMPDIR/nowhere run "$SLUICE" doctor
    [[ $output == *"warn  plugins"* ]]
    [[ $output == *"SLUICE_PLUGIN_DIR"* ]]
}

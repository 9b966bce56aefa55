#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `latest` names the newest run wherever a run is named; what waits says what to do.

setup() {
    load support
    fresh_tree
    git config user.name test
    git config user.email test@example.org
}

@test "latest is the newest run: why, report, --resume, cache" {
    printf 'layers: {t: {uses: command, with: {run: "true"}}}\n' | pipeline
    expect_code 2 "$SLUICE" why t/t --run latest
    says 'there is no run in'
    expect_code 0 "$SLUICE" run
    sleep 0.1
    printf 'layers: {t: {uses: command, with: {run: "exit 3"}}}\n' | pipeline
    expect_code 1 "$SLUICE" run
    local newest unit
    newest=$(find .sluice/runs -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -1)
    unit=$("$SLUICE" list)
    expect_code 0 "$SLUICE" why "$unit" --run latest
    says "$newest"
    says "it failed"
    touch latest # a file is named by its path
    expect_code 0 "$SLUICE" report latest
    says "exit code 3"
    expect_code 3 "$SLUICE" report ./latest
    expect_code 1 "$SLUICE" run --resume=latest
    expect_code 0 "$SLUICE" cache revoke --run latest --dry-run
}

@test "a unit that waits for what another layer makes: why says what to run first" {
    "$SLUICE" doctor --json >/dev/null 2>&1 || skip "units cannot be isolated on this machine"
    pipeline <<'YML'
layers:
  build: {uses: command, outputs: [out], with: {run: "echo 1 >out"}}
  unit: {uses: command, needs: [build], with: {run: "cat out"}}
YML
    local unit
    unit=unit/run
    expect_code 0 "$SLUICE" why "$unit"
    says "wait: it sees what layer build will have made"
    says 'run `sluice run build` first, or `sluice run`; then ask again'
    expect_code 0 "$SLUICE" run build
    expect_code 0 "$SLUICE" why "$unit"
    says_not "then ask again"
    says "run:"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The GitHub Action and the GitLab template: their files, and their shell parts run as a runner runs them.
load support

root=$BATS_TEST_DIRNAME/../..

setup() {
    fresh_tree
    unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY CI_PROJECT_PATH
    forge=$BATS_TEST_TMPDIR/forge
    mkdir "$forge"
    echo '{}' >"$forge/event.json"
    PATH=$(dirname "$SLUICE"):$PATH
    project
}

# A project of two units; `second` fails when it is told to.
project() {
    printf 'layers: {a: {uses: command, with: {each: units}}}\n' | pipeline
    printf 'sh first.sh\nsh second.sh\n' >units
    echo true >first.sh
    echo true >second.sh
    commit
}

commit() {
    git add -A
    git -c user.name=a -c user.email=a@example.org commit -q -m one
}

# A runner starts empty: no state, no evidence, a fresh clone.
fresh_runner() {
    cd "$BATS_TEST_TMPDIR" || return 1
    rm -rf home clone
    mkdir home
    git clone -q tree clone
    cd clone || return 1
}

# github CODE EVENT INPUT=VALUE...: outputs in $output and as the last line of standard output.
github() {
    local code=$1
    shift
    expect_code "$code" "$BATS_TEST_DIRNAME/github_runner" "$forge" "$1" version=path "${@:2}"
}

# Where units are not isolated there is no evidence to carry.
carries() {
    [ -n "$(ls "$forge/caches" 2>/dev/null)" ]
}

@test "GitHub: evidence is carried from run to run, and a red run keeps what it learnt" {
    isolated
    fresh_runner
    github 0 push
    says "no evidence of an earlier run was restored"
    json "d == {'exit-code': '0', 'junit': '.sluice/junit.xml', 'passed': '2', 'failed': '0', 'reused': '0'}"
    xml .sluice/junit.xml "len(cases) == 2"
    carries
    fresh_runner
    github 0 push
    json "d['reused'] == '2' and d['passed'] == '2'"
    cd ../tree
    echo false >second.sh
    commit
    fresh_runner
    github 1 push
    json "d['exit-code'] == '1' and d['failed'] == '1' and d['reused'] == '1'"
    [ "$(ls "$forge/caches" | wc -l)" -eq 3 ]
}

@test "GitHub: changes from other repositories are strangers', and their evidence lies apart" {
    echo '{"pull_request": {"head": {"repo": {"full_name": "stranger/project"}}}}' >"$forge/event.json"
    github 0 pull_request
    ! carries || [ "$(ls "$forge/caches")" = "sluice-evidence-fork-Linux-X64-tests-1-1" ]
    echo '{"pull_request": {"head": {"repo": {"full_name": "owner/project"}}}}' >"$forge/event.json"
    github 0 pull_request cache-key=own
    ! carries || [ -e "$forge/caches/sluice-evidence-member-Linux-X64-own-2-1" ]
    # the fork's repository was deleted meanwhile
    echo '{"pull_request": {"head": {"repo": null}}}' >"$forge/event.json"
    github 0 pull_request
    ! carries || [ -e "$forge/caches/sluice-evidence-fork-Linux-X64-tests-3-1" ]
    github 3 push trust=everyone
    says "trust: everyone: must be auto, fork, member or protected"
}

@test "GitHub: words of args are grouped by quotes and expanded by nobody" {
    github 0 push 'args=--no-reuse --filter "name(*first*) and not name(nosuch)"'
    json "d['passed'] == '1'"
    # shellcheck disable=SC2016
    github 4 push 'args=--filter "name($(touch${IFS}bad))"'
    [ ! -e bad ]
    github 2 push args=--nosuch
    json "d['exit-code'] == '2'"
}

@test "GitHub: annotations and summary are written without being asked for" {
    echo false >second.sh
    github 1 push cache=false
    says "::error"
    grep -q second "$forge"/runner.*/summary.md
    ! carries
}

@test "GitHub: another folder, no JUnit, evidence elsewhere" {
    mkdir -p sub
    printf 'version: 1\nlayers: {b: {uses: command, with: {run: "true"}, sandbox: none}}\n' >sub/other.yml
    github 0 push working-directory=sub "args=--pipeline other.yml" junit= "cache-folder=$BATS_TEST_TMPDIR/evidence"
    json "d['passed'] == '1' and d['junit'] == ''"
    [ ! -e .sluice/junit.xml ]
    [ -d "$BATS_TEST_TMPDIR/evidence" ]
}

@test "GitHub: damaged evidence is refused, and everything runs" {
    isolated
    fresh_runner
    github 0 push
    truncate -s -10 "$forge"/caches/*
    fresh_runner
    github 0 push
    says "the restored evidence was not taken"
    json "d['reused'] == '0' and d['passed'] == '2'"
}

# stub NAME: a program that only writes down how it was called.
stub() {
    mkdir -p "$BATS_TEST_TMPDIR/stubs"
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' "$1" "$BATS_TEST_TMPDIR/calls" "${2:-}" >"$BATS_TEST_TMPDIR/stubs/$1"
    chmod +x "$BATS_TEST_TMPDIR/stubs/$1"
}

install_verb() {
    mkdir -p "$BATS_TEST_TMPDIR/temp"
    env PATH="$BATS_TEST_TMPDIR/stubs:$PATH" RUNNER_TEMP="$BATS_TEST_TMPDIR/temp" GITHUB_ACTION_PATH="$root" \
        GITHUB_ACTION_REPOSITORY=owner/sluice GITHUB_PATH="$BATS_TEST_TMPDIR/path" INPUT_VERSION="$1" "$root/tools/forge/github" install
}

@test "GitHub: building sluice installs what tools/dev installs, and configures" {
    stub sudo
    stub apt-get
    real=$(command -v cmake)
    # shellcheck disable=SC2016
    stub cmake 'case $1 in -S) exec '"$real"' "$@" ;; esac'
    install_verb build >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log"; false; }
    [ "$(cat "$BATS_TEST_TMPDIR/path")" = "$BATS_TEST_TMPDIR/temp/sluice/prefix/bin" ]
    [ -e "$BATS_TEST_TMPDIR/temp/sluice/build/build.ninja" ]
    grep -q -- "cmake --install" "$BATS_TEST_TMPDIR/calls"
    for package in $(sed -n 's/.*install -qq -y --no-install-recommends//p' "$BATS_TEST_TMPDIR/calls"); do
        sed -n '/^packages=(/,/^)/p' "$root/tools/dev" | grep -qw -- "$package" || { echo "tools/dev lacks $package"; false; }
    done
    for module in $(sed -n 's/^pkg_check_modules([A-Z0-9]* REQUIRED IMPORTED_TARGET \([^>]*\)>.*/\1/p' "$root/CMakeLists.txt"); do
        package=$(dpkg -S "$(pkg-config --variable=pcfiledir "$module")/$module.pc" | cut -d: -f1)
        grep -qw -- "$package" "$BATS_TEST_TMPDIR/calls" || { echo "tools/forge/github lacks $package"; false; }
    done
}

@test "GitHub: a release is fetched from the repository of the action" {
    stub sudo
    stub apt-get
    stub gh
    install_verb 0.1.0
    grep -q "gh release download v0.1.0 --repo owner/sluice" "$BATS_TEST_TMPDIR/calls"
    grep -q "install -qq -y .*/release/sluice_\*\?.*_$(dpkg --print-architecture).deb" "$BATS_TEST_TMPDIR/calls"
    expect_code 3 install_verb "1; touch bad"
    says "must be build, path, or the number of a release"
    [ ! -e bad ]
}

@test "GitHub: action.yml says what its steps use, and nothing from outside is part of a command" {
    python3 - "$root/action.yml" <<'PY'
import re, sys, yaml
action = yaml.safe_load(open(sys.argv[1]))
text = open(sys.argv[1]).read()
assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(action["inputs"]), "an input is not used or not declared"
for name, spec in action["inputs"].items():
    assert spec["description"] and isinstance(spec["default"], str), name
ids = [s["id"] for s in action["runs"]["steps"] if "id" in s]
assert set(re.findall(r"steps\.([a-z]+)\.", text)) == set(ids)
for step in action["runs"]["steps"]:
    assert step["name"]
    assert ("uses" in step) != ("run" in step and step["shell"] == "bash"), step
    assert "${{" not in step.get("run", "")
    assert "@" in step.get("uses", "@")
PY
}

# gitlab PART: that part of the template's job, as the runner's shell runs it.
gitlab() {
    python3 - "$root/templates/sluice.gitlab-ci.yml" "$1" >"$BATS_TEST_TMPDIR/$1.sh" <<'PY'
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))[".sluice"]
print("\n".join(f"export {n}='{v}'" for n, v in job["variables"].items() if n not in ("SLUICE_ARGS",)))
print("\n".join(job[sys.argv[2]]))
PY
    sh -e "$BATS_TEST_TMPDIR/$1.sh"
}

# gitlab_job CODE: the job with its cache; reports stay.
gitlab_job() {
    local code=0 cache=$forge/gitlab
    export CI=true CI_PROJECT_PATH=group/project SLUICE_ARGS=${SLUICE_ARGS:-}
    if [ -e "$cache" ]; then mkdir -p .sluice && cp "$cache" .sluice/evidence.sluice; fi
    gitlab script >"$BATS_TEST_TMPDIR/out" 2>&1 || code=$?
    gitlab after_script >>"$BATS_TEST_TMPDIR/out" 2>&1
    output=$(cat "$BATS_TEST_TMPDIR/out")
    if [ -e .sluice/evidence.sluice ]; then cp .sluice/evidence.sluice "$cache"; fi
    [ "$code" = "$1" ] || { echo "exit code $code: $output"; false; }
}

@test "GitLab: evidence is carried, reports are where the template says" {
    isolated
    fresh_runner
    gitlab_job 0
    says "open: 2 units passed in"
    xml .sluice/junit.xml "len(cases) == 2"
    jq -e 'type == "array"' .sluice/codequality.json
    fresh_runner
    gitlab_job 0
    says "all reused"
    cd ../tree
    echo false >second.sh
    commit
    fresh_runner
    SLUICE_ARGS="--fail-fast -j 1" gitlab_job 1
    says "shut: 1 of 2 units failed"
    says "reused"
    fresh_runner
    truncate -s -10 "$forge/gitlab"
    CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=stranger/project gitlab_job 1
    says "the cached evidence was not taken"
}

@test "GitLab: the template is a job that can be extended, and its script is clean" {
    python3 - "$root/templates/sluice.gitlab-ci.yml" <<'PY'
import sys, yaml
jobs = yaml.safe_load(open(sys.argv[1]))
assert list(jobs) == [".sluice"]
job = jobs[".sluice"]
shown = job["artifacts"]["reports"]
assert job["variables"]["SLUICE_JUNIT"] == shown["junit"] and job["variables"]["SLUICE_CODEQUALITY"] == shown["codequality"]
assert job["variables"]["SLUICE_EVIDENCE"] in job["cache"]["paths"]
PY
    gitlab script >/dev/null 2>&1 || true
    gitlab after_script >/dev/null 2>&1 || true
    shellcheck -s sh "$BATS_TEST_TMPDIR/script.sh" "$BATS_TEST_TMPDIR/after_script.sh"
}

@test "every command of sluice in the pages about forges, installation and nextest is one" {
    grep -hoE '(^|`|\(|"|: )sluice [a-z]+[^`|<>&]*' "$root"/docs/ci/*.md "$root"/docs/{compare-nextest,howto/install}.md | sed 's/^[^s]*sluice/sluice/; s/ *\\$//; s/ #.*//' | sort -u >lines
    [ "$(wc -l <lines)" -ge 4 ]
    while IFS= read -r line; do
        line=${line/ N/ 5}
        xargs "$SLUICE" <<<"${line#sluice } --help" >/dev/null || { echo "$line"; false; }
    done <lines
}

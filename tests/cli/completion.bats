#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Completion in the shells themselves.
load support

setup() {
    fresh_tree
    PATH=$(dirname "$SLUICE"):$PATH
    pipeline <<'EOF'
layers:
  build: {uses: command, with: {run: "true"}, sandbox: none}
  unit: {uses: command, with: {run: "true"}, sandbox: none, matrix: {san: [asan, ubsan]}}
EOF
    for shell in bash zsh fish; do
        "$SLUICE" completion "$shell" >"$BATS_TEST_TMPDIR/script.$shell"
    done
}

# has SHELL: skips where it is missing; CI has all of them.
has() {
    command -v "$1" >/dev/null && return
    [ "${CI:-}" != true ] || return 1
    skip "$1 is not installed"
}

# in_bash WORD...: what bash offers behind these words (the last one may be empty), in $output.
in_bash() {
    output=$(env -i PATH="$PATH" HOME="$HOME" bash --norc --noprofile -c '
        source "$1"
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _sluice 2>&1
        printf "%s\n" "${COMPREPLY[@]}"' - "$BATS_TEST_TMPDIR/script.bash" "$@")
}

# is TEXT: exactly this is offered, in any order.
is() {
    if [ "$(sort <<<"$output" | paste -sd' ')" != "$1" ]; then
        printf 'offered:\n%s\nnot: %s\n' "$output" "$1" >&2
        return 1
    fi
}

@test "bash: commands, options, and the words of their values" {
    in_bash sluice r
    is "report run"
    in_bash sluice ""
    says why
    says_not slot
    in_bash sluice run --res
    is --resume
    in_bash sluice run --trust ""
    is "fork member protected"
    in_bash sluice run --trust = pro # as bash splits --trust=pro
    is protected
    in_bash sluice --col
    is --color
    in_bash sluice run --color al
    is always
    in_bash sluice cache re
    is revoke
    touch evidence
    in_bash sluice cache ev
    is ""
    in_bash sluice cache import ev
    is evidence
    in_bash sluice completion z
    is zsh
    in_bash sluice help doc
    is doctor
    in_bash sluice run --jobs ""
    is ""
}

@test "bash: layers and runs of the project at hand" {
    in_bash sluice run ""
    is 'build unit unit\[asan\] unit\[ubsan\]'
    in_bash sluice run -j 2 build un
    is 'unit unit\[asan\] unit\[ubsan\]'
    in_bash sluice run 'unit\[a'
    is 'unit\[asan\]'
    mkdir sub
    cd sub
    in_bash sluice -C .. run b
    is build
    in_bash sluice --pipeline = ../sluice.yml run b
    is build
    cd ..
    "$SLUICE" run build 2>/dev/null
    run_id=$(ls .sluice/runs)
    in_bash sluice report 2
    is "$run_id"
    in_bash sluice run --resume = ""
    is "$run_id latest"
    in_bash sluice why unit --run la
    is latest
}

@test "bash: files and folders" {
    mkdir "a folder"
    touch "a file"
    in_bash sluice run --junit a
    is "a file a folder"
    in_bash sluice run -C a
    is "a folder"
    in_bash sluice lint "a fi"
    is "a file"
}

@test "bash: a broken pipeline and a folder without one offer nothing and say nothing" {
    echo 'layers: [' >sluice.yml
    in_bash sluice run ""
    is ""
    rm sluice.yml
    in_bash sluice run ""
    is ""
    rm -rf .git
    in_bash sluice report ""
    is "merge read"
}

@test "bash: the script is clean" {
    shellcheck -s bash "$BATS_TEST_TMPDIR/script.bash"
}

@test "every word that is offered for a first argument is taken" {
    in_bash sluice cache ""
    [ "$(wc -l <<<"$output")" -ge 8 ]
    for verb in $output; do
        expect_code 2 "$SLUICE" cache "$verb" a b c d
        says "usage: sluice cache $verb"
    done
    in_bash sluice report re
    is read
    for verb in read merge; do
        expect_code 2 "$SLUICE" report "$verb"
        says "\`sluice report $verb\` needs"
    done
    in_bash sluice completion ""
    for shell in $output; do
        "$SLUICE" completion "$shell" >/dev/null
    done
}

# in_fish LINE
in_fish() {
    output=$(fish --no-config -c "source $BATS_TEST_TMPDIR/script.fish; complete -C '$1'" | cut -f 1)
}

@test "fish: commands, options, words, layers, runs, files" {
    has fish
    fish --no-execute "$BATS_TEST_TMPDIR/script.fish"
    in_fish 'sluice r'
    is "report run"
    in_fish 'sluice run --verify'
    says --verify-hits
    in_fish 'sluice run --trust '
    is "fork member protected"
    in_fish 'sluice run '
    is 'build unit unit[asan] unit[ubsan]'
    in_fish 'sluice cache re'
    is revoke
    in_fish 'sluice help doc'
    is doctor
    touch report.xml
    in_fish 'sluice cache rep'
    is ""
    in_fish 'sluice cache import rep'
    is report.xml
    in_fish 'sluice run --junit rep'
    is report.xml
    "$SLUICE" run build 2>/dev/null
    in_fish 'sluice report 2'
    is "$(ls .sluice/runs)"
}

# zsh_settings: a shell that reads nothing of the machine but its functions.
zsh_settings() {
    mkdir -p zsh
    cp "$BATS_TEST_TMPDIR/script.zsh" zsh/_sluice
    cat >zsh/.zshrc <<'EOF'
fpath=($ZDOTDIR $fpath)
autoload -U compinit
compinit -u -d $ZDOTDIR/dump
unset zle_bracketed_paste
PS1='ready> '
EOF
}

# in_zsh KEYS WANTED: types on a terminal and waits for what the shell makes of it.
in_zsh() {
    ZDOTDIR=$PWD/zsh expect_code 0 "$BATS_TEST_DIRNAME/on_terminal" "$BATS_TEST_TMPDIR/screen" \
        "see:ready> " "type:$1" "see:$2" 'type:\x15exit\r' -- zsh -d -i
}

@test "zsh: commands, options, words, layers, runs" {
    has zsh
    zsh -n "$BATS_TEST_TMPDIR/script.zsh"
    export TERM=xterm
    zsh_settings
    in_zsh 'sluice ver\t' "sluice version"
    in_zsh 'sluice run --rerun\t' "--rerun-failed"
    in_zsh 'sluice run --trust=pro\t' "--trust=protected"
    in_zsh 'sluice run bui\t' "sluice run build"
    in_zsh 'sluice cache quar\t' "quarantine"
    in_zsh 'sluice help doc\t' "doctor"
    "$SLUICE" run build 2>/dev/null
    in_zsh 'sluice report 2\t' "$(ls .sluice/runs)"
}

@test "an unknown shell, and no shell" {
    expect_code 2 "$SLUICE" completion tcsh
    says 'there is no completion for "tcsh"'
    expect_code 2 "$SLUICE" completion
    says "sluice completion bash|zsh|fish"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice init`: a first pipeline from what the tree holds.
load support

setup() {
    fresh_tree
}

# good: what was written passes lint, and the same tree gives the same bytes.
good() {
    expect_code 0 "$SLUICE" lint
    "$SLUICE" init --print -q >"$BATS_TEST_TMPDIR/again"
    cmp sluice.yml "$BATS_TEST_TMPDIR/again"
}

@test "an empty folder: nothing is written, and it says what to do" {
    expect_code 2 "$SLUICE" init
    says "nothing here tells how it is tested"
    says "uses: command"
    [ ! -e sluice.yml ]
    expect_code 2 "$SLUICE" init --print
}

@test "a pipeline that is there is left alone" {
    echo "mine: yes" >sluice.yml
    printf 'test:\n\ttrue\n' >Makefile
    expect_code 2 "$SLUICE" init
    says "sluice.yml is there already and was left as it is"
    says "\`--force\` overwrites it"
    [ "$(cat sluice.yml)" = "mine: yes" ]
    expect_code 0 "$SLUICE" init --print
    [ "$(cat sluice.yml)" = "mine: yes" ]
    expect_code 0 "$SLUICE" init --dry-run
    [ "$(cat sluice.yml)" = "mine: yes" ]
    expect_code 0 "$SLUICE" init --force
    grep -q "run: make test" sluice.yml
    good
}

@test "make: what is written runs at once" {
    printf 'test:\n\tgrep -q good file\n' >Makefile
    echo good >file
    expect_code 0 "$SLUICE" init
    says "Makefile: make -> layer unit"
    says "test cases: make does not tell them"
    says "Next: sluice run"
    good
    expect_code 0 "$SLUICE" run
    echo bad >file
    expect_code 1 "$SLUICE" run
}

@test "a makefile without a test target builds, and says that nothing is tested" {
    printf 'all:\n\ttrue\n' >Makefile
    expect_code 0 "$SLUICE" init
    says "layer build"
    says "no target check or test"
    good
}

@test "CMake: a build and its tests, with the option that switches them on" {
    cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(x C)
option(X_BUILD_TESTS "build the tests" OFF)
option(X_BUILD_BENCHMARK_TESTS "slow" OFF)
option(X_TEST_INSTALLED "other" OFF)
enable_testing()
if(X_BUILD_TESTS)
  add_executable(t t.c)
  add_test(NAME one COMMAND t)
endif()
CMAKE
    echo 'int main(void) { return 0; }' >t.c
    expect_code 0 "$SLUICE" init
    says "CMakeLists.txt: CMake -> layer build"
    says "CMakeLists.txt: CTest -> layer unit"
    good
    grep -qF 'configure: [-DX_BUILD_TESTS=ON]' sluice.yml
    isolated
    expect_code 0 "$SLUICE" run
    says "passed"
    [ ! -e build ]
}

@test "a folder called build that belongs to the sources is not built in" {
    mkdir build
    touch build/notes
    printf 'project(x NONE)\nadd_test(NAME a COMMAND true)\n' >CMakeLists.txt
    expect_code 0 "$SLUICE" init
    grep -q "build_dir: build-sluice" sluice.yml
    good
}

@test "Meson: tests that are off are switched on" {
    printf "project('x', 'c')\ntest('a', find_program('true'))\n" >meson.build
    printf "option('tests', type : 'boolean', value : false)\n" >meson_options.txt
    expect_code 0 "$SLUICE" init
    grep -qF 'configure: [-Dtests=true]' sluice.yml
    grep -q 'discover: meson' sluice.yml
    good
}

@test "several tools in one tree are several layers" {
    printf 'project(x NONE)\nenable_testing()\nadd_test(NAME a COMMAND true)\n' >CMakeLists.txt
    touch pyproject.toml
    mkdir -p tests src/pkg tools/go
    touch src/pkg/__init__.py
    echo 'def test_a(): pass' >tests/test_a.py
    printf 'module x\n\ngo 1.19\n' >tools/go/go.mod
    echo 'package x' >tools/go/x_test.go
    printf '@test "a" { true; }\n' >tests/a.bats
    expect_code 0 "$SLUICE" init
    says "CMakeLists.txt: CTest -> layer ctest"
    says "pyproject.toml: pytest -> layer pytest"
    says "tools/go/go.mod: go test -> layer go-tools-go"
    says "tests/*.bats: bats -> layer bats-tests"
    grep -q "PYTHONPATH: src" sluice.yml
    good
}

@test "npm: the test script says which tool it is" {
    local script tool
    while IFS='~' read -r script tool; do
        jq -n --arg s "$script" '{scripts: {test: $s, "test:all": "node --test", again: "npm run again"}}' >package.json
        expect_code 0 "$SLUICE" init --force
        grep -qF "$tool" sluice.yml || {
            echo "$script:"
            cat sluice.yml
            return 1
        }
        good
    done <<'TABLE'
node --test~discover: node
node --test "spec/*.js"~tests: "spec/*.js"
c8 --100 node --test --import tsx~args: ["--import", tsx]
vitest run --coverage~discover: vitest
jest --coverage --runInBand~args: ["--runInBand"]
npm run test:all~discover: node
xo && ava && tsd~run: "node_modules/.bin/ava --tap"
xo && ava && tsd~xo && tsd
cross-env A=b mocha -R dot x.js~env: {A: b}
mocha tests.js~report: {format: junit, path: sluice-mocha.xml}
./my-own.sh~run: "npm test"
npm run again~run: "npm test"
node a.js | tap-spec~run: "npm test"
TABLE
}

@test "npm: a package without tests, and one that is broken" {
    echo '{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}' >package.json
    expect_code 2 "$SLUICE" init
    says "package.json: it has no test script"
    printf '{\n  "scripts": {,}\n}\n' >package.json
    printf 'test:\n\ttrue\n' >Makefile
    mkdir sub
    mv Makefile sub/
    expect_code 0 "$SLUICE" init
    says "package.json: left out:"
    says "line 2"
    says "sub/Makefile: make -> layer unit"
    good
}

@test "npm: packages of a workspace are layers of their own, fixtures are none" {
    mkdir -p packages/{a,b,c} test/fixture
    echo '{"workspaces": ["packages/*"], "scripts": {"test": "npm test --workspaces"}}' >package.json
    echo '{"scripts": {"test": "node --test"}}' >packages/a/package.json
    echo '{"scripts": {"test": "vitest"}}' >packages/b/package.json
    echo '{}' >packages/c/package.json
    echo '{"scripts": {"test": "jest"}}' >test/fixture/package.json
    expect_code 0 "$SLUICE" init
    says "packages/a/package.json: node -> layer node-packages-a"
    says "packages/b/package.json: vitest -> layer vitest-packages-b"
    says "packages/c/package.json: it has no test script"
    says_not "jest"
    [ "$(grep -c 'expose: \[' sluice.yml)" = 0 ] # nothing is to be installed
    good
    echo '{"scripts": {"test": "node --test"}, "devDependencies": {"x": "1"}}' >packages/a/package.json
    expect_code 0 "$SLUICE" init --print
    says "expose: [node_modules, packages/a/node_modules]"
    says 'node_modules by `npm ci`'
    mkdir node_modules # they are installed: all into the shared one
    expect_code 0 "$SLUICE" init --print
    says "expose: [node_modules] #"
    says_not "packages/a/node_modules"
    mkdir packages/b/node_modules
    expect_code 0 "$SLUICE" init --print
    says "expose: [node_modules, packages/b/node_modules]"
}

@test "node: what is written runs at once, a failure is red" {
    command -v node >/dev/null || skip "node is not installed"
    isolated
    echo '{"scripts": {"test": "node --test"}}' >package.json
    echo "require('node:test').test('a', () => {})" >a.test.js
    expect_code 0 "$SLUICE" init
    expect_code 0 "$SLUICE" run
    says_not "node_modules"
    echo "require('node:test').test('b', () => { throw new Error('no') })" >b.test.js
    expect_code 1 "$SLUICE" run
}

@test "modules and crates that lie in the home folder: in place, with the reason" {
    printf 'module x\n\nrequire example.org/y v1.0.0\n' >go.mod
    touch x_test.go
    mkdir crate
    printf '[package]\nname = "x"\n[dependencies]\ny = "1"\n' >crate/Cargo.toml
    expect_code 0 "$SLUICE" init
    says "go.mod: go test -> layer go (in place, not isolated)"
    says "crate/Cargo.toml: cargo test -> layer cargo-crate (in place, not isolated)"
    [ "$(grep -c 'sandbox: none' sluice.yml)" = 2 ]
    good
    mkdir vendor
    touch vendor/modules.txt
    rm -r crate
    expect_code 0 "$SLUICE" init --print
    says_not "sandbox: none"
}

# without_cargo COMMAND...: on a machine that has no cargo; where there is one, it is covered by what cannot be run.
without_cargo() {
    local found=() folder
    for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
        [ ! -x $folder/cargo ] || found+=("$folder/cargo")
    done
    if [ ${#found[@]} = 0 ]; then
        "$@"
        return
    fi
    # shellcheck disable=SC2016 # for the shell inside
    unshare -rm bash -c 'while [ "$1" != -- ]; do mount --bind /dev/null "$1" || exit 99; shift; done; shift; exec "$@"' - "${found[@]}" -- "$@"
}

@test "what is missing on the machine is told, and the file is written all the same" {
    without_cargo true || [ "${CI:-}" = true ] || skip "this machine has cargo and lets nobody cover it"
    mkdir "$BATS_TEST_TMPDIR/empty"
    printf '[package]\nname = "x"\n' >Cargo.toml
    PATH=$BATS_TEST_TMPDIR/empty:/usr/bin:/bin expect_code 0 without_cargo "$SLUICE" init
    says "cargo is missing: layer unit needs it (Debian: apt-get install cargo)"
    good
    printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/empty/cargo"
    chmod +x "$BATS_TEST_TMPDIR/empty/cargo"
    PATH=$BATS_TEST_TMPDIR/empty:/usr/bin:/bin expect_code 0 without_cargo "$SLUICE" init --force
    grep -q "cargo was found on your PATH" sluice.yml
    grep -q "sandbox: none" sluice.yml
}

@test "services, submodules, a missing repository: told as not known" {
    rm -rf .git
    touch docker-compose.yml .gitmodules .env
    printf 'test:\n\ttrue\n' >Makefile
    expect_code 0 "$SLUICE" init
    says "services: a compose file is there"
    says "submodules:"
    says "environment:"
    says "this is no git repository"
    grep -q "^# - services" sluice.yml
    good
    expect_code 0 "$SLUICE" run
}

@test "hostile names: quoted, or passed over and told" {
    mkdir 'a b' "it's \"q\"" $'new\nline' 'st*r' '${{ matrix.x }}'
    for d in */; do printf 'test:\n\ttrue\n' >"$d/Makefile"; done
    ln -s . loop
    ln -s ../. 'a b/up'
    expect_code 0 "$SLUICE" init
    says "3 folders were passed over"
    grep -qF 'cwd: "a b"' sluice.yml
    grep -qF 'cwd: "it'"'"'s \"q\""' sluice.yml
    [ "$(grep -c 'run: make test' sluice.yml)" = 2 ]
    good
    expect_code 0 "$SLUICE" run
}

@test "a script with what a pipeline would take for an expression is run as npm test" {
    echo '{"name": "a", "scripts": {"test": "lint && node --test x${{*.js", "lint": "true"}}' >package.json
    expect_code 0 "$SLUICE" init
    [ "$(grep -c 'run: "npm test"' sluice.yml)" = 1 ]
    good
}

@test "a marker that is a device, a pipe or a folder is not waited for" {
    mkfifo go.mod
    ln -s /dev/zero package.json
    mkdir CMakeLists.txt
    expect_code 2 timeout 10 "$SLUICE" init
}

@test "many files: bounded, and told" {
    mkdir many
    (cd many && seq 60000 | xargs touch)
    printf 'test:\n\ttrue\n' >Makefile
    local before after
    before=$(date +%s%N)
    expect_code 0 "$SLUICE" init --print
    after=$(date +%s%N)
    says "only the first 50000 files were looked at"
    [ $(((after - before) / 1000000)) -lt 3000 ] # 0.1 s on an idle machine
}

@test "--json says it as one object" {
    printf 'test:\n\ttrue\n' >Makefile
    expect_code 0 "$SLUICE" init --print --json
    json "d['layers'][0]['id'] == 'unit' and d['layers'][0]['isolated'] and 'run: make test' in d['text']"
    [ ! -e sluice.yml ]
}

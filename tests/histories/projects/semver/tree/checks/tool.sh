#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tool.sh EXPECTED ARG...: what the command line tool of the release prints, as one line.
expected=$1
shift
for tool in bin/semver.js bin/semver; do
    [ -f "$tool" ] || continue
    got=$(node --require ./checks/tap.cjs "$tool" "$@" | paste -sd' ')
    echo "$got"
    [ "$got" = "$expected" ]
    exit
done
echo "this release has no tool"
exit 1

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fresh.sh PROGRAM: runs a test of LMDB with an empty data base beside it.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir testdb
"$1"

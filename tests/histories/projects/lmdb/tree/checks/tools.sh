#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools.sh LOAD DUMP STAT COPY: what is loaded is what is dumped, also from a copy.
set -e
load=$1 dump=$2 stat=$3 copy=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir db again
i=0
while [ "$i" -lt 250 ]; do
    i=$((i + 1))
    printf 'key%04d\nvalue %d\n' "$i" "$i"
done >pairs
"$load" -T -f pairs db
"$dump" -p db | grep "^ " >one
"$stat" -e db | grep -q 'Entries: 250'
"$copy" db again
"$dump" -p again | grep "^ " >two
cmp one two
grep -q 'key0250' one

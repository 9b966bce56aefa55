#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.generate("dump_dependency_json", [("dump.json", "sample.gyp:helper")], "-Gdefault_dump=1")

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.generate("compile_commands_json", [("out/Release/compile_commands.json", "helper.c")])

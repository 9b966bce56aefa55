#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.generate("cmake", [("out/Release/CMakeLists.txt", "helper.c")])

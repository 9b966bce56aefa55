#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.generate("ninja", [("out/Release/build.ninja", "sample.ninja"), ("out/Release/obj/helper.ninja", "DEEP")])

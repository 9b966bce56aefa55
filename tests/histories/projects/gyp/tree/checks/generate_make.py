#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.generate("make", [("Makefile", "sample.target.mk"), ("helper.target.mk", "DEEP")])

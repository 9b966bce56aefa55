#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.run_module("gyp.easy_xml_test")

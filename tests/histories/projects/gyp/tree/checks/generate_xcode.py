#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import tap

tap.generate("xcode", [("sample.xcodeproj/project.pbxproj", "helper.c")])

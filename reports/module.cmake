# SPDX-License-Identifier: Apache-2.0
# libxml2 is not linked: it is loaded when an XML report is read (libxml.h). Here its headers; the tests judge our own
# XML by its schema validator.
target_include_directories(sluice_reports SYSTEM PUBLIC ${XML_INCLUDE_DIRS})
set(SLUICE_TEST_LIBS_reports PkgConfig::XML)

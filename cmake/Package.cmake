# SPDX-License-Identifier: Apache-2.0
# `cpack -G DEB` in the build folder makes a Debian package, `cpack -G TGZ` an archive that works wherever it is unpacked.
set(CPACK_PACKAGE_NAME sluice)
# The project has no mailbox: an address that says so and that no stranger owns (RFC 2606).
set(CPACK_PACKAGE_VENDOR "sluice maintainers")
set(CPACK_PACKAGE_CONTACT "sluice maintainers <noreply@sluice.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "multi-layer test-orchestration runner")
set(CPACK_PACKAGE_DESCRIPTION "Runs staged layers of tests over a tree, in parallel and isolated, observes
what each asks of the system, never pays for the same question twice, and
opens or shuts a gate.")
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_THREADS 0)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What no linker tells: git is run (git merge-tree came with 2.38), and libxml2 is loaded when the first XML is read.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "git (>= 1:2.38), libxml2 (>= 2.9.13)")
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/DebianDocuments.cmake)
include(CPack)

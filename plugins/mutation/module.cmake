# SPDX-License-Identifier: Apache-2.0
# Debian's 0.20.7 calls itself 0.6.3 in its .pc file: the ABI is checked when a grammar is set (source.h).
pkg_check_modules(TREE_SITTER REQUIRED IMPORTED_TARGET tree-sitter)
target_link_libraries(sluice_plugin_mutation PUBLIC PkgConfig::TREE_SITTER)

# SPDX-License-Identifier: Apache-2.0
# Debian's 0.20.7 calls itself 0.6.3 in its .pc file: the ABI is checked when a grammar is set (source.h).
pkg_check_modules(TREE_SITTER REQUIRED IMPORTED_TARGET tree-sitter)
target_link_libraries(sluice_plugin_mutation PUBLIC PkgConfig::TREE_SITTER)

include(${CMAKE_SOURCE_DIR}/cmake/Grammars.cmake)
sluice_grammars(sluice_plugin_mutation)

# queries/NAME becomes the text query_NAME (queries.h).
file(GLOB query_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/queries/*)
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${query_files})
set(query_text "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by module.cmake from queries/. */\n#include \"plugins/mutation/queries.h\"\n")
foreach(file IN LISTS query_files)
  get_filename_component(query_name ${file} NAME_WE)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND query_text "\nconst char query_${query_name}[] = {\n${bytes}0};\n")
endforeach()
set(query_source ${CMAKE_BINARY_DIR}/generated/mutation_queries.c)
file(CONFIGURE OUTPUT ${query_source} CONTENT "${query_text}" @ONLY)
target_sources(sluice_plugin_mutation PRIVATE ${query_source})

# runtime/ becomes the text schema_runtime (schema.h).
set(runtime_bytes "")
foreach(file IN ITEMS state.h runtime.c)
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/runtime/${file})
  file(READ ${CMAKE_CURRENT_LIST_DIR}/runtime/${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND runtime_bytes "${bytes}\n")
endforeach()
set(runtime_source ${CMAKE_BINARY_DIR}/generated/mutation_runtime.c)
file(CONFIGURE OUTPUT ${runtime_source} CONTENT "/* SPDX-License-Identifier: Apache-2.0 */
/* Made by module.cmake from runtime/. */
#include \"plugins/mutation/schema.h\"

const char schema_runtime[] = {
${runtime_bytes}0};
" @ONLY)
target_sources(sluice_plugin_mutation PRIVATE ${runtime_source})

# SPDX-License-Identifier: Apache-2.0
# The grammars that plugins/mutation parses with (docs/decisions/0020-tree-sitter.md): generated C, MIT, from npm, pinned by
# version and SHA-512; and, from there too, the viewer of its HTML report, Apache-2.0. They are fetched once for all build folders
# of a checkout, and never asked for again.
#
#   cmake -P cmake/Grammars.cmake     fetches what is missing
#
# Included by plugins/mutation/module.cmake: fetches too, and sluice_grammars(TARGET) links TARGET with them.
cmake_minimum_required(VERSION 3.25)

get_filename_component(grammar_root ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
if(NOT SLUICE_GRAMMARS AND DEFINED ENV{SLUICE_GRAMMARS})
  set(SLUICE_GRAMMARS $ENV{SLUICE_GRAMMARS})
endif()
if(NOT SLUICE_GRAMMARS)
  set(SLUICE_GRAMMARS ${grammar_root}/build/grammars)
endif()
set(SLUICE_GRAMMARS ${SLUICE_GRAMMARS} CACHE PATH "Folder of the fetched grammars, shared by all build folders")

# package version sha512. The 0.23 line: Debian's libtree-sitter reads ABI 13 and 14, what is newer has 15.
set(grammar_packages
  "tree-sitter-c 0.23.6 d1dc572b39d5c94034b3a3e336894936cdb217cecee5a2f9dfc03f791ea78c0e68a97dc2def1f8be7c7741d38ac2e51da4a11c15d1ee883a5128b2c203fb63bd"
  "tree-sitter-python 0.23.6 c8833dcf4a31288c53edb02d3ce860a1597a8135e59a5221b9eee58854f8a013c5fe585aec76b8750052f3602fea130c459a159c5248f0cea62fe4b05a82c3dc"
  "tree-sitter-javascript 0.23.1 fdb9e16eb4c3f5fad46074138989cf731c87391230d79ec44416ba76acda2b1bd1ff1dcf0b863377e0f5a5920c4baccd836bf76bc059d282bb8c7aac428f5f58"
  "tree-sitter-typescript 0.23.2 7b4e095142b14d3e77ff1dd4ab5cc82f8e43a182957c71f8099ab081984f839a9844e9799d08d5fbce6bb85cc5199c6ef9078555b4533c3467a8bf546d4e1578"
  "mutation-testing-elements 3.9.0 dc6e068413bc59cfd9aea389e6e4fc01b33587f7b0f647d7d0c225a72e7d816bbf6a6319c8a1f74eb78a00e330c173626e164c38bec0de7e6716f85858b76d61")

# language, folder of its parser below the package's
set(grammar_languages c python javascript typescript tsx)
set(grammar_source_c tree-sitter-c/src)
set(grammar_source_python tree-sitter-python/src)
set(grammar_source_javascript tree-sitter-javascript/src)
set(grammar_source_typescript tree-sitter-typescript/typescript/src)
set(grammar_source_tsx tree-sitter-typescript/tsx/src)

# A package's folder ends in the first digits of its hash: another version is another folder.
function(grammar_folder line out_name out_folder)
  string(REPLACE " " ";" words "${line}")
  list(GET words 0 name)
  list(GET words 1 version)
  list(GET words 2 hash)
  string(SUBSTRING ${hash} 0 12 digits)
  set(${out_name} ${name} PARENT_SCOPE)
  set(${out_folder} ${SLUICE_GRAMMARS}/${name}-${version}-${digits} PARENT_SCOPE)
endfunction()

# By npm, as any of its users is served (mirrors and proxies are set there); what came is judged by the hash above.
function(grammar_fetch line folder)
  string(REPLACE " " ";" words "${line}")
  list(GET words 0 name)
  list(GET words 1 version)
  list(GET words 2 hash)
  set(new ${folder}.new)
  file(REMOVE_RECURSE ${new})
  file(MAKE_DIRECTORY ${new})
  message(STATUS "Fetching the grammar ${name} ${version}")
  execute_process(COMMAND ${grammar_npm} pack --loglevel=error --ignore-scripts --fetch-retries=1 --fetch-timeout=60000 --cache ${new}/cache
      --pack-destination ${new} ${name}@${version}
    WORKING_DIRECTORY ${new} RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
  set(archive ${new}/${name}-${version}.tgz)
  if(NOT status EQUAL 0 OR NOT EXISTS ${archive})
    file(REMOVE_RECURSE ${new})
    message(FATAL_ERROR "The grammar ${name} ${version} cannot be fetched (npm pack said: ${said}).\n"
      "It is fetched once, with network: run `cmake -P cmake/Grammars.cmake` where there is one, or set SLUICE_GRAMMARS to the "
      "folder build/grammars of a checkout that has it.")
  endif()
  file(SHA512 ${archive} got)
  if(NOT got STREQUAL hash)
    file(REMOVE_RECURSE ${new})
    message(FATAL_ERROR "The grammar ${name} ${version} is not the one that was pinned: its SHA-512 is\n${got}, not\n${hash}.\n"
      "Do not build with it. If npm is set to a mirror, compare with another one.")
  endif()
  file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${new})
  file(GLOB unused ${new}/package/*.wasm)
  file(REMOVE_RECURSE ${unused} ${new}/package/prebuilds ${folder})
  file(RENAME ${new}/package ${folder})
  file(REMOVE_RECURSE ${new})
endfunction()

function(grammar_fetch_missing)
  set(missing "")
  foreach(line IN LISTS grammar_packages)
    grammar_folder("${line}" name folder)
    if(NOT EXISTS ${folder})
      list(APPEND missing ${name})
    endif()
  endforeach()
  if(NOT missing)
    return()
  endif()
  find_program(grammar_npm npm NO_CACHE)
  if(NOT grammar_npm)
    list(JOIN missing ", " missing)
    message(FATAL_ERROR "The grammars ${missing} of plugins/mutation are not in ${SLUICE_GRAMMARS}, and npm, which fetches them, is not "
      "installed: run `tools/dev setup`, or set SLUICE_GRAMMARS to the folder build/grammars of a checkout that has them.")
  endif()
  # Two builds of one checkout may be configured at once: the second one waits, and finds them.
  file(MAKE_DIRECTORY ${SLUICE_GRAMMARS})
  file(LOCK ${SLUICE_GRAMMARS}/lock GUARD FUNCTION TIMEOUT 600)
  foreach(line IN LISTS grammar_packages)
    grammar_folder("${line}" name folder)
    if(NOT EXISTS ${folder})
      grammar_fetch("${line}" ${folder})
    endif()
  endforeach()
endfunction()

# One static library per language. The code is not ours: none of our warnings, one level of optimisation in all builds (it is a table
# and the loop that reads it), and undefined behaviour in it is not ours to find.
function(sluice_grammars target)
  foreach(line IN LISTS grammar_packages)
    grammar_folder("${line}" name folder)
    set(folder_of_${name} ${folder})
    install(FILES ${folder}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}/licenses RENAME ${name})
  endforeach()
  set(viewer ${folder_of_mutation-testing-elements}/dist/mutation-test-elements.js)
  configure_file(${viewer} ${CMAKE_BINARY_DIR}/libexec/sluice/mutation-test-elements.js COPYONLY)
  install(FILES ${viewer} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/sluice)
  foreach(language IN LISTS grammar_languages)
    string(REGEX MATCH "^[^/]+" name ${grammar_source_${language}})
    string(REGEX REPLACE "^[^/]+" "${folder_of_${name}}" source ${grammar_source_${language}})
    set(files ${source}/parser.c)
    if(EXISTS ${source}/scanner.c)
      list(APPEND files ${source}/scanner.c)
    endif()
    add_library(sluice_grammar_${language} STATIC ${files})
    target_include_directories(sluice_grammar_${language} PRIVATE ${source})
    target_compile_options(sluice_grammar_${language} PRIVATE -w -O1 -fno-sanitize=undefined
      $<$<C_COMPILER_ID:Clang>:-fno-sanitize=fuzzer-no-link>)
    set_target_properties(sluice_grammar_${language} PROPERTIES EXPORT_COMPILE_COMMANDS OFF C_STANDARD 11)
    target_link_libraries(${target} PRIVATE sluice_grammar_${language})
  endforeach()
endfunction()

grammar_fetch_missing()

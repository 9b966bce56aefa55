# SPDX-License-Identifier: Apache-2.0
# What Debian expects below /usr/share and nobody else does; CPack runs it on what it has installed for a .deb, before it is packed:
# copyright in the place of LICENSE, with the licences of the code that is linked in, a changelog, and manual pages compressed.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
set(share ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
set(documents ${share}/doc/${CPACK_PACKAGE_NAME})

# The text of a licence as the field of a copyright file: each line behind a blank, an empty one is a dot.
function(as_field file ret_text)
  file(READ ${file} text)
  string(STRIP "${text}" text)
  string(REGEX REPLACE "[ \t\r]+\n" "\n" text "${text}")
  string(REPLACE "\n\n" "\n.\n" text "${text}")
  string(REPLACE "\n\n" "\n.\n" text "${text}")
  string(REPLACE "\n" "\n " text " ${text}")
  set(${ret_text} "${text}" PARENT_SCOPE)
endfunction()

function(compress file)
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${CPACK_PACKAGE_NAME}

Files: *
Copyright: The sluice maintainers
License: Apache-2.0
 Licensed under the Apache License, Version 2.0; the whole text is in
 /usr/share/common-licenses/Apache-2.0.
")
file(GLOB licences ${documents}/licenses/*)
foreach(licence IN LISTS licences)
  get_filename_component(name ${licence} NAME)
  as_field(${licence} text)
  if(text MATCHES "Apache License")
    string(APPEND copyright "
Files: ${name}/*
Copyright: Stryker Mutator Team
License: Apache-2.0
Comment: The viewer of reports of mutants, a script beside the plugin mutation.
")
    continue()
  endif()
  string(REGEX MATCH "Copyright \\([cC]\\) ([^\n]+)" found "${text}")
  string(APPEND copyright "
Files: ${name}/*
Copyright: ${CMAKE_MATCH_1}
License: MIT
${text}
Comment: A grammar, linked into the plugin mutation.
")
endforeach()
file(WRITE ${documents}/copyright "${copyright}")
file(REMOVE_RECURSE ${documents}/LICENSE ${documents}/licenses)

# The date of the newest entry: SOURCE_DATE_EPOCH, else now. The changes themselves are in CHANGELOG.md.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${documents}/changelog "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * What changed is told in CHANGELOG.md.gz beside this file.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
compress(${documents}/changelog)
compress(${documents}/CHANGELOG.md)
file(GLOB_RECURSE pages ${share}/man/*.[1-9])
foreach(page IN LISTS pages)
  compress(${page})
endforeach()
file(GLOB_RECURSE written ${share}/*)
file(CHMOD ${written} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

# SPDX-License-Identifier: Apache-2.0
# Manual pages and completion scripts, written by the program itself from its tables.
# usage: cmake -DSLUICE=PROGRAM -DFOLDER=FOLDER -P WriteDocuments.cmake
function(write_output file)
  execute_process(COMMAND ${SLUICE} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE ${FOLDER}/${file} "${text}")
endfunction()

file(REMOVE_RECURSE ${FOLDER})
write_output(man/man1/sluice.1 help --man)
write_output(man/man5/sluice.yml.5 schema --man)
execute_process(COMMAND ${SLUICE} completion commands OUTPUT_VARIABLE commands COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" commands "${commands}")
foreach(command IN LISTS commands)
  write_output(man/man1/sluice-${command}.1 help --man ${command})
endforeach()
write_output(bash-completion/completions/sluice completion bash)
write_output(zsh/vendor-completions/_sluice completion zsh)
write_output(fish/vendor_completions.d/sluice.fish completion fish)
file(TOUCH ${FOLDER}/written)

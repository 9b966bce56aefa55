/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel opens by itself when it executes a file: the interpreter of a "#!" line, again
 * and again, and the loader an ELF file names. No system call shows them. */
#ifndef SLUICE_OBSERVE_INTERPRETER_H
#define SLUICE_OBSERVE_INTERPRETER_H

#include "observe/resolve.h"

/* Files the kernel opens for one execve(2): Linux allows five levels of "#!", and a loader. */
#define INTERPRETERS_MAX 6

/* Notes the content of a file about to be executed, and of what it needs to be. */
void interpreter_ask(struct resolver *resolver, const struct caller *caller, struct place *file);

/* The path behind "#!" in the first bytes of a file, as Linux (fs/binfmt_script.c) reads it. Length
 * in buf, 0 when there is none. */
int interpreter_of_script(const char *head, size_t len, char *buf, size_t size);

/* Where an ELF file names its loader: elf_locate() tells from the first bytes where the table of
 * program headers is, elf_interpreter() from the table where the path (PT_INTERP) is. False: no
 * 64-bit ELF file; no loader. */
struct elf_piece {
    uint64_t offset;
    uint64_t len;
};

bool elf_locate(const char *head, size_t len, struct elf_piece *ret_table);
bool elf_interpreter(const char *table, size_t len, struct elf_piece *ret_path);

#endif

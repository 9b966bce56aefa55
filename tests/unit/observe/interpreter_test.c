/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/interpreter.h"

#include <elf.h>
#include <string.h>

#include "support/test.h"

static void assert_script(const char *head, size_t len, const char *expected)
{
    char buf[64] = "";
    const int n = interpreter_of_script(head, len, buf, sizeof buf);
    assert_int_equal(n, strlen(expected));
    assert_string_equal(n > 0 ? buf : "", expected);
}

#define SCRIPT(head, expected) assert_script(head, sizeof(head) - 1, expected)

TEST(the_interpreter_of_a_script_is_read_as_linux_reads_it)
{
    SCRIPT("#!/bin/sh\n", "/bin/sh");
    SCRIPT("#!/bin/sh", "/bin/sh");
    SCRIPT("#! \t/usr/bin/env -S x\n", "/usr/bin/env");
    SCRIPT("#!bin/sh\r\n", "bin/sh\r");
    SCRIPT("#!/bin/sh\0ignored\n", "/bin/sh");
    SCRIPT("#!\n/bin/sh\n", "");
    SCRIPT("#!   ", "");
    SCRIPT("#", "");
    SCRIPT("", "");
    SCRIPT(" #!/bin/sh\n", "");
    char head[256];
    memset(head, 'x', sizeof head);
    head[0] = '#';
    head[1] = '!';
    assert_script(head, sizeof head, ""); /* cut off: the kernel refuses it */
}

TEST(an_elf_file_names_its_loader_in_its_table)
{
    Elf64_Ehdr header = {.e_phoff = 64, .e_phnum = 2, .e_phentsize = sizeof(Elf64_Phdr)};
    const Elf64_Phdr table[2] = {
        {.p_type = PT_LOAD},
        { .p_type = PT_INTERP, .p_offset = 700, .p_filesz = 28},
    };
    struct elf_piece piece;
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    assert_true(elf_locate((const char *)&header, sizeof header, &piece));
    assert_int_equal(piece.offset, 64);
    assert_int_equal(piece.len, sizeof table);
    assert_true(elf_interpreter((const char *)table, sizeof table, &piece));
    assert_int_equal(piece.offset, 700);
    assert_int_equal(piece.len, 28);
    assert_false(elf_interpreter((const char *)table, sizeof table[0], &piece));
    assert_false(elf_interpreter((const char *)table, sizeof table - 1, &piece));
    assert_false(elf_locate((const char *)&header, sizeof header - 1, &piece));
    header.e_ident[EI_CLASS] = ELFCLASS32;
    assert_false(elf_locate((const char *)&header, sizeof header, &piece));
}

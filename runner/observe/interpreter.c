/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/interpreter.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As BINPRM_BUF_SIZE of Linux: a "#!" line ends here. */
#define HEAD_SIZE 256

/* Program headers read of one file; Linux refuses more than 64 KiB of them, compilers make under 20
 * of 56 bytes. A loader named further back is not found by this, so the trace is incomplete. */
#define TABLE_MAX (64u * 1024u)

int interpreter_of_script(const char *head, size_t len, char *buf, size_t size)
{
    size_t at = 2;
    if (len < 2 || head[0] != '#' || head[1] != '!') {
        return 0;
    }
    while (at < len && (head[at] == ' ' || head[at] == '\t')) {
        at++;
    }
    size_t end = at;
    while (end < len && strchr(" \t\n", head[end]) == NULL) {
        end++;
    }
    /* A name that the head cuts off is refused by the kernel (ENOEXEC). strchr() finds the
     * terminator, too: a NUL ends the name. */
    if (end == at || end - at >= size || end == HEAD_SIZE) {
        return 0;
    }
    memcpy(buf, head + at, end - at);
    buf[end - at] = '\0';
    return (int)(end - at);
}

bool elf_locate(const char *head, size_t len, struct elf_piece *ret_table)
{
    Elf64_Ehdr header;
    if (len < sizeof header || memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64) {
        return false;
    }
    memcpy(&header, head, sizeof header);
    if (header.e_phentsize != sizeof(Elf64_Phdr)) {
        return false;
    }
    *ret_table = (struct elf_piece){.offset = header.e_phoff,
                                    .len = (uint64_t)header.e_phnum * sizeof(Elf64_Phdr)};
    return true;
}

bool elf_interpreter(const char *table, size_t len, struct elf_piece *ret_path)
{
    for (size_t at = 0; len - at >= sizeof(Elf64_Phdr); at += sizeof(Elf64_Phdr)) {
        Elf64_Phdr header;
        memcpy(&header, table + at, sizeof header);
        if (header.p_type == PT_INTERP) {
            *ret_path = (struct elf_piece){.offset = header.p_offset, .len = header.p_filesz};
            return true;
        }
    }
    return false;
}

#ifdef __x86_64__
#    define MACHINE EM_X86_64
#else
#    define MACHINE EM_AARCH64
#endif

static bool is_native(const char *head, size_t len)
{
    Elf64_Ehdr header;
    struct elf_piece table;
    if (!elf_locate(head, len, &table)) {
        return false;
    }
    memcpy(&header, head, sizeof header);
    return header.e_machine == MACHINE;
}

/* Formats registered with the kernel (binfmt_misc) have interpreters that it opens by itself, too.
 * Which one is not looked for: where there is any, a file of no format of ours may have one. */
static bool has_registered_formats(int proc)
{
    const int fd = openat(proc, "sys/fs/binfmt_misc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    int names = 0;
    if (folder == NULL) {
        return fd >= 0; /* cannot be looked at */
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a supervisor has one thread */
    while (readdir(folder) != NULL) {
        names++;
    }
    (void)closedir(folder);
    return names > 4; /* ".", "..", "register", "status" */
}

/* A regular file of the unit's view for reading; -1. Never a device or pipe: opening one may block
 * or do something. */
static int open_file(struct resolver *resolver, const struct caller *caller, struct place *file)
{
    char path[PATH_TEXT_MAX];
    char again[64];
    struct stat st;
    if (place_path(file, path, sizeof path) < 0) {
        return -1;
    }
    CLEANUP(cleanup_fd)
    int fd = openat(resolver->root, path + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return -1;
    }
    (void)snprintf(again, sizeof again, "self/fd/%d", fd);
    return openat(caller->proc, again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* The path of the loader of an ELF file: its length, 0 when it has none, negative when it cannot be
 * told. */
static int read_loader(int fd, const char *head, size_t len, char *buf, size_t size)
{
    char bytes[TABLE_MAX];
    struct elf_piece table;
    struct elf_piece path;
    if (!elf_locate(head, len, &table)) {
        return 0;
    }
    if (table.len > sizeof bytes || table.offset > INT64_MAX) {
        return 0; /* the kernel refuses it (ENOEXEC) */
    }
    const ssize_t n = pread(fd, bytes, (size_t)table.len, (off_t)table.offset);
    if (n != (ssize_t)table.len || !elf_interpreter(bytes, (size_t)n, &path)) {
        return n < 0 ? -errno : 0;
    }
    if (path.len < 2 || path.len > size || path.offset > INT64_MAX) {
        return 0;
    }
    const ssize_t got = pread(fd, buf, (size_t)path.len, (off_t)path.offset);
    if (got != (ssize_t)path.len || buf[path.len - 1] != '\0') {
        return got < 0 ? -errno : 0;
    }
    return (int)strlen(buf);
}

/* What executing this file opens next: length of the path in buf; 0: nothing. */
static int next_of(struct resolver *resolver,
                   const struct caller *caller,
                   struct place *file,
                   char *buf,
                   bool *ret_script)
{
    char head[HEAD_SIZE];
    CLEANUP(cleanup_fd) int fd = open_file(resolver, caller, file);
    if (fd < 0) {
        return 0; /* the kernel cannot execute it either */
    }
    const ssize_t n = pread(fd, head, sizeof head, 0);
    if (n < 0) {
        return -errno;
    }
    const int len = interpreter_of_script(head, (size_t)n, buf, PATH_TEXT_MAX);
    *ret_script = len > 0;
    if (len == 0 && n > 0 && !is_native(head, (size_t)n) && has_registered_formats(caller->proc)) {
        recorder_flag(resolver->recorder,
                      TRACE_INCOMPLETE,
                      "it executes a file that binfmt_misc may have an interpreter for");
    }
    return len > 0 ? len : read_loader(fd, head, (size_t)n, buf, PATH_TEXT_MAX);
}

void interpreter_ask(struct resolver *resolver, const struct caller *caller, struct place *file)
{
    char path[PATH_TEXT_MAX];
    struct landing landing = {.place = file};
    bool fixed = file->zone == ZONE_FIXED;
    if (file->executed) {
        return;
    }
    for (int i = 0; i < INTERPRETERS_MAX && landing.place != NULL; i++) {
        bool script = false;
        resolve_ask(resolver, landing.place, ASKED_CONTENT);
        const int len = next_of(resolver, caller, landing.place, path, &script);
        if (len < 0) {
            recorder_flag(resolver->recorder,
                          TRACE_INCOMPLETE,
                          "cannot read the head of an executed file: %s",
                          strerrordesc_np(-len));
        }
        if (len <= 0) {
            file->executed = fixed && len == 0;
            return;
        }
        const struct path_question question = {
            .caller = caller, .dirfd = AT_FDCWD, .path = path, .follow = true};
        resolve(resolver, &question, &landing);
        fixed =
            fixed && path[0] == '/' && landing.place != NULL && landing.place->zone == ZONE_FIXED;
        if (!script) { /* the loader of a program is loaded, not executed */
            break;
        }
    }
    if (landing.place != NULL) {
        resolve_ask(resolver, landing.place, ASKED_CONTENT);
    }
    file->executed = fixed;
}

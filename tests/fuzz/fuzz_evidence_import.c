/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: store */
/* Files of evidence. The first byte picks: even, the rest is a file as it is; odd, it is the plain
 * stream of records, which is given its sum and packed here, so that the fuzzer gets behind both.
 */
#include "base/file.h"
#include "store/evidence_file.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// NOLINTBEGIN(readability-identifier-naming): libFuzzer's name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// NOLINTEND(readability-identifier-naming)

/* What one store takes before a new one is made: the inputs that do get in fill it. */
#define INPUTS_PER_STORE 5000

static char folder[] = "/tmp/fuzz-evidence-XXXXXX";
static struct evidence_store *store;
static unsigned inputs;

static void close_store(void)
{
    if (store != NULL) {
        evidence_close(store);
        (void)tree_remove(AT_FDCWD, folder, NULL);
        store = NULL;
    }
}

static void open_store(void)
{
    static int registered;
    (void)strcpy(folder + sizeof folder - 7, "XXXXXX");
    if (mkdtemp(folder) == NULL || evidence_open(folder, &store, NULL) != 0) {
        abort();
    }
    if (registered == 0) {
        registered = 1;
        (void)atexit(close_store);
    }
}

/* Splits the plain stream at its own record heads; what is no record goes along as it is. */
static void write_records(struct record_writer *writer, const uint8_t *data, size_t size)
{
    while (size >= RECORD_HEAD_SIZE) {
        size_t len = data[1] | (size_t)data[2] << 8; /* more than the fuzzer ever gives */
        size_t rest = size - RECORD_HEAD_SIZE;
        len = len < rest ? len : rest;
        if (record_write(writer, (enum record_type)data[0], data + RECORD_HEAD_SIZE, len) != 0) {
            abort();
        }
        data += RECORD_HEAD_SIZE + len;
        size = rest - len;
    }
}

static void write_file(int fd, const uint8_t *data, size_t size)
{
    if ((data[0] & 1) == 0) {
        if (fd_write_all(fd, data + 1, size - 1) != 0) {
            abort();
        }
        return;
    }
    struct record_writer writer;
    if (record_writer_init(&writer, fd) != 0) {
        abort();
    }
    write_records(&writer, data + 1, size - 1);
    if (record_write_end(&writer) != 0) {
        abort();
    }
    record_writer_fini(&writer);
}

/* Nothing from a file may be trusted more than it was given. */
static void check_trust(void)
{
    int64_t above = 0;
    if (evidence_number(store, "SELECT count(*) FROM origin WHERE trust > 1", &above, NULL) != 0
        || above != 0) {
        abort();
    }
}

// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evidence_transferred done;
    struct err err = {0};
    if (size == 0) {
        return 0;
    }
    if (store == NULL || inputs++ % INPUTS_PER_STORE == INPUTS_PER_STORE - 1) {
        close_store();
        open_store();
    }
    int fd = memfd_create("evidence", MFD_CLOEXEC);
    if (fd < 0) {
        abort();
    }
    write_file(fd, data, size);
    memset(&done, 0, sizeof done);
    int result = evidence_import_fd(store, fd, "file", EVIDENCE_MEMBER, &done, &err);
    if (result > 0 || (result < 0 && err.text[0] == '\0')) {
        abort(); /* an error that explains nothing */
    }
    if (result < 0 && done.rows != 0) {
        abort();
    }
    check_trust();
    (void)close(fd);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/reports/support/collect.h"

#include "base/mem.h"
#include "reports/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/test.h"

static const char *copy(const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    char *mine = strdup(text);
    assert_non_null(mine);
    return mine;
}

static int keep_case(void *context, const struct test_case *c)
{
    struct collected *into = context;
    if (into->count == into->cap) {
        into->cap = into->cap == 0 ? 64 : into->cap * 2;
        into->cases = realloc(into->cases, into->cap * sizeof *into->cases);
        assert_non_null(into->cases);
    }
    struct test_case *mine = &into->cases[into->count++];
    *mine = *c;
    mine->suite = copy(c->suite);
    mine->classname = copy(c->classname);
    mine->name = copy(c->name);
    mine->file = copy(c->file);
    mine->message = copy(c->message);
    mine->type = copy(c->type);
    mine->details = copy(c->details);
    mine->output = copy(c->output);
    assert_non_null(mine->name);
    assert_int_not_equal(mine->status, OUTCOME_TIMED_OUT);
    into->by_status[mine->status]++;
    return 0;
}

struct collected collect(enum report_format format, const char *bytes, size_t len)
{
    struct collected result = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    result.rc = report_read(format, fd, keep_case, &result, &result.err);
    (void)close(fd);
    return result;
}

struct collected collect_text(enum report_format format, const char *text)
{
    return collect(format, text, strlen(text));
}

struct collected collect_file(enum report_format format, const char *path)
{
    size_t len = 0;
    char *text = read_text_file(path, &len);
    struct collected result = collect(format, text, len);
    free(text);
    return result;
}

void collected_fini(struct collected *collected)
{
    for (size_t i = 0; i < collected->count; i++) {
        struct test_case *c = &collected->cases[i];
        const char *const texts[] = {
            c->suite, c->classname, c->name, c->file, c->message, c->type, c->details, c->output};
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            free((void *)(uintptr_t)texts[j]);
        }
    }
    free(collected->cases);
    *collected = (struct collected){0};
}

const char *corpus_path(const char *below)
{
    static char path[4096];
    const char *shared = getenv("SLUICE_SHARED");
    if (shared != NULL) {
        (void)snprintf(path, sizeof path, "%s/corpora/%s", shared, below);
    } else {
        (void)snprintf(
            path, sizeof path, "%s/../../../../shared/corpora/%s", SLUICE_TEST_DATA, below);
    }
    return access(path, R_OK) == 0 ? path : NULL;
}

char *read_text_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fail_msg("%s: %s", path, strerror(errno));
    }
    size_t cap = 64 << 20;
    char *text = malloc(cap);
    assert_non_null(text);
    *ret_len = fread(text, 1, cap - 1, file);
    text[*ret_len] = '\0';
    (void)fclose(file);
    return text;
}

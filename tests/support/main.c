/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* Tests of one binary; the largest module has a few hundred. */
#define TESTS_MAX 4096

struct registered {
    const char *file;
    const char *name;
    void (*body)(void);
};

static struct registered registered[TESTS_MAX];
static size_t registered_count;
static char folder[256];

void test_register(const char *file, const char *name, void (*body)(void))
{
    if (registered_count < TESTS_MAX) {
        registered[registered_count++] = (struct registered){file, name, body};
    }
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

const char *test_folder(void)
{
    if (folder[0] == '\0') {
        const char *tmp = getenv("TMPDIR");
        (void)snprintf(folder, sizeof folder, "%s/sluice-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
        if (mkdtemp(folder) == NULL) {
            fail_msg("mkdtemp %s: %s", folder, strerror(errno));
        }
    }
    return folder;
}

static void run_one(void **state)
{
    const struct registered *test = *state;
    test->body();
}

static int clean_up(void **state)
{
    (void)state;
    if (folder[0] != '\0') {
        (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        folder[0] = '\0';
    }
    return 0;
}

/* A part of its name, or the whole name of its file; with '-' in front, all but that. */
static bool is_asked(const struct registered *test, const char *asked)
{
    const char *slash = strrchr(test->file, '/');
    const char *file = slash != NULL ? slash + 1 : test->file;
    bool inverted = asked[0] == '-';
    asked += inverted;
    return (strstr(test->name, asked) != NULL || strcmp(file, asked) == 0) != inverted;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[TESTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < registered_count; i++) {
        if (argc > 1 && !is_asked(&registered[i], argv[1])) {
            continue;
        }
        tests[count++] = (struct CMUnitTest){.name = registered[i].name,
                                             .test_func = run_one,
                                             .teardown_func = clean_up,
                                             .initial_state = &registered[i]};
    }
    if (count == 0) {
        (void)fprintf(stderr, "no test matches\n");
        return 4;
    }
    const char *slash = strrchr(argv[0], '/');
    return _cmocka_run_group_tests(slash != NULL ? slash + 1 : argv[0], tests, count, NULL, NULL)
           != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/mutants.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "support/test.h"

#define HEAD \
    "{\"mutation\":1,\"layer\":\"m\",\"file\":\"a.c\",\"points_lost\":3,\"tests\":[\"x\",\"y\"]}\n"
#define MUTANT                                                                                     \
    "{\"id\":\"1\",\"line\":2,\"column\":3,\"operator\":\"o\",\"original\":\"<\",\"replacement\":" \
    "\"<=\",\"status\":\"Killed\",\"killed_by\":1,\"covered_by\":[1,0,7]}\n"
#define END "{\"complete\":true}\n"

struct seen {
    struct str text;
    size_t entries;
    int answer;
};

static int see_part(void *context, const struct mutants_part *part)
{
    struct seen *seen = context;
    (void)str_appendf(&seen->text, "%s %lld;", part->file, (long long)part->points_lost);
    return 0;
}

static int see_entry(void *context,
                     const struct mutants_part *part,
                     const struct mutants_entry *entry)
{
    struct seen *seen = context;
    if (seen->entries++ < 10) {
        const char *second = mutants_covering(part, entry, 1);
        (void)str_appendf(&seen->text,
                          "%s:%lld %s by %s, %s reach;",
                          entry->id,
                          (long long)entry->line,
                          entry->status,
                          entry->killed_by != NULL ? entry->killed_by : "-",
                          second != NULL ? second : "-");
    }
    return seen->answer;
}

static const char *file_of(const char *text, size_t len)
{
    static char path[300];
    (void)snprintf(path, sizeof path, "%s/results.ndjson", test_folder());
    assert_int_equal(file_write_atomic(path, text, len, NULL), 0);
    return path;
}

static int read_text(const char *text, struct seen *seen, struct err *err)
{
    const struct mutants_reader reader = {.part = see_part, .entry = see_entry, .context = seen};
    str_init(&seen->text, 1u << 16);
    return mutants_read(file_of(text, strlen(text)), &reader, err);
}

TEST(parts_and_their_mutants_are_read)
{
    struct seen seen = {0};
    struct err err = {0};
    assert_int_equal(read_text(HEAD MUTANT END HEAD END, &seen, &err), 0);
    assert_string_equal(str_text(&seen.text), "a.c 3;1:2 Killed by y, x reach;a.c 3;");
    str_fini(&seen.text);
}

TEST(who_listens_may_stop)
{
    struct seen seen = {.answer = -ECANCELED};
    struct err err = {0};
    assert_int_equal(read_text(HEAD MUTANT MUTANT END, &seen, &err), -ECANCELED);
    assert_int_equal(seen.entries, 1);
    assert_int_equal(err.code, 0);
    str_fini(&seen.text);
}

static void assert_refused(const char *text, const char *message)
{
    struct seen seen = {0};
    struct err err = {0};
    assert_int_equal(read_text(text, &seen, &err), -EBADMSG);
    if (strstr(err.text, message) == NULL) {
        fail_msg("\"%s\" is not in: %s", message, err.text);
    }
    str_fini(&seen.text);
}

TEST(what_is_no_whole_result_is_refused_with_its_line)
{
    assert_refused(HEAD MUTANT, "line 2: it was cut short here");
    assert_refused(HEAD "{\"complete\":true}", "line 1: it was cut short here");
    assert_refused(MUTANT END, "line 1: no head stands before it");
    assert_refused(HEAD HEAD, "line 2: the part before it has no end");
    assert_refused("{\"mutation\":2}\n",
                   "line 1: results of a form that this sluice does not know");
    assert_refused("{\"mutation\":1}\n", "line 1: a head without");
    assert_refused(HEAD "{\"id\":\"1\",\"status\":\"Dead\"}\n", "line 2: a mutant without");
    assert_refused(HEAD "{\"x\":1}\n", "line 2: neither a head");
    assert_refused(HEAD "[\n", "line 2:");
}

TEST(results_are_known_by_their_beginning)
{
    assert_true(mutants_looks_like(file_of(HEAD, strlen(HEAD))));
    assert_false(mutants_looks_like(file_of("{\"mut", 5)));
    assert_false(mutants_looks_like(test_folder()));
    struct err err = {0};
    char missing[300];
    (void)snprintf(missing, sizeof missing, "%s/missing", test_folder());
    const struct mutants_reader reader = {0};
    assert_int_equal(mutants_read(missing, &reader, &err), -ENOENT);
}

TEST(a_hundred_thousand_mutants_are_read_in_the_memory_of_one)
{
    CLEANUP(str_fini) struct str text = STR_INIT(64u << 20);
    struct rusage before;
    struct rusage after;
    struct err err = {0};
    struct seen seen = {.text = STR_INIT(1u << 16)};
    const struct mutants_reader reader = {.entry = see_entry, .context = &seen};
    (void)str_append(&text, HEAD);
    for (int i = 0; i < 100000; i++) {
        (void)str_append(&text, MUTANT);
    }
    (void)str_append(&text, END);
    const char *path = file_of(str_text(&text), text.len);
    (void)getrusage(RUSAGE_SELF, &before);
    assert_int_equal(mutants_read(path, &reader, &err), 0);
    (void)getrusage(RUSAGE_SELF, &after);
    assert_int_equal(seen.entries, 100000);
    assert_true(after.ru_maxrss - before.ru_maxrss < 4096); /* KiB */
    str_fini(&seen.text);
}

TEST(short_memory_is_an_error)
{
    const char *path = file_of(HEAD MUTANT END, strlen(HEAD MUTANT END));
    const struct mutants_reader reader = {0};
    for (unsigned n = 1; n < 200; n++) {
        struct err err = {0};
        mem_fail_from(n);
        const int rc = mutants_read(path, &reader, &err);
        mem_fail_from(0);
        if (rc == 0) {
            return;
        }
        assert_true(rc == -ENOMEM || rc == -EBADMSG);
    }
    fail_msg("it never worked");
}

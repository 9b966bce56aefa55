/* SPDX-License-Identifier: Apache-2.0 */
/* What a Rust test program prints (its JSON is not stable, this text has been for a decade):
 *
 *     running 3 tests
 *     test tests::adds ... ok
 *     test tests::divides ... FAILED
 *     test tests::later ... ignored, not yet
 *
 *     failures:
 *
 *     ---- tests::divides stdout ----
 *     thread 'tests::divides' panicked at src/lib.rs:10:9:
 *     no
 *
 *     failures:
 *         tests::divides
 *
 *     test result: FAILED. 1 passed; 1 failed; 1 ignored; ...
 *
 * Doc tests print the same several times. A program that ends in the middle prints no result: that
 * is a case in error, whatever its exit code, and so is one whose result counts other tests than it
 * names: what tests print may stand between its words. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/unit/report.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
    VEC_FIELDS(struct report_case);
    bool running; /* told by "running N tests" and not yet ended by a result */
    bool cut;     /* ended in the middle */
    size_t told;  /* tests that passed, failed or were ignored, by the results */
};

static void output_fini(struct output *output)
{
    vec_fini(output);
}

/* "test NAME ... WORD": a case; fewer words are output of a test. */
static bool read_test(char *line, struct report_case *ret_case)
{
    static const struct {
        const char *word;
        const char *status;
    } words[] = {
        {"ok",      "passed" },
        {"FAILED",  "failed" },
        {"ignored", "skipped"},
    };

    char *dots = strstr(line, " ... ");
    if (strncmp(line, "test ", 5) != 0 || dots == NULL) {
        return false;
    }
    char *name = line + 5;
    char *result = dots + 5;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i].word);
        if (strncmp(result, words[i].word, len) != 0
            || (result[len] != '\0' && strchr(" ,:(", result[len]) == NULL)) {
            continue;
        }
        *dots = '\0';
        char *remark = strstr(name, " - should panic"); /* not of its name */
        if (remark != NULL) {
            *remark = '\0';
        }
        const char *reason = result + len + strspn(result + len, ", ");
        *ret_case = (struct report_case){.name = name,
                                         .status = words[i].status,
                                         .message = i == 2 && *reason != '\0' ? reason : NULL};
        return true;
    }
    return false;
}

/* "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out". */
static size_t count_told(const char *line)
{
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned ignored = 0;
    const char *numbers = strstr(line, ". ");
    // NOLINTNEXTLINE(cert-err34-c): what is no number is 0, and then the counts differ
    (void)sscanf(numbers != NULL ? numbers : "",
                 ". %9u passed; %9u failed; %9u ignored;",
                 &passed,
                 &failed,
                 &ignored);
    return (size_t)passed + failed + ignored;
}

static int read_line(struct output *output, char *line)
{
    struct report_case c;
    if (strncmp(line, "running ", 8) == 0 && strstr(line, " test") != NULL) {
        output->cut = output->cut || output->running;
        output->running = true;
    } else if (strncmp(line, "test result: ", 13) == 0) {
        output->running = false;
        output->told += count_told(line);
    } else if (read_test(line, &c)) {
        return vec_push(output, c);
    }
    return 0;
}

/* What a failed test printed: below its heading, up to the next one or to the list of names. A copy
 * (mem_free() it); NULL when there is none or no memory. */
static char *copy_section(const char *whole, const char *name)
{
    CLEANUP(str_fini) struct str heading = STR_INIT(REPORT_TEXT_MAX);
    (void)str_appendf(&heading, "\n---- %s stdout ----\n", name);
    const char *start = strstr(whole, str_text(&heading));
    if (start == NULL || str_error(&heading) != 0) {
        return NULL;
    }
    char *copy = mem_strdup(start + heading.len);
    if (copy != NULL) {
        char *next = strstr(copy, "\n---- ");
        char *list = strstr(copy, "\nfailures:\n");
        char *end = next != NULL && (list == NULL || next < list) ? next : list;
        copy[end != NULL ? (size_t)(end - copy) : strlen(copy)] = '\0';
    }
    return copy;
}

/* "thread 'x' panicked at src/lib.rs:10:9:\nwhy" (since Rust 1.73), or "thread 'x' panicked at
 * 'why', src/lib.rs:10:9": where message and place begin. */
static void read_panic(const char *text, const char **ret_message, const char **ret_place)
{
    static const char words[] = " panicked at ";
    const char *at = strstr(text, words);
    if (at == NULL) {
        *ret_message = text;
        return;
    }
    const char *place = at + sizeof words - 1;
    const char *quoted = NULL;
    for (const char *comma = place + 1; place[0] == '\'' && (comma = strstr(comma, "', ")) != NULL;
         comma++) {
        quoted = comma;
    }
    const char *next = place + strcspn(place, "\n");
    *ret_message = quoted != NULL ? place + 1 : *next != '\0' ? next + 1 : place;
    *ret_place = quoted != NULL ? quoted + 3 : place;
}

static void add_failed(struct str *report, const struct report_case *c, char *text)
{
    struct report_case whole = *c;
    const char *message = text;
    const char *place = NULL;
    read_panic(text, &message, &place);
    char *first = mem_strdup(message);
    char *file = place != NULL ? mem_strdup(place) : NULL;
    if (first != NULL) {
        size_t len = place > message ? (size_t)(place - message) - 3 : strcspn(first, "\n");
        first[len] = '\0';
    }
    if (file != NULL) {
        size_t len = strcspn(file, ":\n");
        whole.line = file[len] == ':' ? strtol(file + len + 1, NULL, 10) : 0;
        file[len] = '\0';
        whole.file = whole.line > 0 && file[0] != '/' && len > 0 ? file : NULL;
    }
    whole.message = first;
    whole.details = text;
    report_add_case(report, &whole);
    mem_free(first);
    mem_free(file);
}

static void add_case(const char *whole, const struct report_case *c, struct str *report)
{
    char *text = strcmp(c->status, "failed") == 0 ? copy_section(whole, c->name) : NULL;
    if (text != NULL) {
        add_failed(report, c, text);
    } else {
        report_add_case(report, c);
    }
    mem_free(text);
}

int report_from_libtest(struct report_job *job, struct err *err)
{
    CLEANUP(output_fini) struct output output = {.count = 0};
    char *whole = mem_strdup(job->text); /* reading changes the text */
    int status = whole != NULL ? 0 : -ENOMEM;
    char *rest = job->text;
    char *line = NULL;
    while (status == 0 && (line = tool_line(&rest)) != NULL) {
        status = read_line(&output, line);
    }
    for (size_t i = 0; status == 0 && i < output.count; i++) {
        add_case(whole, &output.items[i], job->report);
    }
    if ((output.cut || output.running) && job->signal == 0) { /* a signal is told by sluice */
        const struct report_case c = {
            .name = "(the program ended before its tests had)",
            .status = "errored",
            .message = "it printed no \"test result:\"; did a test end the process?",
        };
        report_add_case(job->report, &c);
    }
    if (!output.cut && !output.running && output.told != output.count) {
        const struct report_case c = {
            .name = "(the program counts other tests than it names)",
            .status = "errored",
            .message = "a test wrote between the lines of the program; does `args` have "
                       "--nocapture, or does a program that a test starts print?",
        };
        report_add_case(job->report, &c);
    }
    mem_free(whole);
    return status == 0 ? 0 : err_set(err, status, "out of memory for the tests of a program");
}

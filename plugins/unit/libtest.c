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
 * is a case in error, whatever its exit code. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/unit/report.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a failed test printed, between two headings. */
struct section {
    const char *name;
    char *text;
};

struct output {
    struct {
        VEC_FIELDS(struct report_case);
    } cases;

    struct {
        VEC_FIELDS(struct section);
    } sections;

    long running; /* told by "running N tests" and not yet ended by a result */
    bool cut;     /* ended in the middle */
};

static void output_fini(struct output *output)
{
    vec_fini(&output->cases);
    vec_fini(&output->sections);
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
        const char *reason = result[len] == ',' ? result + len + 2 : NULL;
        *ret_case = (struct report_case){
            .name = name, .status = words[i].status, .message = i == 2 ? reason : NULL};
        return true;
    }
    return false;
}

/* "---- NAME stdout ----": what it printed follows. */
static bool read_heading(char *line, const char **ret_name)
{
    static const char end[] = " stdout ----";
    size_t len = strlen(line);
    if (strncmp(line, "---- ", 5) != 0 || len < 5 + sizeof end
        || strcmp(line + len - (sizeof end - 1), end) != 0) {
        return false;
    }
    line[len - (sizeof end - 1)] = '\0';
    *ret_name = line + 5;
    return true;
}

/* One line; `next` is where the text goes on. */
static int read_line(struct output *output, char *line, char *next)
{
    struct report_case c;
    struct section section = {.text = next};
    if (strncmp(line, "running ", 8) == 0 && strstr(line, " test") != NULL) {
        output->cut = output->cut || output->running > 0;
        output->running = 1;
    } else if (strncmp(line, "test result: ", 13) == 0) {
        output->running = 0;
    } else if (read_test(line, &c)) {
        return vec_push(&output->cases, c);
    } else if (read_heading(line, &section.name)) {
        return vec_push(&output->sections, section);
    }
    return 0;
}

/* Ends each section before the next heading or list; the lines before were ended by NULs, which are
 * made newlines again. */
static void end_sections(struct output *output, char *text_end)
{
    for (size_t i = 0; i < output->sections.count; i++) {
        char *start = output->sections.items[i].text;
        char *limit = i + 1 < output->sections.count
                          ? (char *)(uintptr_t)output->sections.items[i + 1].name - 5
                          : text_end;
        for (char *at = start; at < limit; at++) {
            if (*at == '\0') {
                *at = '\n';
            }
        }
        *limit = '\0';
        char *list = strstr(start, "\nfailures:\n");
        if (list != NULL) {
            *list = '\0';
        }
    }
}

/* "thread 'x' panicked at src/lib.rs:10:9:\nwhy" (since Rust 1.73), or "thread 'x' panicked at
 * 'why', src/lib.rs:10:9": where message and place begin in the text of a section. */
static void read_panic(char *text, struct report_case *c)
{
    static const char words[] = " panicked at ";
    c->details = text;
    char *at = strstr(text, words);
    if (at == NULL) {
        c->message = "failed";
        return;
    }
    char *place = at + strlen(words);
    char *line_end = place + strcspn(place, "\n");
    char *quoted = NULL;
    if (place[0] == '\'') {
        for (char *comma = place; (comma = strstr(comma, "', ")) != NULL; comma++) {
            quoted = comma;
        }
    }
    c->message = quoted != NULL ? place + 1 : *line_end != '\0' ? line_end + 1 : place;
    c->file = quoted != NULL ? quoted + 3 : place;
}

/* Copies of what stands in a panic's text, because details keep the whole of it. */
static void add_failed(struct str *report, struct report_case *c)
{
    char *file = c->file != NULL ? mem_strdup(c->file) : NULL;
    char *message = c->message != NULL ? mem_strdup(c->message) : NULL;
    struct report_case whole = *c;
    whole.file = NULL;
    whole.message = message;
    if (message != NULL) {
        char *end = c->file != NULL && c->file > c->message ? message + (c->file - c->message) - 3
                                                            : message + strcspn(message, "\n");
        *end = '\0';
    }
    if (file != NULL) {
        size_t len = strcspn(file, ":\n");
        whole.line = file[len] == ':' ? strtol(file + len + 1, NULL, 10) : 0;
        file[len] = '\0';
        whole.file = whole.line > 0 && file[0] != '/' && file[0] != '\0' ? file : NULL;
    }
    report_add_case(report, &whole);
    mem_free(file);
    mem_free(message);
}

static void add_case(struct output *output, struct report_case *c, struct str *report)
{
    for (size_t i = 0; i < output->sections.count; i++) {
        if (strcmp(c->status, "failed") == 0
            && strcmp(output->sections.items[i].name, c->name) == 0) {
            read_panic(output->sections.items[i].text, c);
            add_failed(report, c);
            return;
        }
    }
    report_add_case(report, c);
}

int report_from_libtest(struct report_job *job, struct err *err)
{
    struct output output CLEANUP(output_fini) = {.running = 0};
    char *text_end = job->text + strlen(job->text);
    char *rest = job->text;
    char *line = NULL;
    int status = 0;
    while (status == 0 && (line = tool_line(&rest)) != NULL) {
        status = read_line(&output, line, rest);
    }
    if (status != 0) {
        return err_set(err, status, "out of memory for the tests of a program");
    }
    end_sections(&output, text_end);
    for (size_t i = 0; i < output.cases.count; i++) {
        add_case(&output, &output.cases.items[i], job->report);
    }
    if (output.cut || output.running > 0) {
        const struct report_case c = {
            .name = "(the program ended before its tests had)",
            .status = "errored",
            .message = "it printed no \"test result:\"; did a test end the process?",
        };
        report_add_case(job->report, &c);
    }
    return 0;
}

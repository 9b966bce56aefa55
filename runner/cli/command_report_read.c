/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice report read FILE...`: other tools' reports, as cases. Each file is read in the same
 * limited child that reads the reports of units, so it may come from anywhere. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/report_verbs.h"
#include "cli/say.h"
#include "exec/report_child.h"
#include "model/event.h"
#include "model/event_json.h"
#include "reports/read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Lines that are written at once. */
#define FLUSH_SIZE ((size_t)64 << 10)

/* Lines of a file that may still be under way: they are held back, as the file may be read once
 * more. Beyond: they are shown, and it is not. */
#define HELD_MAX ((size_t)8 << 20)

/* Most that is appended at once: the line of one case, texts of 2 MiB escaped sixfold. */
#define LINE_MAX_BYTES ((size_t)16 << 20)

/* A report that is damaged or empty and was written this recently may still be under way (bats
 * ends before its formatter does): it is read once more, this much later. */
#define LATE_WITHIN_S 2
#define LATE_WAIT_MS  500

struct counts {
    size_t passed, failed, errored, skipped, flaky;
};

struct reading {
    const struct invocation *invocation;
    enum report_format format;
    struct counts counts;
    size_t unreadable; /* files */
    struct str out;
    size_t hold; /* bytes of lines held back */
    bool shown;  /* lines of this file were written */
    int code;    /* other than EXIT_OPEN: the answer cannot be written */
};

/* ---- the file ---- */

/* The descriptor, which its variable no longer closes. */
static int give_fd(int *fd)
{
    int given = *fd;
    *fd = -1;
    return given;
}

/* What cannot be read twice (standard input, a pipe) is copied first. */
static int copy_stream(int from, const char *name, int *ret_fd, struct err *err)
{
    static char buf[64 << 10];
    CLEANUP(cleanup_fd) int fd = memfd_create("report", MFD_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "%s: no memory for a copy", name);
    }
    for (size_t total = 0; total <= REPORT_BYTES_MAX;) {
        ssize_t n = read(from, buf, sizeof buf);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return err_errno(err, "%s", name);
        }
        if (n > 0 && write(fd, buf, (size_t)n) != n) {
            return err_errno(err, "%s: no memory for a copy", name);
        }
        total += n > 0 ? (size_t)n : 0;
    }
    *ret_fd = give_fd(&fd);
    return 0;
}

static int open_report(const char *name, int *ret_fd, struct err *err)
{
    struct stat st;
    bool is_stdin = strcmp(name, "-") == 0;
    CLEANUP(cleanup_fd) int fd = is_stdin ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_errno(err, "%s", name);
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(err, -EISDIR, "%s is a folder; name the files in it", name);
    }
    if (!S_ISREG(st.st_mode) || is_stdin) {
        return copy_stream(fd, name, ret_fd, err);
    }
    *ret_fd = give_fd(&fd);
    return 0;
}

static bool may_be_late(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && time(NULL) - st.st_mtime <= LATE_WITHIN_S;
}

/* ---- the cases ---- */

static void count_cases(void *context, enum outcome_status status, bool flaky, size_t count)
{
    struct counts *counts = &((struct reading *)context)->counts;
    size_t *const by_status[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = &counts->passed,
        [OUTCOME_FAILED] = &counts->failed,
        [OUTCOME_ERRORED] = &counts->errored,
        [OUTCOME_TIMED_OUT] = &counts->errored,
        [OUTCOME_SKIPPED] = &counts->skipped,
    };
    *by_status[status] += count;
    counts->flaky += flaky ? count : 0;
}

static void tell_json(struct str *out, const struct test_case *c)
{
    struct json_writer w;
    jw_begin(&w, out);
    case_write(&w, c);
    (void)str_append_char(out, '\n');
}

static void tell_text(struct str *out, const char *text)
{
    (void)text_show(out, text, strlen(text));
}

/* "failed   suite classname name (0.120 s)", and below it place and message. */
static void tell_words(struct str *out, const struct test_case *c)
{
    const char *group = c->classname != NULL ? c->classname : c->suite;
    (void)str_appendf(out, "%-8s ", c->flaky ? "flaky" : outcome_status_name(c->status));
    if (group != NULL) {
        tell_text(out, group);
        (void)str_append_char(out, ' ');
    }
    tell_text(out, c->name);
    if (c->time_s >= 0) {
        (void)str_appendf(out, " (%.3f s)", c->time_s);
    }
    (void)str_append_char(out, '\n');
    if (c->message == NULL && (c->file == NULL || c->status == OUTCOME_PASSED)) {
        return;
    }
    (void)str_append(out, "         ");
    if (c->file != NULL) {
        tell_text(out, c->file);
        (void)(c->line > 0 ? str_appendf(out, ":%u: ", c->line) : str_append(out, ": "));
    }
    tell_text(out, c->message != NULL ? c->message : "");
    (void)str_append_char(out, '\n');
}

static bool is_bad(const struct test_case *c)
{
    return c->status == OUTCOME_FAILED || c->status == OUTCOME_ERRORED;
}

static int tell_case(void *context, const struct test_case *c, struct err *err)
{
    struct reading *reading = context;
    count_cases(reading, c->status, c->flaky, 1);
    if (reading->invocation->json) {
        tell_json(&reading->out, c);
    } else {
        tell_words(&reading->out, c);
    }
    if (str_error(&reading->out) == 0 && reading->out.len > reading->hold) {
        reading->shown = true;
        reading->code = say_answer(&reading->out);
    }
    return reading->code == EXIT_OPEN ? 0 : err_set(err, -EPIPE, "the answer cannot be written");
}

/* Long texts stay in the child unless they are asked for, and cases that nobody sees are counted
 * there. */
static int read_once(struct reading *reading, int fd, struct err *err)
{
    const struct invocation *invocation = reading->invocation;
    const struct slot_reports reports = {
        .prepare = report_prepare,
        .read = invocation->verbose ? report_read : report_read_brief,
        .wanted = invocation->quiet && !invocation->json ? is_bad : NULL,
        .cases_max = CASES_PER_FILE_MAX,
    };
    const struct report_sink sink = {tell_case, count_cases, reading};
    *err = (struct err){0};
    return report_child_pass(&reports, reading->format, fd, &sink, err);
}

/* Reads it, and once more if it was damaged and may have been under way. */
static int read_settled(struct reading *reading, int fd, struct err *err)
{
    const struct counts before = reading->counts;
    bool late = may_be_late(fd);
    reading->shown = false;
    reading->hold = late ? HELD_MAX : FLUSH_SIZE;
    int rc = read_once(reading, fd, err);
    if ((rc == -EBADMSG || rc == -ENODATA) && (late || may_be_late(fd)) && !reading->shown) {
        (void)poll(NULL, 0, LATE_WAIT_MS);
        str_clear(&reading->out);
        reading->counts = before;
        rc = read_once(reading, fd, err);
    }
    return rc;
}

/* Reads one file. Returns EXIT_OPEN, or the exit code that ends the command. */
static int read_file(struct reading *reading, const char *name)
{
    struct err err = {0};
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = open_report(name, &fd, &err);
    rc = rc == 0 ? read_settled(reading, fd, &err) : rc;
    if (reading->code != EXIT_OPEN) {
        return reading->code;
    }
    if (rc != 0) {
        (void)err_wrap(&err, "%s", name);
        say_error(&err);
        reading->unreadable++;
    } else if (err.text[0] != '\0') {
        say_problem("%s: warning: %s", name, err.text);
    }
    return say_answer(&reading->out);
}

/* ---- the whole ---- */

static void tell_counts(struct reading *reading)
{
    const struct counts *counts = &reading->counts;

    const struct {
        const char *word;
        size_t count;
    } numbers[] = {
        {"passed",  counts->passed },
        {"failed",  counts->failed },
        {"errored", counts->errored},
        {"skipped", counts->skipped},
        {"flaky",   counts->flaky  },
    };
    struct json_writer w;
    jw_begin(&w, &reading->out);
    if (reading->invocation->json) {
        jw_object(&w);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (reading->invocation->json) {
            jw_put_int(&w, numbers[i].word, (int64_t)numbers[i].count);
        } else {
            (void)str_appendf(
                &reading->out, "%s%zu %s", i > 0 ? ", " : "", numbers[i].count, numbers[i].word);
        }
    }
    if (reading->invocation->json) {
        jw_end_object(&w);
    }
    (void)str_append_char(&reading->out, '\n');
}

static int choose_format(const struct invocation *invocation, enum report_format *ret_format)
{
    const char *word = invocation->format != NULL ? invocation->format : "auto";
    int format = report_format_parse(word);
    if (format <= (int)REPORT_NONE) {
        const char *names[REPORT_FORMAT_COUNT];
        for (size_t i = 0; i < REPORT_FORMAT_COUNT; i++) {
            names[i] = report_format_name((enum report_format)i);
        }
        const char *near = text_nearest(word, names, REPORT_FORMAT_COUNT);
        say_problem("--format %s: no such format%s%s%s; `sluice help report` lists them",
                    word,
                    near != NULL ? "; did you mean \"" : "",
                    near != NULL ? near : "",
                    near != NULL ? "\"?" : "");
        return EXIT_USAGE;
    }
    *ret_format = (enum report_format)format;
    return EXIT_OPEN;
}

int command_report_read(const struct invocation *invocation)
{
    struct reading reading = {.invocation = invocation, .out = STR_INIT(HELD_MAX + LINE_MAX_BYTES)};
    int code = choose_format(invocation, &reading.format);
    if (code == EXIT_OPEN
        && (invocation->list || invocation->junit != NULL || invocation->events != NULL)) {
        say_problem("--list, --junit and --events belong to runs, not to `sluice report read`");
        code = EXIT_USAGE;
    }
    if (code == EXIT_OPEN && invocation->args.count < 2) {
        say_problem("`sluice report read` needs a file: sluice report read FILE...");
        code = EXIT_USAGE;
    }
    for (size_t i = 1; code == EXIT_OPEN && i < invocation->args.count; i++) {
        code = read_file(&reading, invocation->args.items[i]);
    }
    if (code == EXIT_OPEN) {
        tell_counts(&reading);
        code = say_answer(&reading.out);
    }
    str_fini(&reading.out);
    if (code != EXIT_OPEN) {
        return code;
    }
    if (reading.unreadable > 0) {
        return EXIT_INFRASTRUCTURE;
    }
    return reading.counts.failed + reading.counts.errored > 0 ? EXIT_SHUT : EXIT_OPEN;
}

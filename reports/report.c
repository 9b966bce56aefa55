/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/report.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "reports/report_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct report_writer *const writers[] = {
    &report_junit,
    &report_junit_jenkins,
    &report_junit_ant,
    &report_ctrf,
    &report_sarif,
    &report_codequality,
    &report_trace,
    &report_github,
};

#define KIND_COUNT (sizeof writers / sizeof writers[0])

const struct report_kind *report_kinds(size_t *ret_count)
{
    static struct report_kind kinds[KIND_COUNT]; /* the same at each call */
    for (size_t i = 0; i < KIND_COUNT; i++) {
        kinds[i] = writers[i]->kind;
    }
    *ret_count = KIND_COUNT;
    return kinds;
}

static const struct report_writer *writer_of(const char *name, size_t len)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const char *kind = writers[i]->kind.name;
        if (strlen(kind) == len && strncmp(kind, name, len) == 0) {
            return writers[i];
        }
    }
    return NULL;
}

static int fail_kind(const char *name, struct err *err)
{
    CLEANUP(str_fini) struct str list = STR_INIT(4096);
    const char *names[KIND_COUNT];
    for (size_t i = 0; i < KIND_COUNT; i++) {
        names[i] = writers[i]->kind.name;
        (void)str_appendf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = text_nearest(name, names, KIND_COUNT);
    return err_set(err,
                   -EINVAL,
                   "no kind of report is called \"%s\"%s%s%s; there are: %s",
                   name,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "",
                   str_text(&list));
}

int report_parse(const char *text,
                 const struct report_kind **ret_kind,
                 const char **ret_path,
                 struct err *err)
{
    const char *equals = strchr(text, '=');
    const size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    const struct report_writer *writer = writer_of(text, len);
    if (writer == NULL) {
        CLEANUP(cleanup_free) char *name = mem_strndup(text, len);
        return fail_kind(name != NULL ? name : "", err);
    }
    if (equals == NULL || equals[1] == '\0') {
        return err_set(err, -EINVAL, "which file? KIND=PATH, e.g. %.*s=report.out", (int)len, text);
    }
    if (!writer->kind.folders && text_ends_with(equals, "/")) {
        return err_set(err,
                       -EINVAL,
                       "%s is a folder; a report of kind %s is one file",
                       equals + 1,
                       writer->kind.name);
    }
    *ret_kind = &writer->kind;
    *ret_path = equals + 1;
    return 0;
}

void report_forget(const struct report_kind *kind, const char *path)
{
    const struct report_writer *writer = writer_of(kind->name, strlen(kind->name));
    assert(writer != NULL);
    if (writer->forget != NULL) {
        writer->forget(path);
        return;
    }
    for (size_t i = 0; writer->endings[i] != NULL; i++) {
        if (text_ends_with(path, writer->endings[i])) {
            report_remove_file(path);
        }
    }
}

int report_new(const struct report_options *options,
               struct report_output **ret_report,
               struct err *err)
{
    assert(options->path != NULL && options->path[0] != '\0');
    const char *name = options->kind->name;
    const struct report_writer *writer = writer_of(name, strlen(name));
    assert(writer != NULL && writer->size >= sizeof(struct report_output));
    struct report_output *report = mem_calloc(1, writer->size);
    if (report == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    report->writer = writer;
    report->run_dir = options->run_dir;
    report->fd = options->fd;
    report->append = options->append;
    report->path = mem_strdup(options->path);
    int rc = report->path != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
    rc = rc == 0 ? writer->init(report, err) : rc;
    if (rc != 0) {
        mem_free(report->path);
        mem_free(report);
        return rc;
    }
    if (!options->append) {
        report_forget(options->kind, options->path);
    }
    *ret_report = report;
    return 0;
}

struct event_sink *report_sink(struct report_output *report)
{
    return &report->sink;
}

int report_finish(struct report_output *report, struct err *err)
{
    int rc = report->error.code;
    if (rc != 0) {
        (void)err_set(err, rc, "%s", report->error.text);
    } else {
        rc = report->writer->finish(report, err);
    }
    return rc == 0 ? 0 : err_wrap(err, "report %s=%s", report->writer->kind.name, report->path);
}

void report_free(struct report_output *report)
{
    if (report != NULL) {
        report->writer->fini(report);
        mem_free(report->path);
        mem_free(report);
    }
}

void report_keep_error(struct report_output *report, int rc)
{
    if (rc != 0 && report->error.code == 0) {
        (void)err_set(&report->error,
                      rc,
                      rc == -ENOMEM ? "out of memory" : "a text is too long: %s",
                      strerrordesc_np(-rc));
    }
}

void report_settle(struct report_output *report, struct spool *spool)
{
    struct err err = {0};
    if (spool_settle(spool, &err) != 0 && report->error.code == 0) {
        report->error = err;
    }
}

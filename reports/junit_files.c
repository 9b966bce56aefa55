/* SPDX-License-Identifier: Apache-2.0 */
/* Where JUnit reports end: one file, or a folder with one for each layer. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "reports/junit_impl.h"
#include "reports/report_impl.h"
#include "reports/xml_write.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define FILE_PREFIX "TEST-sluice-"

/* ---- files ---- */

static void write_head(struct junit *junit, struct str *out, const struct junit_counts *counts)
{
    const struct junit_profile *profile = junit->writer.profile;
    char timestamp[TIMESTAMP_TEXT_MAX];
    (void)str_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    if (profile->root_name) {
        xml_attribute(out, "name", junit->name.len > 0 ? junit->name.data : "sluice");
    }
    if (profile->root_counts) {
        xml_attribute_count(out, "tests", counts->tests);
        xml_attribute_count(out, "failures", counts->failures);
        xml_attribute_count(out, "errors", counts->errors);
        xml_attribute_count(out, "skipped", counts->skipped);
    }
    if (profile->root_name) {
        const double wall_s = (double)junit->fold.wall_ns / 1e9;
        xml_attribute_seconds(out, "time", junit->fold.finished ? wall_s : counts->time_s);
    }
    if (profile->root_counts) {
        xml_attribute(out, "timestamp", timestamp_format(junit->fold.started_ms, timestamp));
    }
    (void)str_append(out, ">\n");
}

/* The suite of the units that are their own cases. */
static int write_flat(struct junit *junit, size_t index, int fd, struct err *err)
{
    struct layer_report *layer = junit->layers.items[index];
    const struct fold_layer *told = &junit->fold.layers.items[index];
    CLEANUP(str_fini) struct str head = STR_INIT(1u << 20);
    junit_begin_suite(junit, &head, told->id, &layer->flat, told->started_ms);
    int rc = report_write_str(fd, &head, err);
    rc = rc == 0 ? spool_copy(&layer->flat_body, fd, err) : rc;
    if (rc == 0 && !junit->writer.profile->case_outputs) {
        rc = report_write_text(fd, "<system-out>", err);
        rc = rc == 0 ? spool_copy(&layer->flat_out, fd, err) : rc;
        rc = rc == 0 ? report_write_text(fd, "</system-out>\n<system-err>", err) : rc;
        rc = rc == 0 ? spool_copy(&layer->flat_err, fd, err) : rc;
        rc = rc == 0 ? report_write_text(fd, "</system-err>\n", err) : rc;
    }
    return rc == 0 ? report_write_text(fd, "</testsuite>\n", err) : rc;
}

static int write_layer(struct junit *junit, size_t index, int fd, struct err *err)
{
    struct layer_report *layer = junit->layers.items[index];
    const int rc = layer->flat.tests > 0 ? write_flat(junit, index, fd, err) : 0;
    return rc == 0 ? spool_copy(&layer->suites_body, fd, err) : rc;
}

/* One document: some layers. */
struct document {
    struct junit *junit;
    size_t first, last;
};

static int write_document(void *context, int fd, struct err *err)
{
    const struct document *document = context;
    struct junit *junit = document->junit;
    CLEANUP(str_fini) struct str head = STR_INIT(1u << 20);
    struct junit_counts counts = {0};
    for (size_t i = document->first; i < document->last; i++) {
        junit_counts_add(&counts, &junit->layers.items[i]->flat);
        junit_counts_add(&counts, &junit->layers.items[i]->suites);
    }
    write_head(junit, &head, &counts);
    int rc = report_write_str(fd, &head, err);
    for (size_t i = document->first; i < document->last && rc == 0; i++) {
        rc = write_layer(junit, i, fd, err);
    }
    return rc == 0 ? report_write_text(fd, "</testsuites>\n", err) : rc;
}

int junit_write_file(
    struct junit *junit, const char *path, size_t first, size_t last, struct err *err)
{
    struct document document = {.junit = junit, .first = first, .last = last};
    const int rc = report_write_file(path, write_document, &document, err);
    return rc == 0 ? 0 : err_wrap(err, "JUnit report %s", path);
}

/* "TEST-sluice-LAYER.xml" with a layer id made fit for a file name. */
static int layer_file(const struct junit *junit, const char *layer, struct str *ret_path)
{
    (void)str_append(ret_path, junit->file);
    (void)str_append(ret_path, FILE_PREFIX);
    for (const char *c = layer; *c != '\0'; c++) {
        bool fit = *c != '/' && (unsigned char)*c > ' ';
        char shown = '_';
        if (fit) {
            shown = *c;
        }
        (void)str_append_char(ret_path, shown);
    }
    return str_append(ret_path, ".xml");
}

int junit_write_folder(struct junit *junit, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < junit->layers.count && rc == 0; i++) {
        CLEANUP(str_fini) struct str path = STR_INIT(SIZE_MAX / 4);
        if (layer_file(junit, junit->fold.layers.items[i].id, &path) != 0) {
            return err_set(err, -ENOMEM, "out of memory");
        }
        rc = junit_write_file(junit, str_text(&path), i, i + 1, err);
    }
    return rc;
}

/* Reports of an earlier run are not left to be taken for this one's. */
static void remove_old_reports(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return;
    }
    struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while ((entry = readdir(dir)) != NULL) {
        if (text_starts_with(entry->d_name, FILE_PREFIX) && text_ends_with(entry->d_name, ".xml")) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)closedir(dir);
}

void junit_forget(const char *file)
{
    if (text_ends_with(file, "/")) {
        remove_old_reports(file);
    } else if (text_ends_with(file, ".xml")) { /* in case of a mistyped path */
        report_remove_file(file);
    }
}

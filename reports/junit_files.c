/* SPDX-License-Identifier: Apache-2.0 */
/* Where JUnit reports end: one file, or a folder with one for each layer. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "reports/junit_impl.h"
#include "reports/xml_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PREFIX "TEST-sluice-"

/* ---- files ---- */

static void write_head(struct junit *junit, struct str *out, const struct junit_counts *counts)
{
    char timestamp[TIMESTAMP_TEXT_MAX];
    struct junit_counts shown = *counts;
    if (junit->finished) {
        shown.time_s = (double)junit->wall_ns / 1e9;
    }
    (void)str_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    xml_attribute(out, "name", junit->name.len > 0 ? junit->name.data : "sluice");
    junit_write_counts(out, &shown);
    xml_attribute(out, "timestamp", timestamp_format(junit->started_ms, timestamp));
    (void)str_append(out, ">\n");
}

static int write_text(int fd, const char *text, struct err *err)
{
    int rc = fd_write_all(fd, text, strlen(text));
    return rc == 0 ? 0 : err_set(err, rc, "cannot write: %s", strerrordesc_np(-rc));
}

static int write_str(int fd, const struct str *text, struct err *err)
{
    return text->error != 0 ? err_set(err, text->error, "out of memory")
                            : write_text(fd, str_text(text), err);
}

static int write_layer(struct junit *junit, struct layer_report *layer, int fd, struct err *err)
{
    CLEANUP(str_fini) struct str head = STR_INIT(1u << 20);
    int rc = 0;
    if (layer->flat.tests > 0) {
        junit_begin_suite(junit, &head, layer->id, &layer->flat, layer->started_ms);
        rc = write_str(fd, &head, err);
        rc = rc == 0 ? spool_copy(&layer->flat_body, fd, err) : rc;
        rc = rc == 0 ? write_text(fd, "</testsuite>\n", err) : rc;
    }
    return rc == 0 ? spool_copy(&layer->suites_body, fd, err) : rc;
}

/* Writes the layers [first, last) as one document. */
static int write_document(struct junit *junit, int fd, size_t first, size_t last, struct err *err)
{
    CLEANUP(str_fini) struct str head = STR_INIT(1u << 20);
    struct junit_counts counts = {0};
    for (size_t i = first; i < last; i++) {
        junit_counts_add(&counts, &junit->layers.items[i]->flat);
        junit_counts_add(&counts, &junit->layers.items[i]->suites);
    }
    write_head(junit, &head, &counts);
    int rc = write_str(fd, &head, err);
    for (size_t i = first; i < last && rc == 0; i++) {
        rc = write_layer(junit, junit->layers.items[i], fd, err);
    }
    return rc == 0 ? write_text(fd, "</testsuites>\n", err) : rc;
}

static int make_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return 0;
    }
    char *folder = mem_strndup(path, (size_t)(slash - path));
    int rc = folder != NULL ? dir_make(folder, 0777, err) : err_set(err, -ENOMEM, "out of memory");
    mem_free(folder);
    return rc;
}

int junit_write_file(
    struct junit *junit, const char *path, size_t first, size_t last, struct err *err)
{
    CLEANUP(str_fini) struct str temporary = STR_INIT(SIZE_MAX / 4);
    int rc = make_parent(path, err);
    if (rc != 0) {
        return rc;
    }
    if (str_appendf(&temporary, "%s.%ld.tmp", path, (long)getpid()) != 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const char *name = str_text(&temporary);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) {
        return err_errno(err, "cannot write %s", name);
    }
    rc = write_document(junit, fd, first, last, err);
    if (close(fd) != 0 && rc == 0) {
        rc = err_errno(err, "cannot write %s", name);
    }
    if (rc == 0 && rename(name, path) != 0) {
        rc = err_errno(err, "cannot rename %s to %s", name, path);
    }
    if (rc != 0) {
        (void)unlink(name);
        return err_wrap(err, "JUnit report %s", path);
    }
    return 0;
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
        if (layer_file(junit, junit->layers.items[i]->id, &path) != 0) {
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

/* The same for one file: only a regular one that is called .xml, in case of a mistyped path. */
static void remove_old_report(const char *path)
{
    struct stat st;
    if (text_ends_with(path, ".xml") && lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        (void)unlink(path);
    }
}

void junit_forget(const char *file)
{
    if (text_ends_with(file, "/")) {
        remove_old_reports(file);
    } else {
        remove_old_report(file);
    }
}

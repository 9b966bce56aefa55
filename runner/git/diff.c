/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines differ between two trees, from one run of git: `diff-tree --raw -p -U0 -z`.
 *
 *   :100644 100644 OLD NEW M NUL path NUL     one record a file, names as they are
 *   :100644 100644 OLD NEW R90 NUL old path NUL path NUL
 *   NUL
 *   diff --git ...                            one section a record, in the same order; two where
 *   @@ -4,2 +4 @@                             the type changed: what went, what came
 *   -...
 *
 * Names are taken from the records, because those of sections are quoted, and ambiguous where they
 * have blanks. Lines of a hunk are counted, not looked at: a source may look like a patch. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "git/call.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What git may print of a difference: a million lines of 250 bytes. Beyond: -EFBIG. */
#define DIFF_OUTPUT_MAX (256u << 20)

/* Pairs of deleted and added files that are looked at for a rename, whatever is configured: beyond,
 * a renamed file counts as new, all of its lines with it. */
#define DIFF_RENAMES "-l1000"

struct record {
    const char *path;
    char status;  /* A, M, D, R, T, ... */
    bool is_text; /* a regular file now */
};

struct line_list {
    VEC_FIELDS(struct git_lines);
};

struct reading {
    const char *at;
    const char *end;

    struct {
        VEC_FIELDS(struct record);
    } records;

    struct line_list lines; /* of the section that is read */
    struct err *err;
};

static void reading_fini(struct reading *reading)
{
    vec_fini(&reading->records);
    vec_fini(&reading->lines);
}

static int refuse(struct reading *reading)
{
    return err_set(reading->err, -EPROTO, "git printed a difference in a form that is not known");
}

static int no_memory(struct reading *reading)
{
    return err_set(reading->err, -ENOMEM, "not enough memory for a difference");
}

/* ---- records ---- */

/* The text up to the next NUL; NULL when there is none. */
static const char *next_text(struct reading *reading)
{
    const char *text = reading->at;
    const char *end = memchr(text, '\0', (size_t)(reading->end - text));
    reading->at = end != NULL ? end + 1 : reading->end;
    return end != NULL ? text : NULL;
}

/* ":OLDMODE NEWMODE OLD NEW STATUS" and one or two paths; the last one is the path now. */
static int read_record(struct reading *reading)
{
    const char *head = next_text(reading);
    const char *status = head != NULL ? strrchr(head, ' ') : NULL;
    if (status == NULL || strlen(head) < strlen(":100644 100644 ")) {
        return refuse(reading);
    }
    struct record record = {.status = status[1], .is_text = strncmp(head + 8, "100", 3) == 0};
    record.path = next_text(reading);
    if (record.status == 'R' || record.status == 'C') {
        record.path = next_text(reading);
    }
    if (record.path == NULL) {
        return refuse(reading);
    }
    return vec_push(&reading->records, record) == 0 ? 0 : no_memory(reading);
}

static int read_records(struct reading *reading)
{
    int rc = 0;
    while (rc == 0 && reading->at < reading->end && *reading->at == ':') {
        rc = read_record(reading);
    }
    if (rc == 0 && reading->at < reading->end && *reading->at++ != '\0') {
        rc = refuse(reading);
    }
    return rc;
}

/* ---- sections ---- */

/* The next line, without its end; false at the end. */
static bool next_line(struct reading *reading, const char **ret_line, size_t *ret_len)
{
    if (reading->at >= reading->end) {
        return false;
    }
    const char *newline = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    const char *end = newline != NULL ? newline : reading->end;
    *ret_line = reading->at;
    *ret_len = (size_t)(end - reading->at);
    reading->at = newline != NULL ? newline + 1 : reading->end;
    return true;
}

static bool begins_with(const char *line, size_t len, const char *word)
{
    return len >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

/* "12,3" or "12" (one line). False when it is neither, or no line has such a number. */
static bool read_range(const char **at, const char *end, uint32_t *ret_first, uint32_t *ret_count)
{
    uint64_t numbers[2] = {0, 1};
    for (size_t i = 0; i < 2; i++) {
        const char *start = *at;
        if (i == 1) {
            numbers[1] = 0;
        }
        while (*at < end && **at >= '0' && **at <= '9' && numbers[i] <= UINT32_MAX) {
            numbers[i] = numbers[i] * 10 + (uint64_t)(**at - '0');
            (*at)++;
        }
        if (*at == start || numbers[i] > UINT32_MAX) {
            return false;
        }
        if (i == 0 && (*at >= end || **at != ',')) {
            break;
        }
        *at += i == 0 ? 1 : 0;
    }
    *ret_first = (uint32_t)numbers[0];
    *ret_count = (uint32_t)numbers[1];
    return numbers[0] + numbers[1] <= UINT32_MAX;
}

/* Passes over the lines of a hunk; "\ No newline at end of file" stands beside them. */
static int pass_hunk(struct reading *reading, uint64_t count)
{
    const char *line = NULL;
    size_t len = 0;
    while (count > 0) {
        if (!next_line(reading, &line, &len)) {
            return refuse(reading);
        }
        count -= len > 0 && line[0] == '\\' ? 0 : 1;
    }
    return 0;
}

/* "@@ -4,2 +4,3 @@ ..." */
static int read_hunk(struct reading *reading, const char *line, size_t len)
{
    const char *end = line + len;
    const char *at = line + strlen("@@ -");
    uint32_t first = 0;
    uint32_t removed = 0;
    uint32_t added = 0;
    if (!read_range(&at, end, &first, &removed) || end - at < 2 || at[0] != ' ' || at[1] != '+') {
        return refuse(reading);
    }
    at += 2;
    if (!read_range(&at, end, &first, &added)) {
        return refuse(reading);
    }
    if (added > 0
        && vec_push(&reading->lines, ((struct git_lines){first, first + added - 1})) != 0) {
        return no_memory(reading);
    }
    return pass_hunk(reading, (uint64_t)removed + added);
}

/* Reads one section, up to the head of the next one. */
static int read_section(struct reading *reading)
{
    const char *line = NULL;
    size_t len = 0;
    int rc = 0;
    reading->lines.count = 0;
    if (!next_line(reading, &line, &len) || !begins_with(line, len, "diff --git ")) {
        return refuse(reading);
    }
    while (rc == 0 && reading->at < reading->end
           && !begins_with(reading->at, (size_t)(reading->end - reading->at), "diff --git ")) {
        (void)next_line(reading, &line, &len);
        rc = begins_with(line, len, "@@ -") ? read_hunk(reading, line, len) : 0;
    }
    return rc;
}

static int read_sections(struct reading *reading, git_changed_fn each, void *context)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < reading->records.count; i++) {
        const struct record *record = &reading->records.items[i];
        rc = record->status == 'T' ? read_section(reading) : 0; /* what went */
        rc = rc == 0 ? read_section(reading) : rc;
        if (rc == 0 && record->status != 'D') {
            const size_t count = record->is_text ? reading->lines.count : 0;
            rc = each(context, record->path, reading->lines.items, count);
        }
    }
    return rc == 0 && reading->at < reading->end ? refuse(reading) : rc;
}

int git_diff_lines(const struct git_repo *repo,
                   const char *old_tree,
                   const char *new_tree,
                   git_changed_fn each,
                   void *context,
                   struct err *err)
{
    assert(git_is_id(old_tree) && git_is_id(new_tree));
    const char *const argv[] = {"git",
                                "diff-tree",
                                "-r",
                                "-z",
                                "--raw",
                                "-p",
                                "-U0",
                                "-M",
                                DIFF_RENAMES,
                                "--no-color",
                                "--no-ext-diff",
                                "--no-textconv",
                                "--submodule=short",
                                "--ignore-submodules=none",
                                "--inter-hunk-context=0",
                                old_tree,
                                new_tree,
                                NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str out = STR_INIT(DIFF_OUTPUT_MAX);
    CLEANUP(reading_fini) struct reading reading = {.err = err};
    int rc = git_call_ok(&call, "cannot compare two trees", &out, err);
    if (rc != 0) {
        return rc == -EFBIG ? err_set(err,
                                      rc,
                                      "the difference is larger than %u MiB: compare with a "
                                      "revision that is nearer",
                                      DIFF_OUTPUT_MAX >> 20)
                            : rc;
    }
    reading.at = str_text(&out);
    reading.end = reading.at + out.len;
    rc = read_records(&reading);
    return rc == 0 ? read_sections(&reading, each, context) : rc;
}

/* ---- what to compare with ---- */

/* Has this clone only a part of the history? */
static bool is_shallow(const struct git_repo *repo)
{
    static const char *const argv[] = {"git", "rev-parse", "--is-shallow-repository", NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    struct err ignored = {0};
    return git_call_ok(&call, "git rev-parse", &out, &ignored) == 0
           && strncmp(str_text(&out), "true", 4) == 0;
}

static int refuse_base(const struct git_repo *repo, const char *revision, struct err *err)
{
    return is_shallow(repo)
               ? err_set(err,
                         -ENOENT,
                         "this clone has only a part of the history, and where '%s' and HEAD part "
                         "is not in it: fetch the rest (`git fetch --unshallow`; in GitHub Actions "
                         "`fetch-depth: 0` for actions/checkout)",
                         revision)
               : err_set(err, -ENOENT, "'%s' and HEAD have no common history", revision);
}

int git_merge_base(const struct git_repo *repo,
                   const char *revision,
                   char base[GIT_ID_MAX],
                   struct err *err)
{
    char theirs[GIT_ID_MAX];
    char ours[GIT_ID_MAX];
    struct err ignored = {0};
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    int status = 0;
    if (repo->private_repo) {
        return err_set(err, -ENOENT, "this is no git repository: there is nothing to compare with");
    }
    int rc = git_resolve(repo, revision, theirs, err);
    if (rc == -ENOENT) {
        return err_set(err,
                       -ENOENT,
                       "'%s' names no commit here; a branch of the server must be fetched first "
                       "(`git fetch origin`) and is then called origin/NAME",
                       revision);
    }
    if (rc == 0 && git_resolve(repo, "HEAD", ours, &ignored) != 0) {
        rc = err_set(err, -ENOENT, "HEAD has no commit yet: there is nothing to compare with");
    }
    if (rc != 0) {
        return rc;
    }
    const char *const argv[] = {"git", "merge-base", theirs, ours, NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    rc = git_call(&call, &out, NULL, &status, err);
    if (rc != 0) {
        return rc;
    }
    const size_t len = strcspn(str_text(&out), "\n");
    if (status != 0 || len >= GIT_ID_MAX) {
        return refuse_base(repo, revision, err);
    }
    char id[GIT_ID_MAX];
    memcpy(id, str_text(&out), len);
    id[len] = '\0';
    if (!git_is_id(id)) {
        return refuse_base(repo, revision, err);
    }
    memcpy(base, id, len + 1);
    return 0;
}

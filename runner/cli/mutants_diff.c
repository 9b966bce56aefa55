/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice mutants diff`: survivors that came, and those that went. Only survivors are kept in
 * memory, and the names of the files that the newer run looked at: a run over changed lines has no
 * say about the rest. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "cli/mutants.h"
#include "cli/say.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Ids of survivors and names of files: 4,000,000 of 100 bytes. */
#define DIFF_ARENA_MAX ((size_t)512 << 20)

#define SURVIVED "Survived"

struct comparing {
    const struct invocation *invocation;
    struct arena *arena;
    struct map before; /* ids of survivors of the older run */
    struct map now;    /* ids of all mutants of the newer run -> 1 = it survived */
    struct map files;  /* of the newer run */
    struct mutants_out out;
    uint64_t came, went, unseen;
};

static bool is_wanted(const struct comparing *comparing, const struct mutants_part *part)
{
    const char *glob = comparing->invocation->mutants.file;
    return glob == NULL || glob_match(glob, part->file);
}

static int keep(struct comparing *comparing, struct map *map, const char *word, uintptr_t value)
{
    if (map_get(map, word, NULL) == 1) {
        return 0;
    }
    const char *copy = arena_strdup(comparing->arena, word);
    return copy != NULL && map_add(map, copy, value) >= 0 ? 0 : -ENOMEM;
}

static int keep_before(void *context,
                       const struct mutants_part *part,
                       const struct mutants_entry *entry)
{
    struct comparing *comparing = context;
    return is_wanted(comparing, part) && strcmp(entry->status, SURVIVED) == 0
               ? keep(comparing, &comparing->before, entry->id, 0)
               : 0;
}

static int keep_file(void *context, const struct mutants_part *part)
{
    struct comparing *comparing = context;
    return keep(comparing, &comparing->files, part->file, 0);
}

static void tell(struct comparing *comparing,
                 const char *change,
                 const struct mutants_part *part,
                 const struct mutants_entry *entry)
{
    struct str *text = &comparing->out.text;
    if (comparing->invocation->json) {
        (void)str_appendf(text, "{\"change\":\"%s\",\"mutant\":", change);
        mutants_put_json(text, part, entry);
        text->data[text->len - 1] = '}'; /* its newline */
        (void)str_append_char(text, '\n');
        return;
    }
    (void)str_appendf(text, "%-5s ", change);
    mutants_put_line(&comparing->out, part, entry);
}

static int see_now(void *context,
                   const struct mutants_part *part,
                   const struct mutants_entry *entry)
{
    struct comparing *comparing = context;
    const bool survived = strcmp(entry->status, SURVIVED) == 0;
    if (!is_wanted(comparing, part)) {
        return 0;
    }
    if (survived && map_get(&comparing->before, entry->id, NULL) != 1) {
        comparing->came++;
        tell(comparing, "new", part, entry);
    }
    return survived ? keep(comparing, &comparing->now, entry->id, 1) : 0;
}

static int see_before(void *context,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    struct comparing *comparing = context;
    if (!is_wanted(comparing, part) || strcmp(entry->status, SURVIVED) != 0
        || map_get(&comparing->now, entry->id, NULL) == 1) {
        return 0;
    }
    if (map_get(&comparing->files, part->file, NULL) != 1) {
        comparing->unseen++;
        return 0;
    }
    comparing->went++;
    tell(comparing, "gone", part, entry);
    return 0;
}

static int compare(struct comparing *comparing,
                   const struct mutants_run *now,
                   const struct mutants_run *before,
                   struct err *err)
{
    const struct mutants_reader first = {.entry = keep_before, .context = comparing};
    const struct mutants_reader second = {
        .part = keep_file, .entry = see_now, .context = comparing};
    const struct mutants_reader third = {.entry = see_before, .context = comparing};
    int rc = mutants_run_read(before, &first, err);
    rc = rc == 0 ? mutants_run_read(now, &second, err) : rc;
    rc = rc == 0 ? mutants_run_read(before, &third, err) : rc;
    return rc == -ENOMEM ? err_set(err, rc, "out of memory for the survivors of two runs") : rc;
}

static void say_end(const struct comparing *comparing,
                    const struct mutants_run *now,
                    const struct mutants_run *before)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    (void)str_appendf(&text,
                      "run %s against %s: %llu new survivors, %llu gone",
                      now->id,
                      before->id,
                      (unsigned long long)comparing->came,
                      (unsigned long long)comparing->went);
    if (comparing->unseen > 0) {
        (void)str_appendf(&text,
                          "; %llu are in files that the newer run did not look at",
                          (unsigned long long)comparing->unseen);
    }
    say_line(str_text(&text));
}

static int find_runs(const struct invocation *in,
                     struct mutants_run *ret_now,
                     struct mutants_run *ret_before,
                     struct err *err)
{
    int rc = mutants_run_find(in, in->cache.run, NULL, ret_now, err);
    return rc == 0 ? mutants_run_find(in, in->mutants.against, ret_now->id, ret_before, err) : rc;
}

int mutants_diff(const struct invocation *invocation)
{
    struct comparing comparing = {
        .invocation = invocation,
        .arena = arena_new(DIFF_ARENA_MAX),
        .out = {.text = STR_INIT(MUTANTS_ANSWER_MAX),
                .color = say_in_color(invocation, STDOUT_FILENO)},
    };
    struct mutants_run now = {.id = ""};
    struct mutants_run before = {.id = ""};
    struct err err = {0};
    int rc = comparing.arena == NULL ? err_set(&err, -ENOMEM, "out of memory")
                                     : find_runs(invocation, &now, &before, &err);
    rc = rc == 0 ? compare(&comparing, &now, &before, &err) : rc;
    int code = EXIT_OPEN;
    if (rc == 0) {
        code = say_answer(&comparing.out.text);
        if (code == EXIT_OPEN && !invocation->json && !invocation->quiet) {
            say_end(&comparing, &now, &before);
        }
    } else {
        say_error(&err);
        code = rc == -ENOENT ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    map_fini(&comparing.before);
    map_fini(&comparing.now);
    map_fini(&comparing.files);
    arena_free(comparing.arena);
    str_fini(&comparing.out.text);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice mutants`: what a mutation layer found out, from the results that its units left. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/mutants.h"
#include "cli/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- list ---- */

#define STATUSES 8

struct listing {
    const struct invocation *invocation;
    struct mutants_out out;
    bool wanted[STATUSES];
    uint64_t counts[STATUSES];
    uint64_t points_lost;
    bool any_file; /* that --file names, or any without it */
    int written;   /* EXIT_OPEN while standard output can be written */
};

static int status_index(const char *word, size_t len)
{
    for (int i = 0; mutants_statuses[i] != NULL; i++) {
        if (strlen(mutants_statuses[i]) == len
            && strncasecmp(mutants_statuses[i], word, len) == 0) {
            return i;
        }
    }
    return -1;
}

static int refuse_status(const char *text, size_t len, struct err *err)
{
    char word[64];
    (void)snprintf(word, sizeof word, "%.*s", (int)(len < 60 ? len : 60), text);
    const char *near = text_nearest(word, mutants_statuses, STATUSES);
    return err_set(err,
                   -EINVAL,
                   "--status %s: must be Killed, Survived, NoCoverage, Timeout, CompileError, "
                   "RuntimeError, Ignored or Pending, or some of them with commas%s%s%s",
                   word,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* --status WORD,WORD; NULL = all. */
static int read_statuses(struct listing *listing, const char *words, struct err *err)
{
    for (size_t i = 0; i < STATUSES; i++) {
        listing->wanted[i] = words == NULL;
    }
    for (const char *at = words; at != NULL;) {
        const size_t len = strcspn(at, ",");
        const int index = status_index(at, len);
        if (index < 0) {
            return refuse_status(at, len, err);
        }
        listing->wanted[index] = true;
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return 0;
}

static int list_part(void *context, const struct mutants_part *part)
{
    struct listing *listing = context;
    const char *glob = listing->invocation->mutants.file;
    if (glob == NULL || glob_match(glob, part->file)) {
        listing->any_file = true;
        listing->points_lost += (uint64_t)part->points_lost;
    }
    return 0;
}

static int list_entry(void *context,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    struct listing *listing = context;
    const char *glob = listing->invocation->mutants.file;
    const int index = status_index(entry->status, strlen(entry->status));
    if (index < 0 || (glob != NULL && !glob_match(glob, part->file))) {
        return 0;
    }
    listing->counts[index]++;
    if (!listing->wanted[index]) {
        return 0;
    }
    if (listing->invocation->json) {
        mutants_put_json(&listing->out.text, part, entry);
    } else {
        mutants_put_line(&listing->out, part, entry);
    }
    if (listing->out.text.len >= MUTANTS_FLUSH) {
        listing->written = say_answer(&listing->out.text);
    }
    return listing->written == EXIT_OPEN ? 0 : -EIO;
}

static void say_counts(const struct listing *listing, const struct mutants_run *run)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    uint64_t all = 0;
    for (size_t i = 0; i < STATUSES; i++) {
        all += listing->counts[i];
    }
    (void)str_appendf(
        &text, "run %s: %llu mutant%s", run->id, (unsigned long long)all, all == 1 ? "" : "s");
    const char *between = ": ";
    for (size_t i = 0; i < STATUSES; i++) {
        if (listing->counts[i] > 0) {
            (void)str_appendf(&text,
                              "%s%llu %s",
                              between,
                              (unsigned long long)listing->counts[i],
                              mutants_statuses[i]);
            between = ", ";
        }
    }
    if (listing->points_lost > 0) {
        (void)str_appendf(&text,
                          "; %llu places were lost to parse errors",
                          (unsigned long long)listing->points_lost);
    }
    say_line(str_text(&text));
}

static int list(const struct invocation *in)
{
    struct listing listing = {
        .invocation = in,
        .out = {.text = STR_INIT(MUTANTS_ANSWER_MAX), .color = say_in_color(in, STDOUT_FILENO)},
        .written = EXIT_OPEN,
    };
    const struct mutants_reader reader = {
        .part = list_part, .entry = list_entry, .context = &listing};
    struct mutants_run run;
    struct err err = {0};
    int rc = read_statuses(&listing, in->mutants.status, &err);
    rc = rc == 0 ? mutants_run_find(in, in->cache.run, NULL, &run, &err) : rc;
    rc = rc == 0 ? mutants_run_read(&run, &reader, &err) : rc;
    if (listing.written == EXIT_OPEN) {
        listing.written = say_answer(&listing.out.text); /* what is good, before what is not */
    }
    str_fini(&listing.out.text);
    if (listing.written != EXIT_OPEN) {
        return listing.written;
    }
    if (rc != 0) {
        say_error(&err);
        return rc == -ENOENT || rc == -EINVAL ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    if (in->mutants.file != NULL && !listing.any_file) {
        say_problem("--file %s names no file that run %s mutated; `sluice mutants list` shows them",
                    in->mutants.file,
                    run.id);
        return EXIT_NOTHING_SELECTED;
    }
    if (!in->json && !in->quiet) {
        say_counts(&listing, &run);
    }
    return EXIT_OPEN;
}

/* ---- show ---- */

struct showing {
    const char *id;
    struct mutants_out out;
    bool json;
};

static int show_entry(void *context,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    struct showing *showing = context;
    if (strcmp(entry->id, showing->id) != 0) {
        return 0;
    }
    if (showing->json) {
        mutants_put_json(&showing->out.text, part, entry);
    } else {
        mutants_put_all(&showing->out, part, entry);
    }
    return 0;
}

static int show(const struct invocation *in)
{
    struct showing showing = {
        .out = {.text = STR_INIT(MUTANTS_ANSWER_MAX), .color = say_in_color(in, STDOUT_FILENO)},
        .json = in->json,
    };
    struct mutants_found found;
    struct mutants_run run;
    struct err err = {0};
    const struct mutants_reader reader = {.entry = show_entry, .context = &showing};
    int rc = mutants_run_find(in, in->cache.run, NULL, &run, &err);
    rc = rc == 0 ? mutants_find(&run, in->args.items[1], &found, &err) : rc;
    if (rc == 0) {
        showing.id = found.id;
        rc = mutants_run_read(&run, &reader, &err);
    }
    int code = EXIT_OPEN;
    if (rc != 0) {
        say_error(&err);
        code = rc == -ENOENT ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    } else {
        code = say_answer(&showing.out.text);
    }
    str_fini(&showing.out.text);
    return code;
}

/* ---- the verbs ---- */

static const struct mutants_verb {
    const char *name;
    size_t words; /* behind it */
    bool more;    /* than these */
    bool filters; /* --status, --file */
    bool against; /* --against */
    const char *usage;
    int (*run)(const struct invocation *invocation);
} verbs[] = {
    {"list",   0, false, true,  false, "list [--status WORD] [--file GLOB] [--run RUN]", list          },
    {"show",   1, false, false, false, "show ID [--run RUN]",                            show          },
    {"replay", 1, false, false, false, "replay ID [--run RUN]",                          mutants_replay},
    {"merge",  2, true,  false, false, "merge FOLDER FILE...",                           mutants_merge },
    {"diff",   0, false, true,  true,  "diff [--against RUN] [--run RUN] [--file GLOB]", mutants_diff  },
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int refuse_verb(const char *word)
{
    const char *names[VERB_COUNT];
    for (size_t i = 0; i < VERB_COUNT; i++) {
        names[i] = verbs[i].name;
    }
    const char *near = text_nearest(word, names, VERB_COUNT);
    say_problem("sluice mutants cannot \"%s\"%s%s%s (`sluice help mutants` lists what it can)",
                word,
                near != NULL ? "; did you mean \"" : "",
                near != NULL ? near : "",
                near != NULL ? "\"?" : "");
    return EXIT_USAGE;
}

int command_mutants(const struct invocation *invocation)
{
    const struct text_list *args = &invocation->args;
    const char *word = args->count > 0 ? args->items[0] : "list";
    const struct mutants_verb *verb = NULL;
    for (size_t i = 0; i < VERB_COUNT && verb == NULL; i++) {
        verb = strcmp(verbs[i].name, word) == 0 ? &verbs[i] : NULL;
    }
    if (verb == NULL) {
        return refuse_verb(word);
    }
    const struct mutants_choice *choice = &invocation->mutants;
    const size_t words = args->count > 0 ? args->count - 1 : 0;
    if (words < verb->words || (words > verb->words && !verb->more)
        || (!verb->filters && (choice->status != NULL || choice->file != NULL))
        || (!verb->against && choice->against != NULL)
        || (verb->against && choice->status != NULL)) {
        say_problem("usage: sluice mutants %s", verb->usage);
        return EXIT_USAGE;
    }
    return verb->run(invocation);
}

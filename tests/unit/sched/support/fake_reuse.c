/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_reuse.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

struct fake_ticket {
    char unit[256];
    bool ended;
};

static struct fake_ticket tickets[256];

__attribute__((format(printf, 2, 3))) static void add(struct fake_reuse *fake,
                                                      const char *format,
                                                      ...)
{
    size_t len = strlen(fake->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fake->text + len, sizeof fake->text - len, format, args);
    va_end(args);
}

static void add_paths(struct fake_reuse *fake, const char *word, const struct manifest *manifest)
{
    for (size_t i = 0; manifest != NULL && i < manifest->count; i++) {
        add(fake, "%s%s", i == 0 ? word : " ", manifest->items[i].path);
    }
}

/* ---- decisions ---- */

/* The n-th word, or the last one; "plan:" takes the rest. */
static void nth_word(const char *words, unsigned n, char *buf, size_t size)
{
    if (strncmp(words, "plan:", 5) == 0) {
        (void)snprintf(buf, size, "%s", words);
        return;
    }
    const char *next = strchr(words, ' ');
    for (; n > 0 && next != NULL; n--) {
        words = next + 1;
        next = strchr(words, ' ');
    }
    (void)snprintf(buf, size, "%.*s", (int)strcspn(words, " "), words);
}

static void word_for(struct fake_reuse *fake, const char *unit, char *buf, size_t size)
{
    (void)snprintf(buf, size, "run");
    for (unsigned i = 0; fake->answers[i].unit != NULL; i++) {
        assert_true(i < FAKE_ASKED_MAX);
        if (strcmp(fake->answers[i].unit, unit) == 0) {
            nth_word(fake->answers[i].words, fake->asked[i]++, buf, size);
            return;
        }
    }
}

static const struct manifest *manifest_of(const char *unit, struct arena *arena)
{
    struct product *product = arena_calloc(arena, 1, sizeof *product);
    struct manifest *manifest = arena_calloc(arena, 1, sizeof *manifest);
    assert_non_null(product);
    assert_non_null(manifest);
    product->path = arena_printf(arena, "out/%s", unit);
    product->mode = 0100644;
    product->digest = hash_bytes(unit, strlen(unit));
    *manifest = (struct manifest){.items = product, .count = 1};
    return manifest;
}

/* What a planning program printed, where the captures lie. */
static void print_plan(struct fake_reuse *fake,
                       const char *units,
                       struct arena *arena,
                       struct outcome *outcome)
{
    CLEANUP(str_fini) struct str out = STR_INIT(65536);
    struct err err = {0};
    char path[512];
    for (const char *at = units; *at != '\0'; at += at[strcspn(at, " ")] == ' ' ? 1 : 0) {
        int len = (int)strcspn(at, " ");
        (void)str_appendf(&out, "{\"id\":\"%.*s\",\"argv\":[\"x\"]}\n", len, at);
        at += len;
    }
    (void)snprintf(path, sizeof path, "%s/replayed-%u", fake->run_dir, fake->next++);
    assert_int_equal(file_write_atomic(path, str_text(&out), out.len, &err), 0);
    outcome->out =
        (struct capture){.file = arena_strdup(arena, path_basename(path)), .len = out.len};
}

static void hit(struct fake_reuse *fake,
                const char *word,
                const struct reuse_subject *subject,
                struct arena *arena,
                struct reuse_found *found)
{
    struct outcome *outcome = arena_calloc(arena, 1, sizeof *outcome);
    struct reused *reused = arena_calloc(arena, 1, sizeof *reused);
    assert_non_null(outcome);
    assert_non_null(reused);
    *reused = (struct reused){.evidence = "77", .run = "r1", .change = "7", .earned_ms = 1000};
    *outcome = (struct outcome){.status = OUTCOME_PASSED,
                                .attempt = 3,
                                .final = true,
                                .cpu_user_us = 1000000,
                                .slot = 5,
                                .reused = reused};
    outcome->warning = arena_printf(arena, "odd: %s; ", subject->unit);
    if (strcmp(word, "fail") == 0) {
        outcome->status = OUTCOME_FAILED;
        outcome->message = "exit code 1";
    } else if (strcmp(word, "hit+out") == 0) {
        found->products = manifest_of(subject->unit, arena);
    } else if (strncmp(word, "plan:", 5) == 0) {
        print_plan(fake, word + 5, arena, outcome);
    }
    found->outcome = outcome;
    found->why = "run r1 answers";
}

static void *give_ticket(struct fake_reuse *fake, const char *unit)
{
    assert_true(fake->next < sizeof tickets / sizeof tickets[0]);
    struct fake_ticket *ticket = &tickets[fake->next++];
    *ticket = (struct fake_ticket){0};
    (void)snprintf(ticket->unit, sizeof ticket->unit, "%s", unit);
    fake->open++;
    return ticket;
}

static void decide(struct sched_reuse *reuse,
                   const struct reuse_subject *subject,
                   struct arena *arena,
                   struct reuse_found *ret_found)
{
    struct fake_reuse *fake = (struct fake_reuse *)reuse;
    char unit[256];
    char word[4096];
    (void)snprintf(unit, sizeof unit, "%s/%s", subject->layer->id, subject->unit);
    assert_true(subject->request->observe);
    assert_non_null(subject->request->env);
    word_for(fake, unit, word, sizeof word);
    if (subject->again || (subject->no_join && strcmp(word, "join") == 0)) {
        (void)snprintf(word, sizeof word, "run");
    }
    add(fake,
        "ask %s %s%s%s",
        unit,
        word,
        subject->again ? " (again)" : "",
        subject->peek ? " (peek)" : "");
    add_paths(fake, " sees ", subject->products);
    add(fake, "\n");
    ret_found->choice = REUSE_CHOICE_HIT;
    if (strcmp(word, "run") == 0) {
        ret_found->choice = REUSE_CHOICE_RUN;
        ret_found->why = "nothing is known";
        ret_found->ticket = subject->peek ? NULL : give_ticket(fake, unit);
    } else if (strcmp(word, "join") == 0) {
        ret_found->choice = REUSE_CHOICE_JOIN;
        ret_found->why = "another process runs it";
    } else {
        hit(fake, word, subject, arena, ret_found);
    }
}

/* ---- the rest ---- */

static void ended(struct sched_reuse *reuse,
                  void *ticket_given,
                  const struct outcome *outcome,
                  const struct manifest *products)
{
    struct fake_reuse *fake = (struct fake_reuse *)reuse;
    struct fake_ticket *ticket = ticket_given;
    assert_false(ticket->ended);
    assert_true(outcome->trace != NULL || outcome->status != OUTCOME_PASSED);
    ticket->ended = true;
    fake->open--;
    add(fake, "ended %s %s", ticket->unit, outcome_status_name(outcome->status));
    add_paths(fake, " with ", products);
    add(fake, "%s\n", outcome->flaky ? " (flaky)" : "");
}

/* run_dir/products/LAYER-n/UNIT-n */
static int read_products(struct sched_reuse *reuse,
                         const char *folder,
                         struct arena *arena,
                         const struct manifest **ret_products,
                         struct err *err)
{
    const struct fake_reuse *fake = (const struct fake_reuse *)reuse;
    char unit[256];
    if (fake->products_unreadable) {
        return err_set(err, -EIO, "%s: cannot be read", folder);
    }
    (void)snprintf(unit, sizeof unit, "%s", path_basename(folder));
    *strrchr(unit, '-') = '\0';
    *ret_products = manifest_of(fake->products_differ ? "other" : unit, arena);
    return 0;
}

static int restore(struct sched_reuse *reuse,
                   const struct manifest *products,
                   const char *folder,
                   struct err *err)
{
    struct fake_reuse *fake = (struct fake_reuse *)reuse;
    add(fake, "restore");
    add_paths(fake, " ", products);
    add(fake, "%s\n", fake->restore_fails ? " (fails)" : "");
    if (fake->restore_fails) {
        return err_set(err, -EIO, "a blob is gone");
    }
    if (fake->lost > 0) {
        fake->lost--;
        add(fake, "lost\n");
        return err_set(err, -ENOENT, "a blob is not there");
    }
    return dir_make(folder, 0777, err);
}

static void tick(struct sched_reuse *reuse)
{
    struct fake_reuse *fake = (struct fake_reuse *)reuse;
    fake->ticks++;
}

static const char *take_note(struct sched_reuse *reuse)
{
    struct fake_reuse *fake = (struct fake_reuse *)reuse;
    const char *note = fake->note;
    fake->note = NULL;
    return note;
}

static int give_memo(struct sched_reuse *reuse, const struct reuse_memo *memo, const char *file)
{
    struct fake_reuse *fake = (struct fake_reuse *)(void *)reuse;
    add(fake, "give memo %s/%s\n", memo->layer, memo->unit);
    const char *left = memo->left != NULL ? strstr(memo->left, "/artifacts/") : NULL;
    add(fake, "left %s\n", left != NULL ? left : "nowhere");
    return fake->memo != NULL && file_write_atomic(file, fake->memo, strlen(fake->memo), NULL) == 0
               ? 1
               : 0;
}

static void keep_memo(struct sched_reuse *reuse, const struct reuse_memo *memo, const char *file)
{
    struct fake_reuse *fake = (struct fake_reuse *)(void *)reuse;
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    assert_int_equal(file_read(file, &text, NULL), 0);
    add(fake, "keep memo %s/%s: %s\n", memo->layer, memo->unit, str_text(&text));
}

void fake_reuse_init(struct fake_reuse *fake, const struct fake_answer *answers)
{
    *fake = (struct fake_reuse){
        .reuse = {.decide = decide,
                  .ended = ended,
                  .read_products = read_products,
                  .restore = restore,
                  .give_memo = give_memo,
                  .keep_memo = keep_memo,
                  .tick = tick,
                  .take_note = take_note},
        .answers = answers,
        .run_dir = test_folder(),
    };
}

unsigned fake_reuse_count(const struct fake_reuse *fake, const char *text)
{
    unsigned count = 0;
    for (const char *at = strstr(fake->text, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

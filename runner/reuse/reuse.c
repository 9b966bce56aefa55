/* SPDX-License-Identifier: Apache-2.0 */
#include "reuse/reuse.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"
#include "store/evidence_keep.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* How long one picture of the store serves look-ups that follow each other: thousands of them at
 * the start of a run; what others add meanwhile is seen a moment later. */
#define PICTURE_NS INT64_C(20000000)

/* Notes that wait to be told; what repeats is told once anyway. */
#define NOTES_MAX 100u

int64_t reuse_now(const struct reuse *reuse)
{
    return reuse->options.now_ms != 0 ? reuse->options.now_ms : clock_wall_ms();
}

void reuse_picture_begin(struct reuse *reuse)
{
    int64_t now_ns = clock_mono_ns();
    if (reuse->picture && now_ns - reuse->picture_ns > PICTURE_NS) {
        reuse_picture_end(reuse);
    }
    if (!reuse->picture) {
        reuse->picture = evidence_begin_read(reuse->store, NULL) == 0;
        reuse->picture_ns = now_ns;
    }
}

void reuse_picture_end(struct reuse *reuse)
{
    if (reuse->picture) {
        evidence_end_read(reuse->store);
        reuse->picture = false;
    }
}

static void free_states(struct reuse *reuse)
{
    for (size_t i = 0; i < reuse->states.count; i++) {
        state_free(reuse->states.items[i]);
    }
    vec_fini(&reuse->states);
    map_fini(&reuse->states_by_id);
}

static void free_notes(struct reuse *reuse)
{
    for (size_t i = 0; i < reuse->notes.count; i++) {
        mem_free(reuse->notes.items[i]);
    }
    vec_fini(&reuse->notes);
}

/* ---- what is only supposed ---- */

static bool read_version(struct reuse *reuse, int64_t *ret_version)
{
    reuse_picture_end(reuse); /* an older picture would not show what was written since */
    reuse_picture_begin(reuse);
    return reuse->picture && evidence_version(reuse->store, ret_version, NULL) == 0;
}

void reuse_suppose(struct reuse *reuse)
{
    reuse->version_known = read_version(reuse, &reuse->version);
}

bool reuse_stands(struct reuse *reuse)
{
    int64_t version = 0;
    return reuse->version_known && read_version(reuse, &version) && version == reuse->version;
}

void reuse_forget(struct reuse *reuse)
{
    assert(reuse->leases == NULL);
    free_states(reuse);
    free_notes(reuse);
    vec_fini(&reuse->used);
    reuse_picture_end(reuse);
}

/* ---- notes ---- */

static bool is_noted(const struct reuse *reuse, const char *text)
{
    for (size_t i = 0; i < reuse->notes.count; i++) {
        if (strcmp(reuse->notes.items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

void reuse_note(struct reuse *reuse, const char *format, ...)
{
    struct str text = STR_INIT(ERR_TEXT_MAX);
    va_list args;
    va_start(args, format);
    (void)str_vappendf(&text, format, args);
    va_end(args);
    if (reuse->notes.count < NOTES_MAX && str_error(&text) == 0
        && !is_noted(reuse, str_text(&text))) {
        char *note = str_take(&text);
        if (note != NULL && vec_push(&reuse->notes, note) != 0) {
            mem_free(note);
        }
    }
    str_fini(&text);
}

const char *reuse_take_note(struct reuse *reuse)
{
    mem_free(reuse->told);
    reuse->told = NULL;
    if (reuse->notes.count == 0) {
        return NULL;
    }
    reuse->told = reuse->notes.items[0];
    reuse->notes.count--;
    memmove(reuse->notes.items,
            reuse->notes.items + 1,
            reuse->notes.count * sizeof *reuse->notes.items);
    return reuse->told;
}

/* ---- opening ---- */

static int copy_options(struct reuse *reuse, const struct reuse_options *options)
{
    struct reuse_options *own = &reuse->options;
    *own = *options;
    own->cache = arena_strdup(reuse->arena, options->cache);
    own->scope = arena_strdup(reuse->arena, options->scope != NULL ? options->scope : "");
    own->host = arena_strdup(reuse->arena, options->host != NULL ? options->host : "");
    own->run = arena_strdup(reuse->arena, options->run != NULL ? options->run : "");
    return own->cache != NULL && own->scope != NULL && own->host != NULL && own->run != NULL
               ? 0
               : -ENOMEM;
}

static int set_up(struct reuse *reuse, const struct reuse_options *options, struct err *err)
{
    reuse->arena = arena_new(REUSE_ARENA_MAX);
    reuse->hasher = hasher_new();
    if (reuse->arena == NULL || reuse->hasher == NULL || copy_options(reuse, options) != 0) {
        return err_set(err, -ENOMEM, "not enough memory to reuse evidence");
    }
    int rc = evidence_open(options->cache, &reuse->store, err);
    if (rc != 0) {
        return rc;
    }
    reuse->blobs = evidence_blobs(reuse->store);
    memo_init(&reuse->memo, reuse->store);
    const struct answer_memo functions = memo_functions(&reuse->memo);
    rc = host_new(&functions, &reuse->host, err);
    if (rc == 0 && options->repo != NULL) {
        rc = git_objects_open(options->repo, &reuse->objects, err);
    }
    return rc;
}

int reuse_open(const struct reuse_options *options, struct reuse **ret_reuse, struct err *err)
{
    struct reuse *reuse = mem_calloc(1, sizeof *reuse);
    if (reuse == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to reuse evidence");
    }
    int rc = set_up(reuse, options, err);
    if (rc != 0) {
        reuse_close(reuse);
        return rc;
    }
    *ret_reuse = reuse;
    return 0;
}

void reuse_read_ahead(struct reuse *reuse)
{
    if (reuse->objects != NULL) {
        git_conversion_ask(reuse->objects);
    }
}

/* ---- closing ---- */

/* Nothing of this is needed for a right answer: what cannot be written is worked out again. */
static void flush(struct reuse *reuse)
{
    for (size_t i = 0; i < reuse->states.count; i++) {
        struct reuse_state *state = reuse->states.items[i];
        (void)shortcut_flush(state, NULL);
        if (state->roll != NULL) {
            (void)evidence_roll_put(reuse->store, &state->spec, state->roll, NULL);
        }
    }
    (void)memo_flush(&reuse->memo, reuse_now(reuse), NULL);
    if (reuse->used.count > 0) {
        (void)evidence_touch(reuse->store, reuse->used.items, NULL, reuse->used.count, NULL);
    }
}

/* Now and then, so that nobody has to think of `sluice cache gc`. What cannot be cleaned now is
 * cleaned by a later run. */
static void make_room(struct reuse *reuse)
{
    struct evidence_cleaned cleaned;
    struct err ignored = {0};
    (void)evidence_gc_when_due(reuse->store, EVIDENCE_BUDGET_DEFAULT, &cleaned, &ignored);
}

void reuse_close(struct reuse *reuse)
{
    if (reuse == NULL) {
        return;
    }
    while (reuse->leases != NULL) {
        reuse_release(reuse, reuse->leases);
    }
    reuse_picture_end(reuse);
    if (reuse->store != NULL) {
        flush(reuse);
        make_room(reuse);
    }
    free_states(reuse);
    free_notes(reuse);
    mem_free(reuse->told);
    vec_fini(&reuse->used);
    vec_fini(&reuse->varying);
    mem_free(reuse->questions);
    host_free(reuse->host);
    memo_fini(&reuse->memo);
    git_objects_close(reuse->objects);
    evidence_close(reuse->store);
    hasher_free(reuse->hasher);
    arena_free(reuse->arena);
    mem_free(reuse);
}

int reuse_fetch(struct reuse *reuse, const struct hash *blob, int fd, struct err *err)
{
    return blobs_get_file(reuse->blobs, blob, fd, err);
}

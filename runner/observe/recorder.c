/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/recorder.h"

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int recorder_init(struct recorder *recorder)
{
    *recorder = (struct recorder){0};
    return places_init(&recorder->places);
}

void recorder_fini(struct recorder *recorder)
{
    places_fini(&recorder->places);
}

int recorder_zone(struct recorder *recorder, const char *path, enum place_zone zone)
{
    struct place *place = places_at(&recorder->places, path);
    if (place == NULL) {
        return -ENOMEM;
    }
    place->zone = (uint8_t)zone;
    if (zone == ZONE_FIXED && place->parent == recorder->places.root) {
        if (recorder->top_count >= TOPS_MAX) {
            return -E2BIG;
        }
        recorder->tops[recorder->top_count++] = place;
    }
    return 0;
}

int recorder_expose(struct recorder *recorder, const char *path)
{
    if (recorder->exposed_count >= FACTS_MAX) {
        return -E2BIG;
    }
    struct place *place = places_at(&recorder->places, path);
    if (place == NULL) {
        return -ENOMEM;
    }
    place->zone = ZONE_FIXED;
    place->exposed = true;
    recorder->exposed[recorder->exposed_count++] = place;
    for (struct place *at = place->parent; at != NULL; at = at->parent) {
        at->above_exposed = true;
    }
    return 0;
}

/* ---- asking ---- */

static void mark(struct recorder *recorder, struct place *place, unsigned asked)
{
    recorder->asked_count += place->asked == 0;
    place->asked |= (uint8_t)asked;
}

/* The unit made this folder itself: the pristine state has nothing here or below. */
static bool is_own(const struct place *place)
{
    return place->zone == ZONE_TREE && place->pristine == PRISTINE_ABSENT
           && place->state != PLACE_ABSENT && place->state != PLACE_UNKNOWN;
}

/* The highest place above (or at) one that the unit made itself. What is below it follows from its
 * absence and from what the unit does. */
static struct place *own_top(struct place *place)
{
    struct place *top = NULL;
    for (struct place *at = place; at != NULL; at = at->parent) {
        if (is_own(at)) {
            top = at;
        }
    }
    return top;
}

static void mark_in_tree(struct recorder *recorder, struct place *place, unsigned asked)
{
    struct place *top = place->parent != NULL ? own_top(place->parent) : NULL;
    if (top != NULL) {
        mark(recorder, top, ASKED_EXISTS);
    } else if (place->pristine == PRISTINE_ABSENT || place->state == PLACE_ABSENT) {
        /* Absent says all there is to say; a file that was taken away by the unit itself is
         * present, and asked for in full. */
        mark(recorder, place, place->pristine == PRISTINE_PRESENT ? asked : ASKED_EXISTS);
    } else {
        mark(recorder, place, asked);
    }
}

static void mark_exposed_below(struct recorder *recorder, const struct place *place)
{
    for (size_t i = 0; i < recorder->exposed_count; i++) {
        if (place_is_below(recorder->exposed[i], place)) {
            mark(recorder, recorder->exposed[i], ASKED_EXISTS);
        }
    }
}

/* What a question already asked answers, too. */
static bool is_answered(const struct place *place, unsigned asked)
{
    static const unsigned answers_exists =
        ASKED_EXISTS | ASKED_TYPE | ASKED_CONTENT | ASKED_LISTING | ASKED_SUBTREE;
    switch (asked) {
    case ASKED_EXISTS:
        return (place->asked & answers_exists) != 0;
    case ASKED_TYPE:
        return (place->asked & (answers_exists & ~(unsigned)ASKED_EXISTS)) != 0;
    default:
        return (place->asked & (asked | ASKED_SUBTREE)) == asked;
    }
}

void recorder_ask(struct recorder *recorder, struct place *place, unsigned asked)
{
    if (is_answered(place, asked)) {
        return;
    }
    if (place->above_exposed) {
        mark_exposed_below(recorder, place);
    }
    if (place->parent == NULL && (asked & (ASKED_LISTING | ASKED_SUBTREE)) != 0) {
        for (size_t i = 0; i < recorder->top_count; i++) {
            mark(recorder, recorder->tops[i], ASKED_EXISTS);
        }
    }
    if (place->zone == ZONE_TREE) {
        mark_in_tree(recorder, place, asked);
    } else if (place->zone == ZONE_FIXED) {
        mark(recorder, place, place->state == PLACE_ABSENT ? ASKED_EXISTS : asked);
    }
}

void recorder_fact(struct recorder *recorder, const char *name)
{
    for (size_t i = 0; i < recorder->fact_count; i++) {
        if (strcmp(recorder->facts[i], name) == 0) {
            return;
        }
    }
    const char *copy = recorder->fact_count < FACTS_MAX
                           ? places_keep(&recorder->places, name, strlen(name))
                           : NULL;
    if (copy == NULL) {
        recorder_flag(recorder, TRACE_INCOMPLETE, "it asks for too many facts of the host");
        return;
    }
    recorder->facts[recorder->fact_count++] = copy;
}

void recorder_flag(struct recorder *recorder, enum trace_flag flag, const char *format, ...)
{
    if (recorder->flags == 0) {
        va_list args;
        va_start(args, format);
        // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands right above
        (void)vsnprintf(recorder->why, sizeof recorder->why, format, args);
        va_end(args);
    }
    recorder->flags |= (unsigned)flag;
}

/* ---- writing out ---- */

static const struct {
    unsigned asked;
    enum observation_kind kind;
    unsigned answered_by; /* stronger questions of the same path */
} kinds[] = {
    {ASKED_CONTENT, OBSERVE_CONTENT, 0                                         },
    {ASKED_LISTING, OBSERVE_LISTING, 0                                         },
    {ASKED_LINK,    OBSERVE_LINK,    0                                         },
    {ASKED_SUBTREE, OBSERVE_SUBTREE, 0                                         },
    {ASKED_TYPE,    OBSERVE_TYPE,    ASKED_CONTENT | ASKED_LISTING             },
    {ASKED_EXISTS,  OBSERVE_EXISTS,  ASKED_CONTENT | ASKED_LISTING | ASKED_TYPE},
};

struct writing {
    struct arena *arena;
    struct observation *items;
    size_t count;
    size_t cap;
    size_t bytes;
};

static int put(struct writing *writing, enum observation_kind kind, const char *path)
{
    if (writing->count == writing->cap) {
        const size_t cap = writing->cap * 2 + 64;
        struct observation *items = mem_realloc(writing->items, cap, sizeof *items);
        if (items == NULL) {
            return -ENOMEM;
        }
        writing->items = items;
        writing->cap = cap;
    }
    writing->items[writing->count++] = (struct observation){kind, path};
    return 0;
}

static bool is_in_subtree(const struct place *place)
{
    for (const struct place *at = place->parent; at != NULL; at = at->parent) {
        if ((at->asked & ASKED_SUBTREE) != 0) {
            return true;
        }
    }
    return false;
}

static int put_place(struct writing *writing, const struct place *place)
{
    char text[2 * PATH_TEXT_MAX];
    if (place->asked == 0 || is_in_subtree(place)) {
        return 0;
    }
    const int len = place_path(place, text, sizeof text);
    if (len < 0) {
        return len;
    }
    const char *path = arena_strndup(writing->arena, text, (size_t)len);
    writing->bytes += (size_t)len;
    if (path == NULL || writing->bytes > TRACE_BYTES_MAX) {
        return path == NULL ? -ENOMEM : -EFBIG;
    }
    const unsigned asked = (place->asked & ASKED_SUBTREE) != 0 ? ASKED_SUBTREE : place->asked;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        if ((asked & kinds[i].asked) != 0 && (asked & kinds[i].answered_by) == 0) {
            rc = put(writing, kinds[i].kind, path);
        }
    }
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct observation *x = a;
    const struct observation *y = b;
    const int order = strcmp(x->path, y->path);
    return order != 0 ? order : (int)x->kind - (int)y->kind;
}

static int put_all(struct writing *writing, const struct recorder *recorder)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < recorder->fact_count; i++) {
        const char *name = arena_strdup(writing->arena, recorder->facts[i]);
        rc = name != NULL ? put(writing, OBSERVE_HOST, name) : -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < recorder->places.bucket_count; i++) {
        const struct place *place = recorder->places.buckets[i];
        for (; rc == 0 && place != NULL; place = place->next) {
            rc = put_place(writing, place);
        }
    }
    return rc;
}

int recorder_trace(struct recorder *recorder,
                   struct arena *arena,
                   const struct trace **ret_trace,
                   struct err *err)
{
    struct writing writing = {.arena = arena};
    struct trace *trace = arena_alloc(arena, sizeof *trace);
    if (recorder->places.full) {
        recorder_flag(recorder, TRACE_INCOMPLETE, "it asks for more than %u paths", PLACES_MAX);
    }
    int rc = trace != NULL ? put_all(&writing, recorder) : -ENOMEM;
    if (rc == -EFBIG || rc == -ENAMETOOLONG) {
        recorder_flag(recorder, TRACE_INCOMPLETE, "the paths it asks for are too long to keep");
        writing.count = 0;
        rc = 0;
    }
    struct observation *items = rc == 0 ? arena_calloc(arena, writing.count, sizeof *items) : NULL;
    char *why = recorder->flags != 0 ? arena_strdup(arena, recorder->why) : NULL;
    if (items == NULL || (why == NULL && recorder->flags != 0)) {
        mem_free(writing.items);
        return err_set(err, -ENOMEM, "out of memory for the trace");
    }
    if (writing.count > 0) {
        qsort(writing.items, writing.count, sizeof *writing.items, compare);
        memcpy(items, writing.items, writing.count * sizeof *items);
    }
    mem_free(writing.items);
    *trace = (struct trace){.items = items,
                            .count = writing.count,
                            .flags = recorder->flags,
                            .why = why,
                            .calls = recorder->calls};
    *ret_trace = trace;
    return 0;
}

/* ---- as bytes: flags, calls, count; why; then kind and path, each path with its end ---- */

int trace_pack(const struct trace *trace, struct str *out)
{
    const uint64_t numbers[] = {trace->flags, trace->calls, trace->count};
    const char *why = trace->why != NULL ? trace->why : "";
    (void)str_append_n(out, numbers, sizeof numbers);
    (void)str_append_n(out, why, strlen(why) + 1);
    for (size_t i = 0; i < trace->count; i++) {
        (void)str_append_char(out, (char)trace->items[i].kind);
        (void)str_append_n(out, trace->items[i].path, strlen(trace->items[i].path) + 1);
    }
    return str_error(out);
}

struct unpacking {
    const char *at;
    const char *end;
    struct arena *arena;
};

/* NULL when there is no whole text or no memory. */
static const char *unpack_text(struct unpacking *from)
{
    const char *zero = memchr(from->at, '\0', (size_t)(from->end - from->at));
    if (zero == NULL) {
        return NULL;
    }
    const char *text = arena_strndup(from->arena, from->at, (size_t)(zero - from->at));
    from->at = zero + 1;
    return text;
}

static bool is_kind(char letter)
{
    return letter != '\0' && strchr("XTLCDRH", letter) != NULL;
}

static bool unpack_items(struct unpacking *from, struct observation *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (from->at == from->end || !is_kind(*from->at)) {
            return false;
        }
        items[i].kind = (enum observation_kind) * from->at++;
        items[i].path = unpack_text(from);
        if (items[i].path == NULL) {
            return false;
        }
    }
    return from->at == from->end;
}

int trace_unpack(const char *bytes,
                 size_t len,
                 struct arena *arena,
                 const struct trace **ret_trace,
                 struct err *err)
{
    uint64_t numbers[3];
    struct unpacking from = {.end = bytes + len, .arena = arena};
    if (len < sizeof numbers) {
        return err_set(err, -EBADMSG, "damaged trace: %zu bytes", len);
    }
    memcpy(numbers, bytes, sizeof numbers);
    from.at = bytes + sizeof numbers;
    const char *why = unpack_text(&from);
    if (why == NULL || numbers[2] > len) {
        return err_set(err, -EBADMSG, "damaged trace: %zu bytes", len);
    }
    const size_t count = (size_t)numbers[2];
    struct observation *items = arena_calloc(arena, count, sizeof *items);
    struct trace *trace = arena_alloc(arena, sizeof *trace);
    if (items == NULL || trace == NULL || !unpack_items(&from, items, count)) {
        return err_set(err, -EBADMSG, "damaged trace of %zu observations", count);
    }
    *trace = (struct trace){.items = items,
                            .count = count,
                            .flags = (unsigned)numbers[0],
                            .why = why[0] != '\0' ? why : NULL,
                            .calls = numbers[1]};
    *ret_trace = trace;
    return 0;
}

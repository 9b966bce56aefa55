/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/origins.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Words for one origin. */
#define WORDS_MAX 4096

/* A clock that is less than this behind says "just now", not nothing. */
#define CLOCKS_DIFFER_MS (60LL * 1000)

static const char *name_of(const struct reused *reused)
{
    return reused->change != NULL && reused->change[0] != '\0' ? reused->change : ORIGIN_MAIN;
}

void origins_fini(struct origins *origins)
{
    for (size_t i = 0; i < origins->count; i++) {
        mem_free(origins->items[i].name);
    }
    vec_fini(origins);
    *origins = (struct origins){0};
}

/* Larger ones stay in front, so that nearly every search ends at once. */
static void move_up(struct origins *origins, size_t at)
{
    for (; at > 0 && origins->items[at - 1].count < origins->items[at].count; at--) {
        struct origin smaller = origins->items[at - 1];
        origins->items[at - 1] = origins->items[at];
        origins->items[at] = smaller;
    }
}

static void count_origin(struct origins *origins, const char *name)
{
    for (size_t i = 0; i < origins->count; i++) {
        if (strcmp(origins->items[i].name, name) == 0) {
            origins->items[i].count++;
            move_up(origins, i);
            return;
        }
    }
    struct origin origin = {.name = NULL, .count = 1};
    if (origins->count < ORIGINS_MAX) {
        origin.name = mem_strdup(name);
    }
    if (origin.name == NULL || vec_push(origins, origin) != 0) {
        mem_free(origin.name);
        origins->others++;
    }
}

void origins_add(struct origins *origins, const struct outcome *outcome)
{
    if (!outcome->final || (outcome->flags & FLAG_CANCELLED) != 0) {
        return;
    }
    if (outcome->reused != NULL) {
        origins->reused++;
        count_origin(origins, name_of(outcome->reused));
    } else if (outcome->slot >= 0) {
        origins->ran++;
    }
}

static void put_clean(struct str *out, const char *text)
{
    size_t start = out->len;
    (void)text_show(out, text, strlen(text));
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\t') {
            out->data[i] = ' ';
        }
    }
}

static void put_name(struct str *out, const char *name)
{
    (void)str_append(out, strcmp(name, ORIGIN_MAIN) == 0 ? "" : "change ");
    (void)str_append(out, name);
}

void origins_render(const struct origins *origins, uint64_t units, struct str *out)
{
    if (origins->reused == 0) {
        return;
    }
    if (origins->reused == units && units == 1) {
        (void)str_append(out, "reused:");
    } else if (origins->reused == units) {
        (void)str_appendf(out, "all %" PRIu64 " reused:", units);
    } else {
        (void)str_appendf(out, "%" PRIu64 " of %" PRIu64 " reused:", origins->reused, units);
    }
    uint64_t rest = origins->reused;
    for (size_t i = 0; i < origins->count && i < ORIGINS_TOLD; i++) {
        CLEANUP(str_fini) struct str name = STR_INIT(WORDS_MAX);
        put_name(&name, origins->items[i].name);
        (void)str_appendf(out, "%s %" PRIu64 " from ", i > 0 ? "," : "", origins->items[i].count);
        put_clean(out, str_text(&name));
        rest -= origins->items[i].count;
    }
    if (rest > 0) {
        (void)str_appendf(
            out, "%s %" PRIu64 " from others", rest < origins->reused ? "," : "", rest);
    }
    if (origins->ran > 0) {
        (void)str_appendf(out, "; %" PRIu64 " ran", origins->ran);
    } else {
        (void)str_append(out, "; nothing ran");
    }
}

void origins_write(const struct origins *origins, struct json_writer *w)
{
    jw_object(w);
    for (size_t i = 0; i < origins->count; i++) {
        jw_put_int(w, origins->items[i].name, (int64_t)origins->items[i].count);
    }
    if (origins->others > 0) {
        jw_put_int(w, "(others)", (int64_t)origins->others);
    }
    jw_end_object(w);
}

void origin_words(const struct reused *reused, struct str *out)
{
    put_name(out, name_of(reused));
}

void age_words(int64_t earned_ms, int64_t now_ms, struct str *out)
{
    static const struct {
        int64_t ms;
        const char *word;
        const char *many;
    } units[] = {
        {24LL * 3600 * 1000, "day", "days"},
        {3600LL * 1000,      "h",   "h"   },
        {60LL * 1000,        "min", "min" },
    };

    int64_t age_ms = now_ms - earned_ms;
    if (earned_ms <= 0 || age_ms < -CLOCKS_DIFFER_MS) {
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t count = age_ms / units[i].ms;
        /* "47 h ago" says more than "1 day ago" */
        if (count >= (i == 0 ? 2 : 1)) {
            (void)str_appendf(
                out, "%" PRId64 " %s ago", count, count == 1 ? units[i].word : units[i].many);
            return;
        }
    }
    (void)str_append(out, "just now");
}

void reused_words(const struct reused *reused, int64_t now_ms, struct str *out)
{
    CLEANUP(str_fini) struct str age = STR_INIT(64);
    age_words(reused->earned_ms, now_ms, &age);
    if (reused->run != NULL) {
        (void)str_appendf(out, "run %s (", reused->run);
    }
    origin_words(reused, out);
    (void)str_append(out, age.len > 0 ? ", " : "");
    (void)str_append(out, str_text(&age));
    (void)str_append(out, reused->run != NULL ? ")" : "");
}

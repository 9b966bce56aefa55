/* SPDX-License-Identifier: Apache-2.0 */
/* Levels and points of a TAP stream, and the cases they become. A point that closes takes its
 * subtest with it: see read_tap.c. */
#include "base/mem.h"
#include "reports/junit_case.h"
#include "reports/tap_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- complaints ---- */

void tap_complain(struct tap *tap, const char *what, const char *detail)
{
    if (!tap->broken) {
        (void)err_set(tap->feed->err,
                      -EBADMSG,
                      "line %zu of the TAP report: %s%s%s",
                      tap->line_number,
                      what,
                      detail[0] != '\0' ? ": " : "",
                      detail);
    }
    tap->broken = true;
}

void tap_out_of_memory(struct tap *tap)
{
    if (tap->error == 0) {
        tap->error = err_set(tap->feed->err, -ENOMEM, "out of memory reading a TAP report");
    }
}

const char *tap_keep(struct tap *tap, const char *text, size_t len)
{
    const char *copy = tap->arena != NULL ? arena_strndup(tap->arena, text, len) : NULL;
    if (copy == NULL) {
        tap_out_of_memory(tap);
        return "";
    }
    return copy;
}

/* ---- levels ---- */

void tap_level_clear(struct level *level)
{
    vec_fini(&level->cases);
    mem_free(level->numbers);
    str_fini(&level->details);
    *level = (struct level){0};
    str_init(&level->details, KEEP_MAX);
}

struct level *tap_level_begin(struct tap *tap, unsigned index)
{
    struct level *level = &tap->levels[index];
    if (!level->active) {
        tap_level_clear(level);
        level->active = true;
    }
    return level;
}

bool tap_level_mark(struct tap *tap, struct level *level, uint64_t number)
{
    if (level->numbers == NULL) {
        level->numbers = mem_calloc(CASES_PER_UNIT_MAX / 8 + 1, 1);
        if (level->numbers == NULL) {
            tap_out_of_memory(tap);
            return true;
        }
    }
    unsigned char *byte = &level->numbers[number / 8];
    unsigned char bit = (unsigned char)(1u << (number % 8));
    bool fresh = (*byte & bit) == 0;
    *byte |= bit;
    return fresh;
}

void tap_level_complain(struct tap *tap, struct level *level, const char *what)
{
    if (level == &tap->levels[0]) {
        tap_complain(tap, what, "");
    } else if (level->complaint[0] == '\0') {
        char name[sizeof level->name]; /* gcc cannot see that the fields do not overlap */
        memcpy(name, level->name, sizeof name);
        name[sizeof name - 1] = '\0';
        (void)snprintf(level->complaint,
                       sizeof level->complaint,
                       "%.100s%s%.63s",
                       what,
                       name[0] != '\0' ? ", in subtest " : "",
                       name);
    }
}

void tap_level_check_plan(struct tap *tap, struct level *level)
{
    char what[128];
    if (!level->has_plan) {
        tap_level_complain(tap, level, "there is no plan (1..N): the stream may have been cut off");
    } else if (level->seen != level->planned) {
        (void)snprintf(what,
                       sizeof what,
                       "%llu tests were planned, %llu were run",
                       (unsigned long long)level->planned,
                       (unsigned long long)level->seen);
        tap_level_complain(tap, level, what);
    }
}

/* ---- closing points ---- */

void tap_renew_arena(struct tap *tap)
{
    arena_free(tap->arena);
    tap->arena = arena_new(POINTS_ARENA_MAX);
    if (tap->arena == NULL) {
        tap_out_of_memory(tap);
    }
}

void tap_emit(struct tap *tap, unsigned index, const struct test_case *test_case)
{
    if (index == 0) {
        if (tap->feed->stop == 0) {
            (void)feed_case(tap->feed, test_case);
        }
    } else if (vec_push(&tap->levels[index].cases, *test_case) != 0) {
        tap_out_of_memory(tap);
    }
}

static enum outcome_status point_status(const struct point *point)
{
    if (point->skip || (point->todo && !point->ok)) {
        return OUTCOME_SKIPPED; /* also `not ok # SKIP`, as cmocka writes it */
    }
    return point->ok ? OUTCOME_PASSED : OUTCOME_FAILED;
}

/* The value of a top-level "key: value" line in a YAML diagnostic, unquoted into the arena. */
static const char *yaml_value(struct tap *tap, const char *details, const char *key)
{
    size_t key_len = strlen(key);
    for (const char *line = details; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, key, key_len) != 0 || line[key_len] != ':') {
            continue;
        }
        const char *value = line + key_len + 1;
        value += strspn(value, " \t");
        size_t len = strcspn(value, "\n");
        bool quoted = len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value;
        if (len > 0 && strchr("|>", *value) == NULL) {
            return tap_keep(tap, value + (quoted ? 1 : 0), len - (quoted ? 2 : 0));
        }
    }
    return NULL;
}

static const char *first_line(struct tap *tap, const char *text)
{
    text += strspn(text, " \t\n");
    return *text != '\0' ? tap_keep(tap, text, strcspn(text, "\n")) : NULL;
}

/* File and line from the diagnostic: YAML keys, or "path:line" in front of a line. */
static void take_place(struct tap *tap, const char *details, struct test_case *c)
{
    const char *file = yaml_value(tap, details, "file");
    const char *line = yaml_value(tap, details, "line");
    const char *path = NULL;
    size_t len = 0;
    if (file != NULL) {
        c->file = file;
        c->line = line != NULL ? (uint32_t)strtoul(line, NULL, 10) : 0;
    } else if (find_location(details, &path, &len, &c->line) == 1) {
        c->file = tap_keep(tap, path, len);
    }
}

static struct test_case point_case(struct tap *tap, const struct level *level)
{
    const struct point *point = &level->point;
    struct test_case c = {
        .name = point->name, .time_s = point->time_s, .status = point_status(point)};
    const char *details = str_text(&level->details);
    const char *duration = yaml_value(tap, details, "duration_ms");
    if (duration != NULL && c.time_s < 0) {
        double ms = junit_time(duration);
        c.time_s = ms >= 0 ? ms / 1000 : -1;
    }
    if (c.status == OUTCOME_SKIPPED) {
        c.message = point->reason;
        c.type = point->todo ? "todo" : NULL;
    }
    if (c.status == OUTCOME_FAILED) {
        const char *message = yaml_value(tap, details, "message");
        c.details = level->details.len > 0 ? tap_keep(tap, details, level->details.len) : NULL;
        c.message = message != NULL ? message : first_line(tap, details);
        take_place(tap, details, &c);
    }
    return c;
}

const char *tap_join_suite(struct tap *tap, const char *outer, const char *inner)
{
    if (inner == NULL) {
        return outer;
    }
    const char *joined = arena_printf(tap->arena, "%s > %s", outer, inner);
    if (joined == NULL) {
        tap_out_of_memory(tap);
    }
    return joined;
}

static bool any_failed(const struct level *child)
{
    for (size_t i = 0; i < child->cases.count; i++) {
        if (child->cases.items[i].status == OUTCOME_FAILED
            || child->cases.items[i].status == OUTCOME_ERRORED) {
            return true;
        }
    }
    return false;
}

/* The points of a subtest take the place of the point that sums them up; it stays beside them when
 * it knows of a failure that none of them shows. */
static void emit_subtest(struct tap *tap, unsigned index, struct test_case *summary)
{
    struct level *child = &tap->levels[index + 1];
    for (size_t i = 0; i < child->cases.count; i++) {
        struct test_case c = child->cases.items[i];
        c.suite = tap_join_suite(tap, summary->name, c.suite);
        tap_emit(tap, index, &c);
    }
    if (summary->status == OUTCOME_FAILED && !any_failed(child)) {
        tap_emit(tap, index, summary);
    }
}

bool tap_is_subtest(const struct level *level)
{
    return level->active && (level->has_plan || (level->announced && level->seen > 0));
}

/* The subtest at `index` is over. True when it holds cases that stand for the point above it. */
static bool close_subtest(struct tap *tap, unsigned index)
{
    struct level *child = &tap->levels[index];
    if (!tap_is_subtest(child)) {
        return false;
    }
    tap_level_check_plan(tap, child);
    if (child->complaint[0] != '\0' && index == 1) {
        tap_complain(tap, child->complaint, "");
    } else if (child->complaint[0] != '\0') {
        tap_level_complain(tap, &tap->levels[index - 1], child->complaint);
    }
    return child->cases.count > 0;
}

/* Ends the open point at a level: it, or its subtest, goes up. Levels below are closed already. */
static void close_point(struct tap *tap, unsigned index)
{
    struct level *level = &tap->levels[index];
    struct test_case c = point_case(tap, level);
    bool has_subtest = index + 1 < LEVELS_MAX && close_subtest(tap, index + 1);
    if (has_subtest && c.status != OUTCOME_SKIPPED) {
        emit_subtest(tap, index, &c);
    } else {
        tap_emit(tap, index, &c);
    }
    for (unsigned i = index + 1; i < LEVELS_MAX && tap->levels[i].active; i++) {
        tap_level_clear(&tap->levels[i]);
    }
    level->open = false;
    str_clear(&level->details);
    if (index == 0) {
        tap_renew_arena(tap);
    }
}

void tap_close_level(struct tap *tap, unsigned index)
{
    for (unsigned i = LEVELS_MAX; i-- > index;) {
        if (tap->levels[i].active && tap->levels[i].open) {
            close_point(tap, i);
        }
    }
}

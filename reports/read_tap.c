/* SPDX-License-Identifier: Apache-2.0 */
/* TAP 13 and 14 -> cases, line by line (docs/formats/tap.md).
 *
 *   line -> level by indentation (4 blanks each) -> plan | test point | diagnostic | noise
 *
 * A test point stays open until the next one, because its diagnostics and its subtest may follow
 * it. When a point closes, the points of its subtest, kept in a list until then, take its place:
 *
 *       # Subtest: math            kept: level 1, "adds", "divides"
 *           ok 1 - adds
 *           not ok 2 - divides
 *           1..2
 *       not ok 1 - math            delivers math/adds, math/divides
 *
 * A plan that is missing, in doubt or not met, a bail-out, an unfinished subtest: -EBADMSG, after
 * all cases were delivered. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "reports/junit_case.h"
#include "reports/read_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Subtests within subtests; deeper lines are noise. */
#define LEVELS_MAX 16
#define INDENT     4

/* Memory for the points of one top-level test and its subtests; the report itself is bounded by
 * REPORT_BYTES_MAX. */
#define POINTS_ARENA_MAX ((size_t)2 * REPORT_BYTES_MAX)

struct point {
    bool ok;
    bool skip;
    bool todo;
    bool brace; /* its subtest follows in { } */
    uint64_t number;
    const char *name;
    const char *reason; /* of the directive */
    double time_s;
};

struct level {
    bool active;
    bool open; /* `point` is waiting for what belongs to it */
    bool has_plan;
    bool plan_last;      /* the plan came after points */
    bool strict;         /* pragma +strict: a line that is not TAP is an error */
    bool announced;      /* by "# Subtest", a version line or a brace: not noise */
    char complaint[192]; /* of a subtest: told when it turns out not to be noise */
    uint64_t planned;
    uint64_t seen;
    uint64_t last_number;
    uint64_t highest;
    unsigned char *numbers; /* bit per number that was seen */
    char name[64];          /* from "# Subtest: name", for messages */
    struct point point;
    struct str details;

    struct {
        VEC_FIELDS(struct test_case);
    } cases; /* of closed points, waiting for the point above */
};

struct tap {
    struct report_feed *feed;
    struct arena *arena; /* of the open top-level point */
    struct level levels[LEVELS_MAX];
    struct str skip_all; /* reason of a plan 1..0 */
    size_t line_number;
    size_t yaml_indent;  /* > 0: within a YAML block of that indentation ... */
    unsigned yaml_level; /* ... that belongs to the open point of this level */
    bool broken;         /* a message is in feed->err */
    bool done;           /* bailed out */
    int error;           /* -ENOMEM */
};

/* ---- complaints ---- */

/* The first complaint is kept, reading goes on. */
static void complain(struct tap *tap, const char *what, const char *detail)
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

static void out_of_memory(struct tap *tap)
{
    if (tap->error == 0) {
        tap->error = err_set(tap->feed->err, -ENOMEM, "out of memory reading a TAP report");
    }
}

static const char *keep(struct tap *tap, const char *text, size_t len)
{
    const char *copy = tap->arena != NULL ? arena_strndup(tap->arena, text, len) : NULL;
    if (copy == NULL) {
        out_of_memory(tap);
        return "";
    }
    return copy;
}

/* ---- levels ---- */

static void level_clear(struct level *level)
{
    vec_fini(&level->cases);
    mem_free(level->numbers);
    str_fini(&level->details);
    *level = (struct level){0};
    str_init(&level->details, KEEP_MAX);
}

static struct level *level_begin(struct tap *tap, unsigned index)
{
    struct level *level = &tap->levels[index];
    if (!level->active) {
        level_clear(level);
        level->active = true;
    }
    return level;
}

/* Marks a number as seen; false when it was seen before. */
static bool level_mark(struct tap *tap, struct level *level, uint64_t number)
{
    if (level->numbers == NULL) {
        level->numbers = mem_calloc(CASES_PER_UNIT_MAX / 8 + 1, 1);
        if (level->numbers == NULL) {
            out_of_memory(tap);
            return true;
        }
    }
    unsigned char *byte = &level->numbers[number / 8];
    unsigned char bit = (unsigned char)(1u << (number % 8));
    bool fresh = (*byte & bit) == 0;
    *byte |= bit;
    return fresh;
}

/* A complaint about a subtest waits until it is known to be one. */
static void level_complain(struct tap *tap, struct level *level, const char *what)
{
    if (level == &tap->levels[0]) {
        complain(tap, what, "");
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

/* Checks the plan of a stream that is over. */
static void level_check_plan(struct tap *tap, struct level *level)
{
    char what[128];
    if (!level->has_plan) {
        level_complain(tap, level, "there is no plan (1..N): the stream may have been cut off");
    } else if (level->seen != level->planned) {
        (void)snprintf(what,
                       sizeof what,
                       "%llu tests were planned, %llu were run",
                       (unsigned long long)level->planned,
                       (unsigned long long)level->seen);
        level_complain(tap, level, what);
    }
}

/* ---- closing points ---- */

/* Frees the strings of the top-level point that was closed. */
static void renew_arena(struct tap *tap)
{
    arena_free(tap->arena);
    tap->arena = arena_new(POINTS_ARENA_MAX);
    if (tap->arena == NULL) {
        out_of_memory(tap);
    }
}

static void emit(struct tap *tap, unsigned index, const struct test_case *test_case)
{
    if (index == 0) {
        if (tap->feed->stop == 0) {
            (void)feed_case(tap->feed, test_case);
        }
    } else if (vec_push(&tap->levels[index].cases, *test_case) != 0) {
        out_of_memory(tap);
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
            return keep(tap, value + (quoted ? 1 : 0), len - (quoted ? 2 : 0));
        }
    }
    return NULL;
}

static const char *first_line(struct tap *tap, const char *text)
{
    text += strspn(text, " \t\n");
    return *text != '\0' ? keep(tap, text, strcspn(text, "\n")) : NULL;
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
        c->file = keep(tap, path, len);
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
        c.details = level->details.len > 0 ? keep(tap, details, level->details.len) : NULL;
        c.message = message != NULL ? message : first_line(tap, details);
        take_place(tap, details, &c);
    }
    return c;
}

static const char *join_suite(struct tap *tap, const char *outer, const char *inner)
{
    if (inner == NULL) {
        return outer;
    }
    const char *joined = arena_printf(tap->arena, "%s > %s", outer, inner);
    if (joined == NULL) {
        out_of_memory(tap);
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
        c.suite = join_suite(tap, summary->name, c.suite);
        emit(tap, index, &c);
    }
    if (summary->status == OUTCOME_FAILED && !any_failed(child)) {
        emit(tap, index, summary);
    }
}

/* True when the lines of a level were a subtest: a group that nothing announced and that has no
 * plan is what a test printed; an announcement that nothing followed is how node:test writes. */
static bool is_subtest(const struct level *level)
{
    return level->active && (level->has_plan || (level->announced && level->seen > 0));
}

/* The subtest at `index` is over. True when it holds cases that stand for the point above it. */
static bool close_subtest(struct tap *tap, unsigned index)
{
    struct level *child = &tap->levels[index];
    if (!is_subtest(child)) {
        return false;
    }
    level_check_plan(tap, child);
    if (child->complaint[0] != '\0' && index == 1) {
        complain(tap, child->complaint, "");
    } else if (child->complaint[0] != '\0') {
        level_complain(tap, &tap->levels[index - 1], child->complaint);
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
        emit(tap, index, &c);
    }
    for (unsigned i = index + 1; i < LEVELS_MAX && tap->levels[i].active; i++) {
        level_clear(&tap->levels[i]);
    }
    level->open = false;
    str_clear(&level->details);
    if (index == 0) {
        renew_arena(tap);
    }
}

/* Closes all that is open at a level and below it, innermost first. */
static void close_level(struct tap *tap, unsigned index)
{
    for (unsigned i = LEVELS_MAX; i-- > index;) {
        if (tap->levels[i].active && tap->levels[i].open) {
            close_point(tap, i);
        }
    }
}

/* ---- test points ---- */

/* The '#' that begins a directive or comment: unescaped, after a blank or at the start. */
static const char *find_hash(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
        } else if (*c == '#' && (c == text || isspace((unsigned char)c[-1]))) {
            return c;
        }
    }
    return text + strlen(text);
}

/* A description without "- ", outer blanks and escapes. */
static const char *clean_name(struct tap *tap, const char *text, size_t len)
{
    char *name = arena_alloc(tap->arena, len + 1);
    if (name == NULL) {
        out_of_memory(tap);
        return "";
    }
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    size_t at = strspn(text, " \t");
    if (at < len && text[at] == '-' && (at + 1 == len || isspace((unsigned char)text[at + 1]))) {
        at++;
        at += strspn(text + at, " \t");
    }
    size_t used = 0;
    while (at < len) {
        at += text[at] == '\\' && at + 1 < len && strchr("\\#", text[at + 1]) != NULL ? 1 : 0;
        name[used++] = text[at++];
    }
    name[used] = '\0';
    return name;
}

/* "# SKIP why", "# TODO why", "# time=1.2ms" behind a description. */
static void parse_directive(struct tap *tap, struct point *point, const char *hash)
{
    const char *word = hash + 1 + strspn(hash + 1, " \t");
    size_t len = 0;
    if (strncasecmp(word, "skip", 4) == 0) {
        point->skip = true;
        len = strcspn(word, " \t"); /* also "skipped:" */
    } else if (strncasecmp(word, "todo", 4) == 0 && !isalnum((unsigned char)word[4])) {
        point->todo = true;
        len = 4;
    } else if (strncmp(word, "time=", 5) == 0) {
        char *end = NULL;
        double number = strtod(word + 5, &end);
        point->time_s = strncmp(end, "ms", 2) == 0 ? number / 1000 : number;
        return;
    } else {
        return;
    }
    const char *reason = word + len + strspn(word + len, " \t:");
    point->reason = *reason != '\0' ? keep(tap, reason, strcspn(reason, "\n")) : NULL;
}

/* The number behind "ok"; without one, the next in order. Returns the text behind it. */
static const char *parse_number(struct level *level, struct point *point, const char *text)
{
    text += strspn(text, " \t");
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && (text[digits] == '\0' || isspace((unsigned char)text[digits]))) {
        point->number = digits <= 18 ? strtoull(text, NULL, 10) : UINT64_MAX;
        text += digits;
    } else {
        point->number = level->last_number + 1;
    }
    level->highest = point->number > level->highest ? point->number : level->highest;
    level->last_number = point->number < CASES_PER_UNIT_MAX ? point->number : level->last_number;
    return text;
}

static void check_number(struct tap *tap, struct level *level, const struct point *point)
{
    char what[128];
    bool beyond = level->has_plan && !level->plan_last && point->number > level->planned;
    if (level->has_plan && level->plan_last) {
        level_complain(tap, level, "a test follows the plan that ended the stream");
    } else if (beyond || point->number == 0 || point->number >= CASES_PER_UNIT_MAX) {
        (void)snprintf(what,
                       sizeof what,
                       "test number %llu is outside the plan",
                       (unsigned long long)point->number);
        level_complain(tap, level, what);
    } else if (!level_mark(tap, level, point->number)) {
        (void)snprintf(what,
                       sizeof what,
                       "test number %llu was there before",
                       (unsigned long long)point->number);
        level_complain(tap, level, what);
    }
}

static void name_point(struct tap *tap, struct point *point)
{
    if (point->name[0] == '\0' && !point->ok && point->skip && point->reason != NULL) {
        point->name = point->reason; /* cmocka: `not ok 3 # SKIP name` */
        point->reason = NULL;
    }
    if (point->name[0] == '\0') {
        const char *name = arena_printf(tap->arena, "test %llu", (unsigned long long)point->number);
        point->name = name != NULL ? name : "";
    }
}

/* Makes a level ready for a line of its own: a point above it that has no brace open cannot own
 * what follows. NULL when there is no stream above it, so that the line is noise. */
static struct level *enter_level(struct tap *tap, unsigned index)
{
    if (index > 0) {
        const struct level *above = &tap->levels[index - 1];
        if (!above->active) {
            return NULL;
        }
        if (above->open && !above->point.brace) {
            close_level(tap, index - 1);
        }
    }
    return level_begin(tap, index);
}

static void announce(struct tap *tap, unsigned index, const char *name)
{
    struct level *level = index < LEVELS_MAX ? enter_level(tap, index) : NULL;
    if (level != NULL) {
        level->announced = true;
        (void)snprintf(level->name, sizeof level->name, "%s", name);
    }
}

/* Takes " {" from the end of a description. */
static bool strip_brace(const char *text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)text[*len - 1])) {
        (*len)--;
    }
    if (*len > 0 && text[*len - 1] == '{'
        && (*len == 1 || isspace((unsigned char)text[*len - 2]))) {
        (*len)--;
        return true;
    }
    return false;
}

static void read_point(struct tap *tap, unsigned index, bool ok, const char *line)
{
    struct level *level = enter_level(tap, index);
    if (level == NULL) {
        return;
    }
    close_level(tap, index);
    size_t len = strlen(line);
    struct point point = {.ok = ok, .time_s = -1, .brace = strip_brace(line, &len)};
    const char *text = keep(tap, line, len);
    text = parse_number(level, &point, text);
    const char *hash = find_hash(text);
    if (*hash == '#') {
        parse_directive(tap, &point, hash);
    }
    point.name = clean_name(tap, text, (size_t)(hash - text));
    name_point(tap, &point);
    level->seen++;
    check_number(tap, level, &point);
    level->point = point;
    level->open = true;
    if (point.brace) {
        announce(tap, index + 1, point.name);
    }
}

/* ---- plans ---- */

static void plan_skip_all(struct tap *tap, unsigned index, const char *rest)
{
    const char *hash = find_hash(rest);
    if (index > 0 || *hash != '#') {
        return;
    }
    const char *reason = hash + 1 + strspn(hash + 1, " \t");
    reason += strncasecmp(reason, "skip", 4) == 0 ? strcspn(reason, " \t") : 0;
    reason += strspn(reason, " \t");
    str_clear(&tap->skip_all);
    keep_text(&tap->skip_all, reason, strlen(reason));
    keep_text(&tap->skip_all, "", 0);
}

/* A stream whose plan says nothing runs, and why, is one skipped case. */
static void end_stream(struct tap *tap)
{
    struct level *level = &tap->levels[0];
    if (level->has_plan && level->planned == 0 && level->seen == 0 && tap->skip_all.len > 0
        && tap->feed->stop == 0) {
        struct test_case c = {.name = "(all)",
                              .status = OUTCOME_SKIPPED,
                              .message = tap->skip_all.data,
                              .time_s = -1};
        (void)feed_case(tap->feed, &c);
    }
    level_check_plan(tap, level);
}

/* A second plan is wrong, unless the stream so far is whole: then another one follows it (cmocka
 * writes one stream per group). */
static bool begin_next_stream(struct tap *tap, unsigned index, struct level *level)
{
    if (index > 0 || level->seen != level->planned) {
        level_complain(tap, level, "a second plan, while the first is not met");
        return false;
    }
    close_level(tap, 0);
    end_stream(tap);
    level_clear(level);
    level->active = true;
    return true;
}

/* "1..N" and what follows. False when the line is no plan. */
static bool read_plan(struct tap *tap, unsigned index, const char *text)
{
    size_t digits = strspn(text + 3, "0123456789");
    const char *rest = text + 3 + digits;
    if (digits == 0 || digits > 18 || (*rest != '\0' && !isspace((unsigned char)*rest))) {
        return false;
    }
    struct level *level = enter_level(tap, index);
    if (level == NULL || (level->has_plan && !begin_next_stream(tap, index, level))) {
        return true;
    }
    level->has_plan = true;
    level->planned = strtoull(text + 3, NULL, 10);
    level->plan_last = level->seen > 0;
    if (level->highest > level->planned) {
        level_complain(tap, level, "a test number before the plan is outside of it");
    }
    if (level->planned == 0) {
        plan_skip_all(tap, index, rest);
    }
    return true;
}

/* ---- other lines ---- */

static void add_details(struct level *level, const char *text)
{
    if (level->details.len > 0) {
        keep_text(&level->details, "\n", 1);
    }
    keep_text(&level->details, text, strlen(text));
}

/* "# Subtest: x" stands at the level above its subtest (TAP 14, node:test) or at the subtest's own
 * (Perl); other comments behind a point belong to it. */
static void read_comment(struct tap *tap, unsigned index, const char *text)
{
    const char *words = text + 1 + strspn(text + 1, " \t");
    if (text_starts_with(words, "Subtest")) {
        const char *name = words + strlen("Subtest");
        name += strspn(name, ": \t");
        struct level *level = enter_level(tap, index);
        bool own =
            level != NULL && index > 0 && level->seen == 0 && !level->has_plan && !level->announced;
        announce(tap, own ? index : index + 1, name);
        return;
    }
    struct level *level = &tap->levels[index];
    if (level->active && level->open) {
        add_details(level, words);
    }
}

static void read_version(struct tap *tap, unsigned index, const char *text)
{
    long version = strtol(text + strlen("TAP version"), NULL, 10);
    if (version > 14) {
        complain(tap, "this TAP version is newer than 14, the newest that is read", text);
    }
    if (index > 0) {
        announce(tap, index, "");
    }
}

static void read_bail_out(struct tap *tap, const char *text)
{
    const char *reason = text + strlen("Bail out!");
    complain(tap, "the test bailed out", reason + strspn(reason, " \t"));
    tap->done = true;
}

/* What can open or close a subtest in braces. */
static bool read_brace(struct tap *tap, unsigned index, const char *text)
{
    struct level *level = &tap->levels[index];
    if (!level->active || !level->open || text[strspn(text + 1, " \t") + 1] != '\0') {
        return false;
    }
    if (*text == '{') {
        level->point.brace = true;
        announce(tap, index + 1, level->point.name);
        return true;
    }
    if (*text == '}' && level->point.brace) {
        close_level(tap, index);
        return true;
    }
    return false;
}

static bool is_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncmp(text, word, len) == 0
           && (text[len] == '\0' || text[len] == '#' || isspace((unsigned char)text[len]));
}

/* Reads a line at an indentation that can be a level's. False when it is not TAP. */
static bool read_level_line(struct tap *tap, unsigned index, const char *text)
{
    if (is_word(text, "ok")) {
        read_point(tap, index, true, text + 2);
    } else if (is_word(text, "not ok")) {
        read_point(tap, index, false, text + 6);
    } else if (text_starts_with(text, "1..")) {
        return read_plan(tap, index, text);
    } else if (*text == '#') {
        read_comment(tap, index, text);
    } else if (strncasecmp(text, "Bail out!", 9) == 0) {
        read_bail_out(tap, text);
    } else if (strncasecmp(text, "TAP version", 11) == 0) {
        read_version(tap, index, text);
    } else if (text_starts_with(text, "pragma ")) {
        bool on = strstr(text, "+strict") != NULL;
        tap->levels[index].strict = on || (tap->levels[index].strict && !strstr(text, "-strict"));
    } else {
        return read_brace(tap, index, text);
    }
    return true;
}

/* ---- YAML diagnostics ---- */

/* "---" indented by one to three blanks more than the open point it follows. */
static bool begin_yaml(struct tap *tap, size_t indent, const char *text)
{
    unsigned index = (unsigned)(indent / INDENT);
    if (!text_starts_with(text, "---") || indent % INDENT == 0 || index >= LEVELS_MAX) {
        return false;
    }
    const struct level *level = &tap->levels[index];
    if (!level->active || !level->open) {
        return false;
    }
    tap->yaml_indent = indent;
    tap->yaml_level = index;
    return true;
}

/* True when the line belongs to the block; one that is indented less ends it, as "..." does. */
static bool continue_yaml(struct tap *tap, const char *line, size_t indent, const char *text)
{
    if (*text != '\0' && indent < tap->yaml_indent) {
        tap->yaml_indent = 0;
        return false;
    }
    if (indent == tap->yaml_indent && strcmp(text, "...") == 0) {
        tap->yaml_indent = 0;
        return true;
    }
    size_t cut = indent < tap->yaml_indent ? indent : tap->yaml_indent;
    add_details(&tap->levels[tap->yaml_level], line + cut);
    return true;
}

static void read_line(struct tap *tap, const char *line)
{
    size_t indent = strspn(line, " ");
    const char *text = line + indent;
    if (tap->yaml_indent > 0 && continue_yaml(tap, line, indent, text)) {
        return;
    }
    if (*text == '\0' || begin_yaml(tap, indent, text)) {
        return;
    }
    bool is_tap = indent % INDENT == 0 && indent / INDENT < LEVELS_MAX
                  && read_level_line(tap, (unsigned)(indent / INDENT), text);
    if (!is_tap && indent == 0 && tap->levels[0].strict) {
        complain(tap, "not TAP, in a stream that says it is strict", text);
    }
}

/* ---- the whole ---- */

/* Points whose parent never came go up under the name their subtest was announced with. */
static void flush_orphans(struct tap *tap)
{
    for (unsigned i = LEVELS_MAX; i-- > 1;) {
        struct level *level = &tap->levels[i];
        if (!is_subtest(level)) {
            continue;
        }
        complain(tap, "a subtest ends without the test point that sums it up", level->name);
        for (size_t j = 0; j < level->cases.count; j++) {
            struct test_case c = level->cases.items[j];
            c.suite = level->name[0] != '\0' ? join_suite(tap, level->name, c.suite) : c.suite;
            emit(tap, i - 1, &c);
        }
    }
}

static void read_lines(struct tap *tap, struct str *text)
{
    char *line = text->data;
    char *end = text->data + text->len;
    while (line < end && !tap->done && tap->feed->stop == 0 && tap->error == 0) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        newline = newline != NULL ? newline : end;
        *newline = '\0';
        tap->line_number++;
        read_line(tap, line);
        line = newline + 1;
    }
    close_level(tap, 0);
    flush_orphans(tap);
    bool anything = tap->levels[0].has_plan || tap->levels[0].seen > 0 || tap->feed->count > 0;
    if (anything) {
        end_stream(tap);
    }
}

static int result_of(const struct tap *tap)
{
    if (tap->feed->stop != 0) {
        return tap->feed->stop;
    }
    if (tap->error != 0) {
        return tap->error;
    }
    return tap->broken ? -EBADMSG : 0;
}

int read_tap(const char *text, size_t len, struct report_feed *feed)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(SIZE_MAX / 4);
    size_t bom = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    (void)text_sanitize(&clean, text + bom, len - bom);
    struct tap *tap = mem_calloc(1, sizeof *tap);
    if (tap == NULL || clean.error != 0) {
        mem_free(tap);
        return err_set(feed->err, -ENOMEM, "out of memory reading a report of %zu bytes", len);
    }
    tap->feed = feed;
    str_init(&tap->skip_all, KEEP_MAX);
    renew_arena(tap);
    (void)level_begin(tap, 0);
    if (clean.len > 0) {
        read_lines(tap, &clean);
    }
    int rc = result_of(tap);
    for (unsigned i = 0; i < LEVELS_MAX; i++) {
        level_clear(&tap->levels[i]);
    }
    str_fini(&tap->skip_all);
    arena_free(tap->arena);
    mem_free(tap);
    return rc;
}

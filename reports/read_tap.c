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
#include "reports/tap_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
        tap_out_of_memory(tap);
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
    point->reason = *reason != '\0' ? tap_keep(tap, reason, strcspn(reason, "\n")) : NULL;
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
        tap_level_complain(tap, level, "a test follows the plan that ended the stream");
    } else if (beyond || point->number == 0 || point->number >= CASES_PER_UNIT_MAX) {
        (void)snprintf(what,
                       sizeof what,
                       "test number %llu is outside the plan",
                       (unsigned long long)point->number);
        tap_level_complain(tap, level, what);
    } else if (!tap_level_mark(tap, level, point->number)) {
        (void)snprintf(what,
                       sizeof what,
                       "test number %llu was there before",
                       (unsigned long long)point->number);
        tap_level_complain(tap, level, what);
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
            tap_close_level(tap, index - 1);
        }
    }
    return tap_level_begin(tap, index);
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
    tap_close_level(tap, index);
    size_t len = strlen(line);
    struct point point = {.ok = ok, .time_s = -1, .brace = strip_brace(line, &len)};
    const char *text = tap_keep(tap, line, len);
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
    tap_level_check_plan(tap, level);
}

/* A second plan is wrong, unless the stream so far is whole: then another one follows it (cmocka
 * writes one stream per group). */
static bool begin_next_stream(struct tap *tap, unsigned index, struct level *level)
{
    if (index > 0 || level->seen != level->planned) {
        tap_level_complain(tap, level, "a second plan, while the first is not met");
        return false;
    }
    tap_close_level(tap, 0);
    end_stream(tap);
    tap_level_clear(level);
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
        tap_level_complain(tap, level, "a test number before the plan is outside of it");
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
        tap_complain(tap, "this TAP version is newer than 14, the newest that is read", text);
    }
    if (index > 0) {
        announce(tap, index, "");
    }
}

static void read_bail_out(struct tap *tap, const char *text)
{
    const char *reason = text + strlen("Bail out!");
    tap_complain(tap, "the test bailed out", reason + strspn(reason, " \t"));
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
        tap_close_level(tap, index);
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
    const bool torn_not = tap->torn_not;
    tap->torn_not = strncmp(text, "not", 3) == 0 && text[3 + strspn(text + 3, " ")] == '\0';
    if (is_word(text, "ok")) {
        read_point(tap, index, !torn_not, text + 2);
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
        tap_complain(tap, "not TAP, in a stream that says it is strict", text);
    }
}

/* ---- the whole ---- */

/* Points whose parent never came go up under the name their subtest was announced with. */
static void flush_orphans(struct tap *tap)
{
    for (unsigned i = LEVELS_MAX; i-- > 1;) {
        struct level *level = &tap->levels[i];
        if (!tap_is_subtest(level)) {
            continue;
        }
        tap_complain(tap, "a subtest ends without the test point that sums it up", level->name);
        for (size_t j = 0; j < level->cases.count; j++) {
            struct test_case c = level->cases.items[j];
            c.suite = level->name[0] != '\0' ? tap_join_suite(tap, level->name, c.suite) : c.suite;
            tap_emit(tap, i - 1, &c);
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
    tap_close_level(tap, 0);
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
    tap_renew_arena(tap);
    (void)tap_level_begin(tap, 0);
    if (clean.len > 0) {
        read_lines(tap, &clean);
    }
    int rc = result_of(tap);
    for (unsigned i = 0; i < LEVELS_MAX; i++) {
        tap_level_clear(&tap->levels[i]);
    }
    str_fini(&tap->skip_all);
    arena_free(tap->arena);
    mem_free(tap);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Comments that say what is not to be tried, and why:
 *
 *     mutant-off OP[, OP...] [until 2027-01-31]: reason            the line of the comment
 *     mutant-off-next-line OP: reason                              the line below the comment
 *     mutant-off-begin OP: reason  ...  mutant-off-end             what is between
 *
 * OP is the name of an operator, or `all`. The comment begins with it; there is no form without a
 * reason, and what has run out is an error, so that nobody forgets it. */
#include "base/mem.h"
#include "plugins/mutation/find_impl.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Deeper than anybody nests what is switched off. */
#define SUPPRESS_DEPTH_MAX 32

#define SUPPRESS_WORD "mutant-off"

enum reach {
    REACH_LINE,
    REACH_NEXT,
    REACH_BEGIN,
    REACH_END,
};

struct suppression {
    uint32_t first; /* lines */
    uint32_t last;
    const char *names; /* "a,b", or "all" */
    const char *reason;
    uint32_t at; /* where it stands, for messages */
};

struct suppressing {
    struct finding *finding;
    uint32_t at; /* of the comment that is read */
    size_t open[SUPPRESS_DEPTH_MAX];
    size_t depth;

    struct {
        VEC_FIELDS(struct suppression);
    } all;
};

static int complain(const struct suppressing *in, uint32_t at, const char *what, struct err *err)
{
    uint32_t line = 0;
    uint32_t column = 0;
    outline_position(&in->finding->outline, at, &line, &column);
    return err_set(err, -EINVAL, "%s:%u:%u: %s", in->finding->source->path, line, column, what);
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* The comment's first line behind its marks, or NULL when it does not begin with the word. Comments
 * are far shorter than the line of the message. */
static char *directive_of(struct finding *finding, struct extent comment)
{
    const char *text = finding->source->text + comment.start;
    size_t length = comment.end - comment.start;
    size_t marks = 0;
    while (marks < length && strchr("/*#-!; \t[", text[marks]) != NULL) {
        marks++;
    }
    const char *word = text + marks;
    size_t rest = length - marks;
    size_t word_length = strlen(SUPPRESS_WORD);
    if (rest < word_length || memcmp(word, SUPPRESS_WORD, word_length) != 0) {
        return NULL;
    }
    const char *end = memchr(word, '\n', rest);
    rest = end != NULL ? (size_t)(end - word) : rest;
    while (rest > 0 && strchr(" \t\r", word[rest - 1]) != NULL) {
        rest--;
    }
    if (rest >= 2 && memcmp(word + rest - 2, "*/", 2) == 0) {
        rest -= 2;
    }
    while (rest > 0 && strchr(" \t\r", word[rest - 1]) != NULL) {
        rest--;
    }
    return arena_strndup(finding->arena, word, rest);
}

/* "mutant-off-begin ..." -> the reach, and what is behind it; -1 for another word. */
static int read_reach(const char **text)
{
    static const struct {
        const char *word;
        enum reach reach;
    } words[] = {
        {"-next-line", REACH_NEXT },
        {"-begin",     REACH_BEGIN},
        {"-end",       REACH_END  },
        {"",           REACH_LINE },
    };

    const char *at = *text + strlen(SUPPRESS_WORD);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i].word);
        if (strncmp(at, words[i].word, length) == 0 && strchr(" \t:", at[length]) != NULL) {
            *text = skip_blanks(at + length);
            return (int)words[i].reach;
        }
    }
    return -1;
}

static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != '-') {
            return false;
        }
    }
    int month = (text[5] - '0') * 10 + (text[6] - '0');
    int day = (text[8] - '0') * 10 + (text[9] - '0');
    return text[10] == '\0' && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Cuts " until DATE" off the names, and looks whether it has run out. */
static int read_until(const struct suppressing *in, char *names, struct err *err)
{
    char *until = strstr(names, " until ");
    if (until == NULL) {
        return 0;
    }
    const char *date = skip_blanks(until + strlen(" until "));
    const char *today = in->finding->scope != NULL ? in->finding->scope->today : NULL;
    if (!is_date(date)) {
        return complain(in, in->at, SUPPRESS_WORD ": until what day? Write it as 2027-01-31", err);
    }
    if (today != NULL && strcmp(date, today) < 0) {
        char *said =
            arena_printf(in->finding->arena,
                         SUPPRESS_WORD " ran out on %s: write the test, or give it a later "
                                       "day",
                         date);
        return complain(in, in->at, said != NULL ? said : SUPPRESS_WORD " ran out", err);
    }
    *until = '\0';
    return 0;
}

/* Takes the blanks out, and looks whether all are operators. */
static int check_names(const struct suppressing *in, char *names, struct err *err)
{
    char *to = names;
    for (const char *from = names; *from != '\0'; from++) {
        if (*from != ' ' && *from != '\t') {
            *to++ = *from;
        }
    }
    *to = '\0';
    for (const char *at = names;; at++) {
        size_t length = strcspn(at, ",");
        char *name = arena_strndup(in->finding->arena, at, length);
        if (name == NULL) {
            return finding_short_of_memory(in->finding, err);
        }
        if (strcmp(name, "all") != 0 && map_get(&in->finding->operators->known, name, NULL) == 0) {
            char *said = arena_printf(in->finding->arena,
                                      SUPPRESS_WORD ": there is no operator \"%s\"; name one "
                                                    "(docs/mutation/operators.md), or all",
                                      name);
            return complain(in, in->at, said != NULL ? said : "no such operator", err);
        }
        at += length;
        if (*at == '\0') {
            return 0;
        }
    }
}

/* "OP, OP until 2027-01-31: reason" */
static int read_body(const struct suppressing *in,
                     const char *text,
                     struct suppression *ret_suppression,
                     struct err *err)
{
    const char *colon = strchr(text, ':');
    const char *reason = colon != NULL ? skip_blanks(colon + 1) : "";
    if (*reason == '\0') {
        return complain(in,
                        in->at,
                        SUPPRESS_WORD " needs an operator and a reason: " SUPPRESS_WORD
                                      " OPERATOR: why it cannot be tested",
                        err);
    }
    char *names = arena_strndup(in->finding->arena, text, (size_t)(colon - text));
    ret_suppression->reason = arena_printf(in->finding->arena, MUTANT_SUPPRESSED "%s", reason);
    if (names == NULL || ret_suppression->reason == NULL) {
        return finding_short_of_memory(in->finding, err);
    }
    int rc = read_until(in, names, err);
    rc = rc < 0 ? rc : check_names(in, names, err);
    ret_suppression->names = names;
    return rc;
}

static int close_block(struct suppressing *in, uint32_t line, struct err *err)
{
    if (in->depth == 0) {
        return complain(in, in->at, SUPPRESS_WORD "-end without " SUPPRESS_WORD "-begin", err);
    }
    in->all.items[in->open[--in->depth]].last = line;
    return 0;
}

static int read_comment(struct suppressing *in, struct extent comment, struct err *err)
{
    const char *text = directive_of(in->finding, comment);
    if (text == NULL) {
        return 0;
    }
    int reach = read_reach(&text);
    struct suppression suppression = {.at = comment.start};
    uint32_t column = 0;
    in->at = comment.start;
    outline_position(&in->finding->outline, comment.start, &suppression.first, &column);
    outline_position(&in->finding->outline, comment.end, &suppression.last, &column);
    if (reach < 0) {
        return complain(in,
                        in->at,
                        "there are " SUPPRESS_WORD ", " SUPPRESS_WORD "-next-line, " SUPPRESS_WORD
                        "-begin and " SUPPRESS_WORD "-end",
                        err);
    }
    if (reach == (int)REACH_END) {
        return close_block(in, suppression.last, err);
    }
    int rc = read_body(in, text, &suppression, err);
    if (rc < 0) {
        return rc;
    }
    if (reach == (int)REACH_NEXT) {
        suppression.first = suppression.last + 1;
        suppression.last = suppression.first;
    }
    if (reach == (int)REACH_BEGIN) {
        if (in->depth == SUPPRESS_DEPTH_MAX) {
            return complain(in, in->at, SUPPRESS_WORD "-begin: nested too deeply", err);
        }
        in->open[in->depth++] = in->all.count;
        suppression.last = UINT32_MAX;
    }
    return vec_push(&in->all, suppression) < 0 ? finding_short_of_memory(in->finding, err) : 0;
}

static bool names_operator(const char *names, const char *operator)
{
    size_t length = strlen(operator);
    for (const char *at = names;; at++) {
        size_t next = strcspn(at, ",");
        if ((next == length && memcmp(at, operator, length) == 0)
            || (next == 3 && memcmp(at, "all", 3) == 0)) {
            return true;
        }
        at += next;
        if (*at == '\0') {
            return false;
        }
    }
}

/* Returns how many it suppresses. */
static size_t apply(const struct suppression *suppression, struct mutant_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct mutant *mutant = &list->items[i];
        uint32_t line = mutant->span.line;
        if (line >= suppression->first && line <= suppression->last
            && names_operator(suppression->names, mutant->operator)) {
            mutant->ignored = suppression->reason;
            count++;
        }
    }
    return count;
}

/* Who changes other lines is not told of it. */
static bool is_line_in_scope(const struct find_scope *scope, uint32_t line)
{
    bool all = scope == NULL || scope->lines == NULL;
    for (size_t i = 0; !all && i < scope->line_count; i++) {
        if (line >= scope->lines[i].first && line <= scope->lines[i].last) {
            return true;
        }
    }
    return all;
}

static int apply_all(struct suppressing *in, struct mutant_list *list, struct err *err)
{
    list->unused = arena_calloc(in->finding->arena, in->all.count + 1, sizeof *list->unused);
    if (list->unused == NULL) {
        return finding_short_of_memory(in->finding, err);
    }
    for (size_t i = 0; i < in->all.count; i++) {
        const struct suppression *suppression = &in->all.items[i];
        uint32_t line = 0;
        uint32_t column = 0;
        outline_position(&in->finding->outline, suppression->at, &line, &column);
        if (apply(suppression, list) == 0 && is_line_in_scope(in->finding->scope, line)) {
            list->unused[list->unused_count++] =
                (struct mutant_unused){.line = line, .names = suppression->names};
        }
    }
    return 0;
}

int find_suppress(struct finding *finding, struct mutant_list *list, struct err *err)
{
    struct suppressing in = {.finding = finding};
    const struct extents *comments = &finding->outline.comments;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < comments->count; i++) {
        rc = read_comment(&in, comments->items[i], err);
    }
    if (rc == 0 && in.depth > 0) {
        rc = complain(&in,
                      in.all.items[in.open[in.depth - 1]].at,
                      SUPPRESS_WORD "-begin without " SUPPRESS_WORD "-end",
                      err);
    }
    rc = rc < 0 ? rc : apply_all(&in, list, err);
    vec_fini(&in.all);
    return rc;
}

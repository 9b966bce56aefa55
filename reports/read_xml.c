/* SPDX-License-Identifier: Apache-2.0 */
/* Works the tables of xml_formats.c. What is open is a stack of elements; cases can stand within
 * cases (Boost, TRX), suites within both. A value - the text of an element or an attribute - goes
 * where its rule says; at its end a case takes what it was told and is handed on. */
#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "reports/xml_read.h"
#include "reports/xml_table.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Cases within cases; deeper ones are lost in theirs. */
#define CASES_MAX 4

/* Tags that rules ask for are short words; longer ones fit no rule. */
#define TAG_SIZE 32

/* Memory for the names that cases are told by elsewhere (TRX): CASES_PER_UNIT_MAX ids of 36
 * letters, class names of some 200. */
#define KEYS_MAX (64u << 20)

struct element {
    const char *name; /* libxml2's own: lives as long as the parser */
    char tag[TAG_SIZE];
    const struct xml_rule *rule; /* NULL = means nothing by itself */
    struct str *text;            /* where its text goes; NULL = nowhere */
    bool is_case;
    bool unnamed;     /* a suite that lends no name */
    char *group_name; /* of a suite; owned */
    char *group_text; /* why the suite failed, as it says; owned */
    int group_status; /* what the suite says; XML_WORD_KEEP = nothing */
    uint64_t bad;     /* cases in it that did not pass */
};

struct open_case {
    struct junit_case c;
    bool has_result_file, has_result_line;
    bool has_status;
    unsigned long iteration;
};

struct table {
    const struct xml_format *format;
    struct xml_reader *xml;
    struct report_feed *feed;
    struct element stack[XML_DEPTH_MAX];
    unsigned depth;
    struct open_case cases[CASES_MAX];
    unsigned case_depth;
    struct junit_case suite_case; /* a result outside of cases */
    struct open_case held;        /* a failed case that the next one may belong to */
    struct str held_group;
    bool holds;
    bool suite_result;  /* it is being read */
    struct str scratch; /* a value under way */
    struct str group;   /* the suite of a case */
    uint64_t counted;   /* as the report counts */
    uint64_t counted_bad;
    uint64_t bad; /* cases that did not pass */
    bool has_count;
    /* the first of two readings */
    bool collecting;
    struct str key;
    struct map keys;
    struct arena *arena;
};

/* ---- rules ---- */

static bool part_fits(const char *part, size_t len, const struct element *e)
{
    const char *colon = memchr(part, ':', len);
    size_t name_len = colon != NULL ? (size_t)(colon - part) : len;
    if (strncmp(part, e->name, name_len) != 0 || e->name[name_len] != '\0') {
        return false;
    }
    size_t tag_len = colon != NULL ? len - name_len - 1 : 0;
    return colon == NULL || (strncmp(colon + 1, e->tag, tag_len) == 0 && e->tag[tag_len] == '\0');
}

static bool path_fits(const struct table *t, const char *path, const char *attribute)
{
    const char *at = strchr(path, '@');
    if (at == NULL || attribute == NULL) {
        if (at != NULL || attribute != NULL) {
            return false;
        }
    } else if (strcmp(at + 1, attribute) != 0) {
        return false;
    }
    size_t end = at != NULL ? (size_t)(at - path) : strlen(path);
    for (unsigned i = t->depth; i > 0; i--) {
        size_t start = end;
        while (start > 0 && path[start - 1] != '/') {
            start--;
        }
        if (!part_fits(path + start, end - start, &t->stack[i - 1])) {
            return false;
        }
        if (start == 0) {
            return true;
        }
        end = start - 1;
    }
    return false;
}

static const struct xml_rule *find_rule(const struct table *t, const char *attribute)
{
    for (size_t i = 0; i < t->format->rule_count; i++) {
        if (path_fits(t, t->format->rules[i].path, attribute)) {
            return &t->format->rules[i];
        }
    }
    return NULL;
}

static int status_of(const struct xml_word *words, const char *value)
{
    while (words->word != NULL && strcasecmp(words->word, value) != 0) {
        words++;
    }
    return words->status;
}

/* ---- suites ---- */

static bool is_group(const struct element *e)
{
    return e->rule != NULL && e->rule->what == XML_GROUP;
}

static struct element *innermost_group(struct table *t)
{
    for (unsigned i = t->depth; i > 0; i--) {
        if (is_group(&t->stack[i - 1])) {
            return &t->stack[i - 1];
        }
    }
    return NULL;
}

static bool is_file_name(const char *name)
{
    return strpbrk(name, "/\\") != NULL || text_ends_with(name, ".dll")
           || text_ends_with(name, ".exe");
}

/* Does the name begin with what is there already, and a dot? */
static bool holds_group(const struct str *group, const char *name)
{
    return strncmp(name, str_text(group), group->len) == 0 && name[group->len] == '.';
}

static void join_group(struct table *t, const char *name)
{
    enum xml_join join = t->format->join;
    if (name == NULL || name[0] == '\0' || (join == XML_SPACES && is_file_name(name))) {
        return;
    }
    if (join == XML_INNERMOST || (join == XML_SPACES && holds_group(&t->group, name))) {
        str_clear(&t->group);
    } else if (t->group.len > 0) {
        keep_text(&t->group, ".", 1);
    }
    keep_text(&t->group, name, strlen(name));
}

/* The suite of what stands in the innermost open element: "outer.inner", or "inner". */
static const char *name_group(struct table *t)
{
    unsigned case_index = 0;
    str_clear(&t->group);
    for (unsigned i = 0; i < t->depth; i++) {
        const struct element *e = &t->stack[i];
        if (is_group(e)) {
            join_group(t, e->unnamed ? NULL : e->group_name);
        } else if (e->is_case && i + 1 < t->depth) {
            join_group(t, str_text(&t->cases[case_index++].c.name));
        }
    }
    return str_text(&t->group);
}

static void set_owned(struct table *t, char **place, const char *value)
{
    mem_free(*place);
    *place = mem_strdup(value);
    if (*place == NULL) {
        feed_no_memory(t->feed);
    }
}

/* ---- cases ---- */

static void set_text(struct str *s, const char *value)
{
    str_clear(s);
    keep_text(s, value, strlen(value));
}

/* The case that values belong to; NULL when there is none. */
static struct junit_case *current_case(struct table *t)
{
    if (t->suite_result) {
        return &t->suite_case;
    }
    return t->case_depth > 0 ? &t->cases[t->case_depth - 1].c : NULL;
}

static void deliver(struct table *t, struct junit_case *c, const char *group)
{
    struct test_case test_case;
    if (junit_case_finish(c, group[0] != '\0' ? group : NULL, NULL, &test_case) != 0) {
        feed_no_memory(t->feed);
        return;
    }
    if (test_case.status == OUTCOME_FAILED || test_case.status == OUTCOME_ERRORED) {
        t->bad++;
        for (unsigned i = 0; i < t->depth; i++) {
            t->stack[i].bad++;
        }
    }
    if (t->feed->stop == 0 && !t->collecting) {
        (void)feed_case(t->feed, &test_case);
    }
}

static bool has_open_result(const struct junit_case *c)
{
    return c->result_message.len > 0 || c->result_text.len > 0 || c->result_type.len > 0;
}

static void end_result(struct junit_case *c)
{
    junit_case_end_result(c);
    str_clear(&c->result_message);
    str_clear(&c->result_type);
    str_clear(&c->result_text);
}

/* Values that stood outside of result elements: why the status is what it is. */
static void end_values(struct junit_case *c)
{
    static const enum junit_result results[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_FAILED] = JUNIT_FAILURE,
        [OUTCOME_ERRORED] = JUNIT_ERROR,
        [OUTCOME_SKIPPED] = JUNIT_SKIPPED,
    };

    if (c->status != OUTCOME_PASSED && has_open_result(c)) {
        c->result = results[c->status];
        end_result(c);
    }
}

static void release_held(struct table *t)
{
    if (t->holds) {
        t->holds = false;
        deliver(t, &t->held.c, str_text(&t->held_group));
    }
}

/* The innermost case failed as the held one did, and is the same test: its text goes there. True
 * when it need not be delivered now. */
static bool hold_case(struct table *t, struct open_case *open, const char *group)
{
    if (t->holds && strcmp(str_text(&t->held.c.name), str_text(&open->c.name)) == 0
        && strcmp(str_text(&t->held_group), group) == 0) {
        keep_text(&t->held.c.details, "\n", 1);
        keep_text(&t->held.c.details, str_text(&open->c.details), open->c.details.len);
        return true;
    }
    release_held(t);
    if (open->c.status != OUTCOME_FAILED) {
        return false;
    }
    struct open_case spare = t->held;
    t->held = *open;
    *open = spare; /* the memory is used again */
    set_text(&t->held_group, group);
    t->holds = true;
    return true;
}

static void end_case(struct table *t)
{
    struct open_case *open = &t->cases[t->case_depth - 1];
    const char *group = name_group(t);
    if (open->iteration > 0) {
        char number[32];
        keep_text(&open->c.name,
                  number,
                  (size_t)snprintf(number, sizeof number, ":%lu", open->iteration));
    }
    end_values(&open->c);
    if (t->format->finish != NULL) {
        t->format->finish(&open->c, group);
    }
    if (open->c.classname.len == 0) {
        keep_text(&open->c.classname, group, strlen(group));
    }
    if (!t->format->merges || !hold_case(t, open, group)) {
        deliver(t, &open->c, group);
    }
    t->case_depth--;
}

static void begin_suite_case(struct table *t)
{
    junit_case_clear(&t->suite_case);
    junit_case_attribute(&t->suite_case, JUNIT_ATTR_NAME, "(suite)", strlen("(suite)"));
    t->suite_result = true;
}

static void end_suite_case(struct table *t)
{
    end_result(&t->suite_case);
    deliver(t, &t->suite_case, name_group(t));
    t->suite_result = false;
}

/* A suite that says it failed and shows no case that did: never green by absence. */
static void end_group(struct table *t, const struct element *e)
{
    bool says_bad = e->group_status == OUTCOME_FAILED || e->group_status == OUTCOME_ERRORED;
    if (!says_bad || e->bad > 0 || t->suite_result) {
        return;
    }
    const char *why = e->group_text != NULL ? e->group_text
                                            : "the suite says it failed, none of its cases shows "
                                              "why (set-up or tear-down of the suite?)";
    begin_suite_case(t);
    junit_case_begin_result(&t->suite_case, JUNIT_ERROR);
    keep_text(&t->suite_case.result_text, why, strlen(why));
    end_suite_case(t);
}

/* ---- values ---- */

static uint32_t number_of_line(const char *value)
{
    char *end = NULL;
    unsigned long line = strtoul(value, &end, 10);
    return end != value && *end == '\0' && value[0] != '-' && line < INT32_MAX ? (uint32_t)line : 0;
}

static void take_place(struct junit_case *c, const char *value)
{
    const char *colon = strrchr(value, ':');
    uint32_t line = colon != NULL ? number_of_line(colon + 1) : 0;
    str_clear(&c->file);
    keep_text(&c->file, value, line > 0 ? (size_t)(colon - value) : strlen(value));
    c->line = line;
}

/* The place of a failure is better than the case's; the first one counts. */
static void take_result_place(struct open_case *open, enum xml_what what, const char *value)
{
    if (what == XML_RESULT_FILE && !open->has_result_file && value[0] != '\0'
        && strcmp(value, "unknown location") != 0) {
        set_text(&open->c.file, value);
        open->has_result_file = true;
    } else if (what == XML_RESULT_LINE && open->has_result_file && !open->has_result_line) {
        open->c.line = number_of_line(value);
        open->has_result_line = true;
    }
}

static void take_time(struct junit_case *c, enum xml_what what, const char *value)
{
    double scale = what == XML_MILLISECONDS ? 1e-3 : what == XML_MICROSECONDS ? 1e-6 : 1;
    double number = what == XML_CLOCK ? junit_clock(value) : junit_time(value);
    c->time_s = number < 0 ? -1 : number * scale;
}

static void take_class_of(struct table *t, struct junit_case *c, const char *id)
{
    uintptr_t found = 0;
    if (map_get(&t->keys, id, &found) == 1) {
        set_text(&c->classname, (const char *)found);
    }
}

/* The first reading: remembers which class an id belongs to. */
static void take_key(struct table *t, enum xml_what what, const char *value)
{
    if (what == XML_KEY) {
        set_text(&t->key, value);
        return;
    }
    const char *key = arena_strdup(t->arena, str_text(&t->key));
    const char *classname = arena_strdup(t->arena, value);
    if (key == NULL || classname == NULL || map_put(&t->keys, key, (uintptr_t)classname) < 0) {
        feed_no_memory(t->feed);
    }
}

static void take_group(struct table *t, const struct xml_rule *rule, const char *value)
{
    struct element *e = innermost_group(t);
    if (e == NULL) {
        return;
    }
    if (rule->what == XML_GROUP_KIND) {
        e->unnamed = status_of(rule->words, value) == XML_WORD_UNNAMED;
    } else if (rule->what == XML_GROUP_STATUS) {
        e->group_status = status_of(rule->words, value);
    } else {
        set_owned(t, rule->what == XML_GROUP_NAME ? &e->group_name : &e->group_text, value);
    }
}

static void take_status(struct table *t,
                        struct junit_case *c,
                        const struct xml_rule *rule,
                        const char *value)
{
    struct open_case *open = t->case_depth > 0 ? &t->cases[t->case_depth - 1] : NULL;
    int status = status_of(rule->words, value);
    if (status == XML_WORD_KEEP
        || (rule->what == XML_STATUS_SPARE && open != NULL && open->has_status)) {
        return;
    }
    junit_case_worsen(c, (enum outcome_status)status);
    if (open != NULL) {
        open->has_status = true;
    }
}

static void take_name(struct junit_case *c, enum xml_what what, const char *value)
{
    if (what == XML_NAME ? value[0] != '\0' : c->name.len == 0) {
        set_text(&c->name, value);
    }
}

/* What only an open case can take. True when it was that. */
static bool take_open_value(struct open_case *open, enum xml_what what, const char *value)
{
    if (what == XML_RESULT_FILE || what == XML_RESULT_LINE) {
        take_result_place(open, what, value);
    } else if (what == XML_ITERATION) {
        open->iteration = number_of_line(value);
    } else {
        return false;
    }
    return true;
}

static void take_case_value(struct table *t,
                            struct junit_case *c,
                            const struct xml_rule *rule,
                            const char *value)
{
    struct str *const texts[] = {
        [XML_CLASSNAME] = &c->classname,
        [XML_FILE] = &c->file,
        [XML_MESSAGE] = &c->result_message,
        [XML_TYPE] = &c->result_type,
        [XML_DETAILS] = &c->result_text,
        [XML_OUTPUT] = &c->output,
    };
    enum xml_what what = rule->what;
    if (what == XML_NAME || what == XML_NAME_SPARE) {
        take_name(c, what, value);
    } else if (what == XML_LINE) {
        c->line = number_of_line(value);
    } else if (what == XML_PLACE) {
        take_place(c, value);
    } else if (what >= XML_SECONDS && what <= XML_CLOCK) {
        take_time(c, what, value);
    } else if (what == XML_STATUS || what == XML_STATUS_SPARE) {
        take_status(t, c, rule, value);
    } else if (what == XML_CLASSNAME_OF) {
        take_class_of(t, c, value);
    } else if (t->case_depth > 0 && take_open_value(&t->cases[t->case_depth - 1], what, value)) {
        return;
    } else if ((size_t)what < sizeof texts / sizeof texts[0] && texts[what] != NULL) {
        set_text(texts[what], value);
    }
}

static void take_value(struct table *t, const struct xml_rule *rule, const char *value)
{
    enum xml_what what = rule->what;
    struct junit_case *c = current_case(t);
    if (what == XML_KEY || what == XML_KEY_CLASSNAME) {
        if (t->collecting) {
            take_key(t, what, value);
        }
    } else if (what == XML_COUNT) {
        t->counted += strtoul(value, NULL, 10);
        t->has_count = true;
    } else if (what == XML_COUNT_BAD) {
        t->counted_bad += strtoul(value, NULL, 10);
    } else if (what >= XML_GROUP_NAME && what <= XML_GROUP_TEXT) {
        take_group(t, rule, value);
    } else if (what == XML_DROP) {
        t->stack[t->depth - 1].text = NULL;
    } else if (c != NULL) {
        take_case_value(t, c, rule, value);
    }
}

/* ---- elements ---- */

static void begin_case(struct table *t, struct element *e)
{
    if (t->case_depth == CASES_MAX) {
        return;
    }
    struct open_case *open = &t->cases[t->case_depth++];
    junit_case_clear(&open->c);
    junit_case_begin_result(&open->c, JUNIT_FAILURE);
    open->has_result_file = false;
    open->has_result_line = false;
    open->has_status = false;
    open->iteration = 0;
    e->is_case = true;
    if (e->rule->what != XML_CASE) {
        junit_case_worsen(&open->c,
                          e->rule->what == XML_CASE_FAILED ? OUTCOME_FAILED : OUTCOME_SKIPPED);
    }
}

static void begin_result(struct table *t, struct element *e)
{
    if (current_case(t) == NULL) {
        begin_suite_case(t);
    }
    struct junit_case *c = current_case(t);
    junit_case_begin_result(c,
                            e->rule->what == XML_SKIPPED  ? JUNIT_SKIPPED
                            : e->rule->what == XML_FAILED ? JUNIT_FAILURE
                                                          : JUNIT_ERROR);
    e->text = &c->result_text;
}

static bool is_result(const struct xml_rule *rule)
{
    return rule != NULL && rule->what >= XML_SKIPPED && rule->what <= XML_ERRORED;
}

/* Texts that are appended to where they belong: there may be several, and they may be long. */
static struct str *open_text(struct table *t, enum xml_what what)
{
    struct junit_case *c = current_case(t);
    if (what != XML_OUTPUT && what != XML_DETAILS) {
        str_clear(&t->scratch);
        return &t->scratch;
    }
    if (c == NULL) {
        return NULL;
    }
    struct str *text = what == XML_OUTPUT ? &c->output : &c->result_text;
    if (text->len > 0 && text->data[text->len - 1] != '\n') {
        keep_text(text, "\n", 1);
    }
    return text;
}

static void begin_element(struct table *t, struct element *e)
{
    if (e->rule == NULL) {
        return;
    }
    if (e->rule->what <= XML_CASE_FAILED) {
        begin_case(t, e);
    } else if (is_result(e->rule)) {
        begin_result(t, e);
    } else if (e->rule->what != XML_GROUP) {
        e->text = open_text(t, e->rule->what);
    }
}

static void take_tag(struct table *t, struct element *e, const struct xml_attributes *attributes)
{
    for (int i = 0; i < attributes->count; i++) {
        const char *name = NULL;
        const char *value = xml_read_attribute(t->xml, attributes, i, &name);
        if (strcmp(name, "name") == 0 && strlen(value) < sizeof e->tag) {
            (void)snprintf(e->tag, sizeof e->tag, "%s", value);
        }
    }
}

static void on_start(void *context,
                     const char *name,
                     const char *uri,
                     const struct xml_attributes *attributes)
{
    struct table *t = context;
    (void)uri;
    struct element *e = &t->stack[t->depth++];
    *e = (struct element){.name = name, .group_status = XML_WORD_KEEP};
    take_tag(t, e, attributes);
    e->rule = find_rule(t, NULL);
    begin_element(t, e);
    for (int i = 0; i < attributes->count && t->feed->stop == 0; i++) {
        const char *attribute = NULL;
        const char *value = xml_read_attribute(t->xml, attributes, i, &attribute);
        const struct xml_rule *rule = find_rule(t, attribute);
        if (rule != NULL) {
            take_value(t, rule, value);
        }
    }
}

/* The indentation between elements within a result is no text of it. */
static bool is_indentation(const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != '\0') {
        at++;
    }
    return at == len && memchr(bytes, '\n', len) != NULL;
}

static void on_text(void *context, const char *bytes, size_t len)
{
    const struct table *t = context;
    const struct element *e = &t->stack[t->depth - 1];
    if (e->text != NULL && !(is_result(e->rule) && is_indentation(bytes, len))) {
        keep_text(e->text, bytes, len);
    }
}

/* The text without blanks around it. */
static const char *trimmed(struct str *s)
{
    while (s->len > 0 && strchr(" \t\r\n", s->data[s->len - 1]) != NULL) {
        s->data[--s->len] = '\0';
    }
    const char *text = str_text(s);
    return text + strspn(text, " \t\r\n");
}

static void forget_element(struct element *e)
{
    mem_free(e->group_name);
    mem_free(e->group_text);
    *e = (struct element){0};
}

static void on_end(void *context)
{
    struct table *t = context;
    struct element *e = &t->stack[t->depth - 1];
    if (e->is_case) {
        end_case(t);
    } else if (is_group(e)) {
        release_held(t);
        end_group(t, e);
    } else if (is_result(e->rule)) {
        if (t->suite_result) {
            end_suite_case(t);
        } else if (t->case_depth > 0) {
            end_result(&t->cases[t->case_depth - 1].c);
        }
    } else if (e->rule != NULL && e->text == &t->scratch) {
        take_value(t, e->rule, trimmed(&t->scratch));
    }
    if (str_error(&t->scratch) != 0 || str_error(&t->group) != 0) {
        feed_no_memory(t->feed);
    }
    forget_element(e);
    t->depth--;
}

static void on_forget(void *context)
{
    struct table *t = context;
    if (t->feed->stop == 0) {
        release_held(t); /* read before a damage: it counts */
    }
    t->holds = false;
    while (t->depth > 0) {
        forget_element(&t->stack[--t->depth]);
    }
    t->case_depth = 0;
    t->suite_result = false;
}

/* ---- the whole ---- */

static const struct xml_handler handler = {on_start, on_text, on_end, on_forget};

static int ignore_case(void *context, const struct test_case *test_case)
{
    (void)context;
    (void)test_case;
    return 0;
}

/* The first of two readings: only keys are taken. What is damaged shows in the second. */
static int collect_keys(struct table *t, const char *text, size_t len)
{
    struct report_feed *given = t->feed;
    struct err unused = {0};
    struct report_feed feed = {.each = ignore_case, .err = &unused};
    t->arena = arena_new(KEYS_MAX);
    if (t->arena == NULL) {
        return err_set(given->err, -ENOMEM, "out of memory reading a report");
    }
    t->feed = &feed;
    t->collecting = true;
    int rc = xml_read(text, len, &feed, &handler, t, &t->xml);
    t->collecting = false;
    t->feed = given;
    t->counted = 0;
    t->counted_bad = 0;
    t->bad = 0;
    return rc == -ENOMEM || rc == -ENOPKG ? err_set(given->err, rc, "%s", unused.text) : 0;
}

static void table_init(struct table *t)
{
    for (unsigned i = 0; i < CASES_MAX; i++) {
        junit_case_init(&t->cases[i].c);
    }
    junit_case_init(&t->suite_case);
    junit_case_init(&t->held.c);
    str_init(&t->held_group, KEEP_MAX);
    str_init(&t->scratch, KEEP_MAX);
    str_init(&t->group, KEEP_MAX);
    str_init(&t->key, KEEP_MAX);
}

static void table_fini(struct table *t)
{
    for (unsigned i = 0; i < CASES_MAX; i++) {
        junit_case_fini(&t->cases[i].c);
    }
    junit_case_fini(&t->suite_case);
    junit_case_fini(&t->held.c);
    str_fini(&t->held_group);
    str_fini(&t->scratch);
    str_fini(&t->group);
    str_fini(&t->key);
    map_fini(&t->keys);
    arena_free(t->arena);
}

/* Counters are compared with what was read, not believed; but failures that are counted and
 * nowhere shown are one case. */
static int compare_counts(struct table *t)
{
    if (t->has_count && t->counted != t->feed->count) {
        feed_warn(t->feed,
                  "the report counts %llu tests, but %zu are in it",
                  (unsigned long long)t->counted,
                  t->feed->count);
    }
    if (t->counted_bad == 0 || t->bad > 0 || t->feed->count == 0) {
        return 0;
    }
    struct test_case c = {.name = "(report)",
                          .status = OUTCOME_ERRORED,
                          .time_s = -1,
                          .message = "the report counts failures, but shows none of them"};
    return feed_case(t->feed, &c);
}

int read_xml(const struct xml_format *format,
             const char *text,
             size_t len,
             struct report_feed *feed)
{
    assert(format != NULL);
    struct table *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
    t->format = format;
    t->feed = feed;
    table_init(t);
    int rc = format->looks_up ? collect_keys(t, text, len) : 0;
    rc = rc == 0 ? xml_read(text, len, feed, &handler, t, &t->xml) : rc;
    rc = rc == 0 ? compare_counts(t) : rc;
    table_fini(t);
    mem_free(t);
    return rc;
}

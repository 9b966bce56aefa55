/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Words people bring from other tools, and ours for the same thing. */
static const struct {
    enum key_scope scope;
    const char *theirs;
    const char *ours;
} synonyms[] = {
    {SCOPE_TOP,   "jobs",              "layers"          },
    {SCOPE_TOP,   "steps",             "layers"          },
    {SCOPE_TOP,   "tasks",             "layers"          },
    {SCOPE_TOP,   "default",           "defaults"        },
    {SCOPE_LAYER, "depends_on",        "needs"           },
    {SCOPE_LAYER, "dependencies",      "needs"           },
    {SCOPE_LAYER, "deps",              "needs"           },
    {SCOPE_LAYER, "requires",          "needs"           },
    {SCOPE_LAYER, "environment",       "env"             },
    {SCOPE_LAYER, "variables",         "env"             },
    {SCOPE_LAYER, "vars",              "env"             },
    {SCOPE_LAYER, "run",               "with: {run: ...}"},
    {SCOPE_LAYER, "script",            "with: {run: ...}"},
    {SCOPE_LAYER, "command",           "with: {run: ...}"},
    {SCOPE_LAYER, "plugin",            "uses"            },
    {SCOPE_LAYER, "if",                "when"            },
    {SCOPE_LAYER, "parallel",          "shards"          },
    {SCOPE_LAYER, "parallelism",       "shards"          },
    {SCOPE_LAYER, "strategy",          "matrix"          },
    {SCOPE_LAYER, "retries",           "retry"           },
    {SCOPE_LAYER, "cache",             "reuse"           },
    {SCOPE_LAYER, "soft_fail",         "allow_failure"   },
    {SCOPE_LAYER, "continue_on_error", "allow_failure"   },
    {SCOPE_LAYER, "continue-on-error", "allow_failure"   },
    {SCOPE_LAYER, "timeout-minutes",   "timeout"         },
    {SCOPE_LAYER, "working-directory", "cwd"             },
    {SCOPE_LAYER, "working_directory", "cwd"             },
    {SCOPE_LAYER, "dir",               "cwd"             },
};

static const char *nearest_key(enum key_scope scope, const char *name)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++) {
        bool here = synonyms[i].scope == scope && strcmp(synonyms[i].theirs, name) == 0;
        if (here) {
            return synonyms[i].ours;
        }
    }
    return key_nearest(scope, name);
}

/* A mapping that does know this key; NULL when none does. */
static const char *other_scope(const char *name)
{
    static const enum key_scope order[] = {
        SCOPE_LAYER, SCOPE_TOP, SCOPE_RETRY, SCOPE_REUSE, SCOPE_GATE};

    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (key_find(order[i], name) != NULL) {
            return order[i] == SCOPE_TOP ? "the top level" : key_scope_name(order[i]);
        }
    }
    return NULL;
}

static void complain_unknown(struct reader *r,
                             const struct reader_place *place,
                             const struct node *key)
{
    if (!complaints_room(r->complaints, key)) {
        return;
    }
    const char *nearest = nearest_key(place->scope, key->text);
    const char *other = other_scope(key->text);
    if (other != NULL) {
        complain(r->complaints,
                 key,
                 "`%.60s` does not belong in %s: it is a key of %s%s",
                 key->text,
                 place->what,
                 strcmp(other, "layer") == 0 ? "a " : "",
                 other);
    } else if (nearest != NULL) {
        complain(r->complaints,
                 key,
                 "unknown key `%.60s` in %s: did you mean `%s`?",
                 key->text,
                 place->what,
                 nearest);
    } else {
        complain(r->complaints,
                 key,
                 "unknown key `%.60s` in %s: `sluice schema` lists all keys",
                 key->text,
                 place->what);
    }
}

static void complain_missing(struct reader *r,
                             const struct reader_place *place,
                             const struct node *node)
{
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &keys[i];
        bool here = (key->scopes & SCOPE_BIT(place->scope)) != 0;
        if (here && key->required && node_find(node, key->name) == NULL) {
            complain(r->complaints,
                     place->where,
                     "%s has no `%s`: add `%s: %s`",
                     place->what,
                     key->name,
                     key->name,
                     key->example);
            return; /* the next one would stand at the same place */
        }
    }
}

void reader_object(struct reader *r,
                   const struct reader_place *place,
                   const struct node *node,
                   void *target)
{
    if (node->type != NODE_MAP) {
        complain(r->complaints,
                 node,
                 "%s must be a mapping of keys to values, not %s",
                 place->what,
                 node_kind(node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node_pair *pair = &node->pairs[i];
        const struct key *key = key_find(place->scope, pair->key->text);
        if (key == NULL) {
            complain_unknown(r, place, pair->key);
            continue;
        }
        r->pair = pair;
        key->read(r, key, pair->value, (char *)target + key->offset);
    }
    complain_missing(r, place, node);
}

/* "one of these words: `a`, `b`" */
static void describe_wants(const struct key *key, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "%s", key_type_wants(key));
    if (key->words == NULL) {
        if (key->type != TYPE_BOOL && key->type != TYPE_TEXT && key->type != TYPE_VERSION) {
            (void)snprintf(buf + used, size - used, " such as `%s`", key->example);
        }
        return;
    }
    for (size_t i = 0; key->words[i].word != NULL && used < size; i++) {
        const char *comma = i > 0 ? "," : "";
        used += (size_t)snprintf(buf + used, size - used, "%s `%s`", comma, key->words[i].word);
    }
}

#define FOUND(type) (1u << (unsigned)SCALAR_##type)
#define QUOTED      (1u << 16)
#define NUMBER      (FOUND(INT) | FOUND(FLOAT) | FOUND(ODD))
#define NOT_TEXT    (NUMBER | FOUND(BOOL) | FOUND(OLDBOOL))

/* What to do about a scalar that is nearly right. */
static const struct {
    enum key_type wanted;
    unsigned found; /* bits */
    const char *advice;
} mends[] = {
    {TYPE_TEXT,     NOT_TEXT,                  "; put quotes around it"                      },
    {TYPE_LIST,     NOT_TEXT,                  "; put quotes around it"                      },
    {TYPE_LIST,     FOUND(TEXT),               "; put it in brackets"                        },
    {TYPE_DURATION, FOUND(INT),                "; add the unit: ms, s, m, h or d"            },
    {TYPE_SHARE,    FOUND(INT) | FOUND(FLOAT), "; write it with `%`"                         },
    {TYPE_BOOL,     FOUND(OLDBOOL),            "; yes, no, on and off are not used in sluice"},
    {TYPE_BOOL,     QUOTED,                    "; remove the quotes"                         },
    {TYPE_INT,      QUOTED,                    "; remove the quotes"                         },
    {TYPE_NUMBER,   QUOTED,                    "; remove the quotes"                         },
    {TYPE_VERSION,  QUOTED,                    "; remove the quotes"                         },
};

static const char *mend(const struct key *key, const struct node *node)
{
    unsigned found = node->plain ? 1u << (unsigned)scalar_parse(node->text).type : QUOTED;
    for (size_t i = 0; i < sizeof mends / sizeof *mends; i++) {
        if (mends[i].wanted == key->type && (mends[i].found & found) != 0) {
            return mends[i].advice;
        }
    }
    return "";
}

void reader_wrong_type(struct reader *r, const struct key *key, const struct node *node)
{
    char wants[160];
    describe_wants(key, wants, sizeof wants);
    if (node->type != NODE_TEXT) {
        complain(r->complaints, node, "`%s` must be %s, not %s", key->name, wants, node_kind(node));
    } else if (node->plain && scalar_parse(node->text).type == SCALAR_NULL) {
        complain(r->complaints, node, "`%s` has no value: it must be %s", key->name, wants);
    } else {
        complain(r->complaints,
                 node,
                 "`%s` must be %s, not `%s%.60s%s`%s",
                 key->name,
                 wants,
                 node->plain ? "" : "\"",
                 node->text,
                 node->plain ? "" : "\"",
                 mend(key, node));
    }
}

bool reader_check(struct reader *r,
                  const struct key_rule *rule,
                  const char *kind,
                  const struct node *node,
                  const char *text)
{
    const char *wrong = rule != NULL ? rule->check(text) : NULL;
    if (wrong != NULL) {
        complain(r->complaints, node, "%s `%.60s` %s", kind, text, wrong);
    }
    return wrong == NULL;
}

const char *reader_checked(struct reader *r, const struct key *key, const struct node *node)
{
    const char *text = NULL;
    struct scalar scalar;
    if (node->type != NODE_TEXT) {
        reader_wrong_type(r, key, node);
        return NULL;
    }
    if (!reader_scalar(r, node, &text, &scalar)) {
        return NULL;
    }
    /* What replaced an expression is text wherever text is wanted. */
    if (scalar.type != SCALAR_TEXT && !reader_is_bare_expression(node)) {
        reader_wrong_type(r, key, node);
        return NULL;
    }
    char kind[64];
    (void)snprintf(kind, sizeof kind, "%s", key->name);
    return reader_check(r, key->rule, kind, node, text) ? text : NULL;
}

bool reader_make_list(struct reader *r,
                      const char *const *items,
                      size_t count,
                      struct text_list *ret_list)
{
    const char **copy = arena_calloc(r->arena, count + 1, sizeof *copy);
    if (copy == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return false;
    }
    if (count > 0) {
        memcpy(copy, items, count * sizeof *copy);
    }
    *ret_list = (struct text_list){.items = copy, .count = count};
    return true;
}

struct source_pos reader_pos(const struct reader *r, const struct node *node)
{
    return (struct source_pos){
        .file = r->complaints->source.file, .line = node->line, .column = node->column};
}

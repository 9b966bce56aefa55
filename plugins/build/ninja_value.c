/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of a manifest. Those of a file are replaced when they are read; those of a rule when an
 * edge asks for them, in this order, as ninja does it:
 *
 *   in, out, in_newline
 *   the edge's own variables (an edge without any: those of its file)
 *   the rule's, whose text may name others again
 *   the file's, then those of the files around it
 *
 * A rule's text that names another is put on a stack, not called. */
#include "plugins/build/ninja_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A variable name: long ones are no names. */
#define NAME_MAX_LEN 256

struct frame {
    const char *at;
    const char *end;
};

struct replacing {
    const struct ninja_scope *scope;
    const struct ninja_variables *own; /* NULL = none */
    const struct ninja_edge *edge;     /* NULL: no rule, in or out */
    bool quote;                        /* paths in $in and $out, for the shell */
    size_t done;
    struct frame frames[NINJA_NESTING_MAX];
    size_t depth;
    struct str *out;
    struct err *err;
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-';
}

static const char *find_in(const struct ninja_variables *variables, const char *name)
{
    uintptr_t value = 0;
    return variables != NULL && map_get(&variables->values, name, &value) == 1
               ? (const char *)value // NOLINT(performance-no-int-to-ptr): the map holds texts
               : NULL;
}

static const char *find_around(const struct ninja_scope *scope, const char *name)
{
    const char *value = NULL;
    for (; scope != NULL && value == NULL; scope = scope->parent) {
        value = find_in(&scope->variables, name);
    }
    return value;
}

static const struct ninja_raw *find_of_rule(const struct ninja_rule *rule, const char *name)
{
    for (size_t i = 0; rule != NULL && i < rule->binding_count; i++) {
        if (strcmp(rule->bindings[i].name, name) == 0) {
            return &rule->bindings[i].value;
        }
    }
    return NULL;
}

static int push(struct replacing *r, const struct ninja_raw *raw)
{
    if (r->depth == NINJA_NESTING_MAX) {
        return err_set(r->err, -EINVAL, "variables of the rule name each other in a circle");
    }
    r->frames[r->depth++] = (struct frame){raw->text, raw->text + raw->len};
    return 0;
}

static bool is_plain_path(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_+-./";
    return path[strspn(path, plain)] == '\0';
}

/* As ninja quotes a path for the shell. */
static void put_quoted(struct str *out, const char *path)
{
    if (is_plain_path(path)) {
        (void)str_append(out, path);
        return;
    }
    (void)str_append_char(out, '\'');
    for (; *path != '\0'; path++) {
        (void)(*path == '\'' ? str_append(out, "'\\''") : str_append_char(out, *path));
    }
    (void)str_append_char(out, '\'');
}

static void put_paths(struct replacing *r,
                      const struct ninja_nodes *nodes,
                      size_t count,
                      char separator)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            (void)str_append_char(r->out, separator);
        }
        if (r->quote) {
            put_quoted(r->out, nodes->items[i]->path);
        } else {
            (void)str_append(r->out, nodes->items[i]->path);
        }
    }
}

static bool put_special(struct replacing *r, const char *name)
{
    const struct ninja_edge *edge = r->edge;
    if (strcmp(name, "in") == 0) {
        put_paths(r, &edge->inputs, edge->explicit_inputs, ' ');
    } else if (strcmp(name, "in_newline") == 0) {
        put_paths(r, &edge->inputs, edge->explicit_inputs, '\n');
    } else if (strcmp(name, "out") == 0) {
        put_paths(r, &edge->outputs, edge->explicit_outputs, ' ');
    } else {
        return false;
    }
    return true;
}

static int put_variable(struct replacing *r, const char *name)
{
    if (++r->done > NINJA_REPLACEMENTS_MAX) {
        return err_set(
            r->err, -E2BIG, "more than %d variables in one value", NINJA_REPLACEMENTS_MAX);
    }
    if (r->edge != NULL && put_special(r, name)) {
        return 0;
    }
    const char *value = find_in(r->own != NULL ? r->own : &r->scope->variables, name);
    const struct ninja_raw *raw =
        value == NULL && r->edge != NULL ? find_of_rule(r->edge->rule, name) : NULL;
    if (raw != NULL) {
        return push(r, raw);
    }
    value = value != NULL ? value : find_around(r->scope, name);
    (void)str_append(r->out, value != NULL ? value : "");
    return 0;
}

/* The variable behind a '$': its name into buf; moves over it. */
static int read_name(struct replacing *r, struct frame *frame, char buf[NAME_MAX_LEN])
{
    const bool braced = *frame->at == '{';
    const char *start = frame->at + braced;
    const char *at = start;
    while (at < frame->end && (is_name_char(*at) || (braced && *at == '.'))) {
        at++;
    }
    const size_t len = (size_t)(at - start);
    if (len == 0 || (braced && (at == frame->end || *at != '}'))) {
        return err_set(r->err, -EINVAL, "bad $-escape: a $ that stands for itself is written $$");
    }
    if (len >= NAME_MAX_LEN) {
        return err_set(r->err, -EINVAL, "a variable's name is longer than %d", NAME_MAX_LEN - 1);
    }
    memcpy(buf, start, len);
    buf[len] = '\0';
    frame->at = at + braced;
    return 0;
}

/* What follows a '$'. */
static int replace_escape(struct replacing *r, struct frame *frame)
{
    char name[NAME_MAX_LEN];
    const char *const at = frame->at < frame->end ? frame->at : "";
    const char c = *at;
    if (c == '$' || c == ' ' || c == ':') {
        frame->at++;
        return str_append_char(r->out, c);
    }
    if (c == '^') {
        frame->at++;
        return str_append_char(r->out, '\n');
    }
    if (c == '\n' || (c == '\r' && frame->at + 1 < frame->end && frame->at[1] == '\n')) {
        frame->at += c == '\r' ? 2 : 1;
        while (frame->at < frame->end && *frame->at == ' ') {
            frame->at++;
        }
        return 0;
    }
    int rc = read_name(r, frame, name);
    return rc == 0 ? put_variable(r, name) : rc;
}

static int replace(struct replacing *r, const struct ninja_raw *raw)
{
    int rc = push(r, raw);
    while (rc == 0 && r->depth > 0) {
        struct frame *frame = &r->frames[r->depth - 1];
        const char *dollar = memchr(frame->at, '$', (size_t)(frame->end - frame->at));
        const char *stop = dollar != NULL ? dollar : frame->end;
        (void)str_append_n(r->out, frame->at, (size_t)(stop - frame->at));
        frame->at = stop + (dollar != NULL);
        if (dollar == NULL) {
            r->depth--;
        } else {
            rc = replace_escape(r, frame);
        }
        rc = rc == 0 ? str_error(r->out) : rc;
    }
    return rc == -EFBIG && r->err->code != rc
               ? err_set(r->err, rc, "a value is longer than %zu bytes", r->out->max)
           : rc == -ENOMEM ? err_set(r->err, rc, "out of memory")
                           : rc;
}

int ninja_replace(const struct ninja_scope *scope,
                  const struct ninja_variables *own,
                  const struct ninja_raw *raw,
                  struct str *out,
                  struct err *err)
{
    struct replacing r = {.scope = scope, .own = own, .out = out, .err = err};
    return replace(&r, raw);
}

int ninja_value(const struct ninja *ninja,
                const struct ninja_edge *edge,
                const char *name,
                struct str *out,
                struct err *err)
{
    char text[NAME_MAX_LEN + 4];
    struct replacing r = {
        .scope = edge->scope, .own = edge->own, .edge = edge, .out = out, .err = err};
    const size_t len = strlen(name);
    (void)ninja;
    if (len >= NAME_MAX_LEN) {
        return err_set(err, -EINVAL, "a variable's name is longer than %d", NAME_MAX_LEN - 1);
    }
    /* Names of files are not for the shell. */
    r.quote =
        strcmp(name, "depfile") != 0 && strcmp(name, "rspfile") != 0 && strcmp(name, "dyndep") != 0;
    (void)snprintf(text, sizeof text, "${%s}", name);
    const struct ninja_raw raw = {text, len + 3};
    int rc = replace(&r, &raw);
    return rc == 0 ? 0
                   : err_wrap(err,
                              "%s:%u: %s of %s",
                              edge->file,
                              edge->line,
                              name,
                              edge->outputs.items[0]->path);
}

/* ---- paths ---- */

/* Where the last part of what is kept begins, to take it back for a ".."; SIZE_MAX = nothing that
 * could be taken back. */
static size_t last_part(const char *path, size_t floor, size_t len)
{
    size_t at = len;
    while (at > floor && path[at - 1] != '/') {
        at--;
    }
    return at < len && !(len - at == 2 && path[at] == '.' && path[at + 1] == '.') ? at : SIZE_MAX;
}

/* Parts are kept with a '/' after each, which the end takes off. */
size_t ninja_clean_path(char *path)
{
    const size_t floor = path[0] == '/';
    const char *from = path + floor;
    size_t len = floor;
    while (*from != '\0') {
        size_t part = strcspn(from, "/");
        const bool end = from[part] == '\0'; /* it may be written over */
        const bool up = part == 2 && from[0] == '.' && from[1] == '.';
        const size_t last = up && len > floor ? last_part(path, floor, len - 1) : SIZE_MAX;
        if (part == 0 || (part == 1 && from[0] == '.')) {
            /* nothing */
        } else if (up && last != SIZE_MAX) {
            len = last;
        } else if (!up || floor == 0) {
            memmove(path + len, from, part);
            len += part;
            path[len++] = '/'; /* over the '/' of the original, or its end */
        }
        if (end) {
            break;
        }
        from += part + 1;
    }
    len -= len > floor;
    path[len] = '\0';
    return len;
}

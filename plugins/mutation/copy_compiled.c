/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/copy_compiled.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

static const char probe[] = "#error sluice looks whether this is compiled\n";

/* Behind the end of a line that may go on behind a backslash; 0 = the file ends before. */
static uint32_t behind_line(const struct source *source, uint32_t at)
{
    for (; at < source->size; at++) {
        bool goes_on = at > 0 && source->text[at - 1] == '\\';
        if (source->text[at] == '\n' && !goes_on) {
            return at + 1;
        }
    }
    return 0;
}

static bool is_in_comment(TSNode root, uint32_t at)
{
    TSNode node = ts_node_descendant_for_byte_range(root, at, at);
    return !ts_node_is_null(node) && strcmp(ts_node_type(node), "comment") == 0
           && ts_node_start_byte(node) < at;
}

static uint32_t line_start(const struct source *source, uint32_t at)
{
    while (at > 0 && source->text[at - 1] != '\n') {
        at--;
    }
    return at;
}

/* What stands behind the # of a directive in the line that begins at `at`; NULL = in none. */
static const char *directive_at(const struct source *source, TSNode root, uint32_t at)
{
    bool goes_on = at >= 2 && source->text[at - 2] == '\\';
    uint32_t mark = at + (uint32_t)strspn(source->text + at, " \t");
    if (goes_on || source->text[mark] != '#' || is_in_comment(root, mark)) {
        return NULL;
    }
    return source->text + mark + 1 + strspn(source->text + mark + 1, " \t");
}

/* Does a directive begin the branch that what comes behind it is in? Asked of one after the other,
 * backwards; `ended` = how many #if have ended between. */
static bool begins_branch(const char *word, size_t *ended)
{
    if (text_starts_with(word, "endif")) {
        ++*ended;
        return false;
    }
    if (*ended > 0) {
        *ended -= text_starts_with(word, "if") ? 1 : 0;
        return false;
    }
    return text_starts_with(word, "if") || text_starts_with(word, "el");
}

/* By lines, backwards: the parser knows an #if around statements, but none within an expression. */
uint32_t copy_branch_of(const struct source *source, const struct mutant *mutant)
{
    if (source->tree == NULL || strcmp(source->language->name, "c") != 0) {
        return 0;
    }
    TSNode root = ts_tree_root_node(source->tree);
    uint32_t line = line_start(source, mutant->span.start);
    size_t ended = 0;
    while (line > 0) {
        line = line_start(source, line - 1);
        const char *word = directive_at(source, root, line);
        if (word != NULL && begins_branch(word, &ended)) {
            const uint32_t at = behind_line(source, line);
            return at <= mutant->span.start && !is_in_comment(root, at) ? at : 0;
        }
    }
    return 0;
}

char *copy_branch_probe(const struct source *source, uint32_t at, size_t *ret_size)
{
    size_t length = sizeof probe - 1;
    char *text = mem_calloc(source->size + length + 1, 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, source->text, at);
    memcpy(text + at, probe, length);
    memcpy(text + at + length, source->text + at, source->size - at);
    text[source->size + length] = '\0';
    *ret_size = source->size + length;
    return text;
}

enum copy_compiled copy_branch_known(const struct copy_branches *branches, uint32_t at)
{
    for (size_t i = 0; i < branches->count; i++) {
        if (branches->items[i].at == at) {
            return branches->items[i].compiled;
        }
    }
    return COPY_COMPILED_UNKNOWN;
}

int copy_branch_keep(struct copy_branches *branches, uint32_t at, enum copy_compiled compiled)
{
    const struct copy_branch branch = {.at = at, .compiled = compiled};
    return vec_push(branches, branch);
}

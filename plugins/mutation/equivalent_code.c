/* SPDX-License-Identifier: Apache-2.0 */
/* Machine code as text: the same for two copies of a function that do the same. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/mutation/equivalent.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of local labels, in the order in which they come. */
struct labels {
    VEC_FIELDS(unsigned long);
};

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_' || c == '.' || c == '$';
}

/* What says nothing about the code: alignment, unwinding, names. */
static bool is_idle(const char *line, size_t length)
{
    static const char *const words[] = {"\t.cfi",
                                        "\t.type",
                                        "\t.size",
                                        "\t.globl",
                                        "\t.p2align",
                                        "\t.align",
                                        "\t.weak",
                                        "\t.local"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (length >= strlen(words[i]) && strncmp(line, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    return false;
}

static int label_index(struct labels *labels, unsigned long number, size_t *ret_index)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (labels->items[i] == number) {
            *ret_index = i;
            return 0;
        }
    }
    *ret_index = labels->count;
    return vec_push(labels, number);
}

/* One word of a line: a label ".L12" by its place, the function's own name as "@". */
static int put_word(
    struct str *out, struct labels *labels, const char *word, size_t length, const char *function)
{
    size_t index = 0;
    if (length > 2 && word[0] == '.' && word[1] == 'L' && isdigit((unsigned char)word[2]) != 0) {
        int rc = label_index(labels, strtoul(word + 2, NULL, 10), &index);
        return rc < 0 ? rc : str_appendf(out, ".L%zu", index);
    }
    if (length == strlen(function) && memcmp(word, function, length) == 0) {
        return str_append_char(out, '@');
    }
    return str_append_n(out, word, length);
}

static int put_line(
    struct str *out, struct labels *labels, const char *line, size_t length, const char *function)
{
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && at < length) {
        size_t end = at;
        while (end < length && is_word_char(line[end])) {
            end++;
        }
        rc = end > at ? put_word(out, labels, line + at, end - at, function)
                      : str_append_char(out, line[end++]);
        at = end;
    }
    return rc == 0 ? str_append_char(out, '\n') : rc;
}

/* The first line behind "function:", or NULL. */
static const char *find_function(const char *assembly, const char *function)
{
    size_t length = strlen(function);
    for (const char *at = strstr(assembly, function); at != NULL; at = strstr(at + 1, function)) {
        if ((at == assembly || at[-1] == '\n') && at[length] == ':') {
            return strchr(at, '\n');
        }
    }
    return NULL;
}

static bool is_end(const char *line, const char *function)
{
    static const char size[] = "\t.size\t";
    return strncmp(line, size, strlen(size)) == 0
           && strncmp(line + strlen(size), function, strlen(function)) == 0
           && line[strlen(size) + strlen(function)] == ',';
}

bool equivalent_code(const char *assembly, const char *function, struct hash *ret_hash)
{
    CLEANUP(str_fini) struct str text = STR_INIT(EQUIVALENT_ASSEMBLY_MAX);
    struct labels labels = {0};
    const char *line = find_function(assembly, function);
    int rc = line == NULL ? -ENOENT : 0;
    while (rc == 0 && line != NULL && !is_end(line + 1, function)) {
        const char *end = strchr(++line, '\n');
        size_t length = end == NULL ? strlen(line) : (size_t)(end - line);
        if (!is_idle(line, length)) {
            rc = put_line(&text, &labels, line, length, function);
        }
        line = end;
    }
    vec_fini(&labels);
    if (rc < 0 || line == NULL) {
        return false;
    }
    *ret_hash = hash_bytes(str_text(&text), text.len);
    return true;
}

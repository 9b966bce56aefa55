/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/words.h"

#include "base/file.h"
#include "base/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

const char *word_show(const char *text, char buf[WORD_SHOWN_MAX])
{
    int len = snprintf(buf, WORD_SHOWN_MAX, "%s", text);
    for (char *at = buf; *at != '\0'; at++) {
        if (is_control(*at)) {
            *at = '?';
        }
    }
    if (len >= WORD_SHOWN_MAX) {
        memcpy(buf + WORD_SHOWN_MAX - 4, "...", 4);
    }
    return buf;
}

int word_check_name(const char *what, const char *word, struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(word);
    bool starts = word[0] >= 'a' && word[0] <= 'z';
    if (starts && len <= WORD_NAME_MAX && strspn(word, allowed) == len) {
        return 0;
    }
    char shown[WORD_SHOWN_MAX];
    return err_set(err,
                   -EINVAL,
                   "%s \"%s\" is no name: lower-case letters, digits, '_' and '-', starting with "
                   "a letter, at most %d",
                   what,
                   word_show(word, shown),
                   WORD_NAME_MAX);
}

int word_check_id(const char *what, const char *word, struct err *err)
{
    size_t len = strlen(word);
    if (len == 0) {
        return err_set(err, -EINVAL, "%s is empty", what);
    }
    char shown[WORD_SHOWN_MAX];
    if (len > ID_MAX) {
        return err_set(err,
                       -EINVAL,
                       "%s \"%s\" has %zu bytes, at most %d are allowed",
                       what,
                       word_show(word, shown),
                       len,
                       ID_MAX);
    }
    for (const char *at = word; *at != '\0'; at++) {
        if (is_control(*at)) {
            return err_set(err,
                           -EINVAL,
                           "%s \"%s\" holds a control character (byte 0x%02x)",
                           what,
                           word_show(word, shown),
                           (unsigned)(unsigned char)*at);
        }
    }
    return 0;
}

int word_check_path(const char *what, const char *path, struct err *err)
{
    if (path_is_inside(path) && strlen(path) < PATH_TEXT_MAX) {
        return 0;
    }
    char shown[WORD_SHOWN_MAX];
    return err_set(err,
                   -EINVAL,
                   "%s \"%s\" must be a relative path without \"..\", \".\" and empty parts",
                   what,
                   word_show(path, shown));
}

int word_read_list(const char *what,
                   json_t *list,
                   int (*check)(const char *what, const char *word, struct err *err),
                   struct arena *arena,
                   struct text_list *ret_list,
                   struct err *err)
{
    size_t count = json_array_size(list);
    if (count == 0) {
        *ret_list = (struct text_list){NULL, 0};
        return 0;
    }
    const char **items = arena_calloc(arena, count + 1, sizeof *items);
    if (items == NULL) {
        return err_set(err, -ENOMEM, "out of memory for %s", what);
    }
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item)) {
            return err_set(err, -EINVAL, "%s: item %zu must be a string", what, i + 1);
        }
        int status = check(what, json_string_value(item), err);
        if (status != 0) {
            return status;
        }
        items[i] = arena_strdup(arena, json_string_value(item));
        if (items[i] == NULL) {
            return err_set(err, -ENOMEM, "out of memory for %s", what);
        }
    }
    *ret_list = (struct text_list){items, count};
    return 0;
}

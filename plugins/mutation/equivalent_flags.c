/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugins/mutation/equivalent.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

/* A compile_commands.json: 100,000 files of 1 KiB. */
#define COMMANDS_MAX (128u << 20)

/* Flags that decide what a text means; with the word that follows where it stands apart. */
static const char *const kept[] = {"-D",
                                   "-U",
                                   "-I",
                                   "-std=",
                                   "-isystem",
                                   "-iquote",
                                   "-idirafter",
                                   "-include",
                                   "-m",
                                   "-f",
                                   "-pthread"};

/* ... and what -f and -m may not bring in: other code for the same text. */
static const char *const left[] = {"-fsanitize", "-flto", "-fprofile", "-fplugin", "-MF", "-MT"};

static bool begins_with_one(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_starts_with(word, words[i]) != 0) {
            return true;
        }
    }
    return false;
}

static bool has_word_behind(const char *word)
{
    static const char *const apart[] = {
        "-D", "-U", "-I", "-isystem", "-iquote", "-idirafter", "-include"};
    for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
        if (strcmp(word, apart[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The words of an entry, as an array of strings; a new reference. */
static json_t *words_of(const json_t *entry)
{
    const json_t *arguments = json_object_get(entry, "arguments");
    const char *command = json_string_value(json_object_get(entry, "command"));
    CLEANUP(cleanup_free) char **words = NULL;
    size_t count = 0;
    if (json_is_array(arguments)) {
        return json_deep_copy(arguments);
    }
    json_t *array = json_array();
    if (array == NULL || command == NULL || shell_split(command, &words, &count, NULL) < 0) {
        return array;
    }
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(array, json_string(words[i]));
    }
    return array;
}

static bool is_of_file(const json_t *entry, const char *whole)
{
    const char *folder = json_string_value(json_object_get(entry, "directory"));
    const char *file = json_string_value(json_object_get(entry, "file"));
    char joined[PATH_TEXT_MAX];
    char clean[PATH_TEXT_MAX];
    if (folder == NULL || file == NULL) {
        return false;
    }
    int length = file[0] == '/' ? snprintf(joined, sizeof(joined), "%s", file)
                                : snprintf(joined, sizeof(joined), "%s/%s", folder, file);
    return length > 0 && (size_t)length < sizeof(joined)
           && path_clean(joined, clean, sizeof(clean)) == 0 && strcmp(clean, whole) == 0;
}

/* One block: the pointers, then their texts. */
static char **pack(const char *folder, const json_t *words)
{
    size_t count = json_array_size(words);
    size_t size = (count + 2) * sizeof(char *) + strlen(folder) + 1;
    for (size_t i = 0; i < count; i++) {
        size += json_string_length(json_array_get(words, i)) + 1;
    }
    char **block = mem_calloc(1, size);
    if (block == NULL) {
        return NULL;
    }
    char *text = (char *)(block + count + 2);
    size_t used = 0;
    block[used++] = memcpy(text, folder, strlen(folder) + 1);
    text += strlen(folder) + 1;
    bool take = false;
    for (size_t i = 1; i < count; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        take = take
               || (word != NULL && begins_with_one(word, kept, sizeof(kept) / sizeof(kept[0]))
                   && !begins_with_one(word, left, sizeof(left) / sizeof(left[0])));
        if (word != NULL && take) {
            block[used++] = memcpy(text, word, strlen(word) + 1);
            text += strlen(word) + 1;
            take = has_word_behind(word);
        }
    }
    return block;
}

static int find_in(const char *file, const char *whole, char ***ret_words, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(COMMANDS_MAX);
    CLEANUP(json_cleanup) json_t *all = NULL;
    size_t i = 0;
    json_t *entry = NULL;
    int rc = file_read(file, &text, err);
    rc = rc < 0 ? rc : json_parse_foreign(str_text(&text), text.len, &all, err);
    if (rc < 0) {
        return rc;
    }
    json_array_foreach(all, i, entry)
    {
        if (is_of_file(entry, whole)) {
            CLEANUP(json_cleanup) json_t *words = words_of(entry);
            *ret_words = pack(json_string_value(json_object_get(entry, "directory")), words);
            return *ret_words != NULL ? 1 : err_set(err, -ENOMEM, "not enough memory for flags");
        }
    }
    return 0;
}

int equivalent_flags(const char *tree, const char *path, char ***ret_words, struct err *err)
{
    static const char *const patterns[] = {"compile_commands.json", "*/compile_commands.json"};
    char whole[PATH_TEXT_MAX];
    char pattern[PATH_TEXT_MAX];
    int rc = 0;
    if (snprintf(whole, sizeof(whole), "%s/%s", tree, path) >= PATH_TEXT_MAX) {
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        glob_t found = {0};
        if (snprintf(pattern, sizeof(pattern), "%s/%s", tree, patterns[i]) >= PATH_TEXT_MAX
            /* NOLINTNEXTLINE(concurrency-mt-unsafe): the program has one thread */
            || glob(pattern, GLOB_NOSORT, NULL, &found) != 0) {
            continue;
        }
        for (size_t j = 0; rc == 0 && j < found.gl_pathc; j++) {
            rc = find_in(found.gl_pathv[j], whole, ret_words, err);
        }
        globfree(&found);
    }
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What `npm test` runs: the script is followed through `npm run X`, cut at &&, and the part that
 * starts a test tool is told from the rest (linters, type checks). A script that does more than
 * that, with pipes, loops or a build before the tests, stays what it is: one command. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/init.h"

#include <ctype.h>
#include <string.h>

/* `npm run a` that runs b that runs c: beyond, the script goes round in a circle. */
#define SCRIPT_STEPS_MAX 16

static const char *const tools[] = {"vitest", "jest", "mocha", "ava", "tap", "tape", "node", NULL};
/* Started before a tool, they change nothing about its tests. */
static const char *const wrappers[] = {"npx", "c8", "nyc", "cross-env", "env", NULL};

static bool is_one_of(const char *word, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(word, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The script that a part such as "npm run unit" or "yarn unit" names; NULL = none. */
static const char *follow(json_t *scripts, const char *part)
{
    static const char *const starts[] = {"npm run-script ",
                                         "npm run --silent ",
                                         "npm run -s ",
                                         "npm run ",
                                         "yarn run ",
                                         "yarn ",
                                         "pnpm run ",
                                         "pnpm "};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (text_starts_with(part, starts[i])) {
            const char *name = part + strlen(starts[i]);
            return json_string_value(json_object_get(scripts, name)); /* words behind: not found */
        }
    }
    return NULL;
}

/* Shell that is more than words. Quotes keep a pattern from the shell; without them it is the same
 * pattern. */
static bool needs_shell(const char *part)
{
    return strpbrk(part, "|;<>$`()&#\\") != NULL;
}

struct words {
    char **items;
    size_t count;
};

static void words_fini(struct words *words)
{
    mem_free((void *)words->items);
}

/* The length of the name that a word "NAME=value" sets; 0 = it is no such word. */
static size_t assigned_name(const char *word)
{
    const size_t len = strcspn(word, "=");
    const bool name = len > 0 && word[len] == '=' && !isdigit((unsigned char)word[0]);
    for (size_t i = 0; name && i < len; i++) {
        if (!isalnum((unsigned char)word[i]) && word[i] != '_') {
            return 0;
        }
    }
    return name ? len : 0;
}

/* Index of the word that is a test tool, or SIZE_MAX: only wrappers, their options and variables
 * stand before it. */
static size_t find_tool(const struct words *words)
{
    bool wrapped = false;
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        if (is_one_of(word, tools)) {
            return i;
        }
        const bool assigned = assigned_name(word) > 0;
        wrapped |= is_one_of(word, wrappers);
        if (!assigned && !is_one_of(word, wrappers) && !(wrapped && word[0] == '-')) {
            return SIZE_MAX;
        }
    }
    return SIZE_MAX;
}

/* Options that say how often, how watched, or what is measured, not what is tested. */
static bool is_noise(const char *word)
{
    return text_starts_with(word, "--coverage") || text_starts_with(word, "--watch")
           || text_starts_with(word, "--reporter") || text_starts_with(word, "--test-reporter")
           || strcmp(word, "--run") == 0 || strcmp(word, "run") == 0 || strcmp(word, "--test") == 0
           || text_starts_with(word, "--experimental-test-coverage") || strcmp(word, "-R") == 0;
}

/* One of those, with its value as the next word. */
static bool takes_value(const char *word)
{
    static const char *const options[] = {
        "-R", "--reporter", "--test-reporter", "--test-reporter-destination", NULL};
    return is_one_of(word, options);
}

/* Shall words[at] be left out? */
static bool is_left_out(const struct words *words, size_t at)
{
    const char *word = words->items[at];
    const bool value = word[0] != '-' && takes_value(words->items[at - 1]);
    return value || is_noise(word);
}

static void put_item(struct str *list, const char *word)
{
    (void)str_append(list, list->len > 0 ? ", " : "");
    init_put_scalar(list, word);
}

/* Takes the words behind the tool apart. */
static void read_words(struct init_plan *plan,
                       const struct words *words,
                       size_t tool,
                       struct init_script *script)
{
    CLEANUP(str_fini) struct str args = STR_INIT(INIT_FILE_MAX);
    CLEANUP(str_fini) struct str all = STR_INIT(INIT_FILE_MAX);
    size_t files = 0;
    bool value = false; /* the word before is an option that may take this one */
    for (size_t i = tool + 1; i < words->count; i++) {
        const char *word = words->items[i];
        const bool option = word[0] == '-';
        if (is_left_out(words, i)) {
            script->dropped |= text_starts_with(word, "--coverage");
            value = false;
            continue;
        }
        (void)str_append(&all, " ");
        (void)shell_quote(&all, word);
        if (option || value) {
            put_item(&args, word);
        } else {
            files++;
            script->tests = init_text(plan, "%s", word);
        }
        value = option && strchr(word, '=') == NULL;
    }
    script->words = init_text(plan, "%s", str_text(&all));
    script->args = args.len > 0 ? init_text(plan, "[%s]", str_text(&args)) : NULL;
    static const char *const by_file[] = {"vitest", "jest", NULL}; /* their adapters list files */
    script->dropped |= files > 0 && is_one_of(script->tool, by_file);
    script->tests = files == 1 ? script->tests : NULL;
    script->many = files > 1;
}

/* `node` is a test tool with --test, or running one file that prints TAP. */
static bool is_node_test(const struct words *words, size_t at, bool has_tape, const char **ret_tool)
{
    for (size_t i = at + 1; i < words->count; i++) {
        if (strcmp(words->items[i], "--test") == 0) {
            return true;
        }
    }
    *ret_tool = "node-tap";
    return has_tape && words->count == at + 2 && words->items[at + 1][0] != '-';
}

/* Is the variable of words[at] set again before the tool? */
static bool is_set_again(const struct words *words, size_t at, size_t tool)
{
    const size_t len = assigned_name(words->items[at]);
    for (size_t i = at + 1; i < tool; i++) {
        if (strncmp(words->items[i], words->items[at], len + 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Variables set before the tool, as YAML; NULL = none. Wrappers are told as left out. */
static const char *read_env(struct init_plan *plan,
                            const struct words *words,
                            size_t tool,
                            bool *dropped)
{
    CLEANUP(str_fini) struct str list = STR_INIT(INIT_FILE_MAX);
    for (size_t i = 0; i < tool; i++) {
        const size_t len = assigned_name(words->items[i]);
        if (len == 0) {
            *dropped |=
                strcmp(words->items[i], "npx") != 0 && strcmp(words->items[i], "cross-env") != 0;
            continue;
        }
        if (is_set_again(words, i, tool)) {
            continue;
        }
        (void)str_append(&list, list.len > 0 ? ", " : "");
        init_put_scalar(&list, init_text(plan, "%.*s", (int)len, words->items[i]));
        (void)str_append(&list, ": ");
        init_put_scalar(&list, words->items[i] + len + 1);
    }
    return list.len > 0 ? init_text(plan, "{%s}", str_text(&list)) : NULL;
}

/* Is this part a test tool? Fills *script. */
static bool read_part(struct init_plan *plan,
                      const char *part,
                      bool has_tape,
                      struct init_script *script)
{
    CLEANUP(words_fini) struct words words = {0};
    struct err err = {0};
    if (needs_shell(part) || shell_split(part, &words.items, &words.count, &err) != 0) {
        return false;
    }
    const size_t at = find_tool(&words);
    if (at == SIZE_MAX) {
        return false;
    }
    const char *tool = init_text(plan, "%s", words.items[at]);
    if (strcmp(tool, "node") == 0 && !is_node_test(&words, at, has_tape, &tool)) {
        return false;
    }
    script->tool = tool;
    script->env = read_env(plan, &words, at, &script->dropped);
    read_words(plan, &words, at, script);
    return true;
}

static void add_check(struct init_plan *plan, struct init_script *script, const char *part)
{
    script->checks =
        script->checks == NULL ? part : init_text(plan, "%s && %s", script->checks, part);
}

/* The next part of a script, cut at "&&"; NULL at its end. */
static const char *next_part(struct init_plan *plan, const char **rest)
{
    const char *start = *rest + strspn(*rest, " \t");
    if (*start == '\0') {
        return NULL;
    }
    const char *cut = strstr(start, "&&");
    size_t len = cut != NULL ? (size_t)(cut - start) : strlen(start);
    *rest = cut != NULL ? cut + 2 : start + len;
    while (len > 0 && strchr(" \t", start[len - 1]) != NULL) {
        len--;
    }
    return init_text(plan, "%.*s", (int)len, start);
}

/* Follows one part through `npm run`, as long as what it names is one part itself. */
static const char *resolve(json_t *scripts, const char *part)
{
    const char *inner = NULL;
    for (unsigned step = 0; step < SCRIPT_STEPS_MAX && (inner = follow(scripts, part)) != NULL;
         step++) {
        if (strstr(inner, "&&") != NULL) {
            break;
        }
        part = inner;
    }
    return part;
}

/* The whole script, when all it does is to name another: "npm run test:all". */
static const char *whole(json_t *scripts, const char *text)
{
    const char *inner = NULL;
    for (unsigned step = 0;
         text != NULL && step < SCRIPT_STEPS_MAX && (inner = follow(scripts, text)) != NULL;
         step++) {
        text = inner;
    }
    return text != NULL ? text : "";
}

/* Does a script before the tests only look at the sources? What builds must come before them. */
static bool only_checks(const char *script)
{
    static const char *const words[] = {"lint", "xo", "standard", "prettier", "evalmd", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strstr(script, words[i]) != NULL) {
            return strstr(script, "build") == NULL && strstr(script, "compile") == NULL;
        }
    }
    return false;
}

struct init_script init_read_script(struct init_plan *plan, json_t *scripts, bool has_tape)
{
    struct init_script script = {0};
    const char *before = json_string_value(json_object_get(scripts, "pretest"));
    const char *rest = whole(scripts, json_string_value(json_object_get(scripts, "test")));
    const char *part = NULL;
    if (before != NULL && !only_checks(before)) {
        return script;
    }
    if (before != NULL) {
        add_check(plan, &script, "npm run pretest");
    }
    while ((part = next_part(plan, &rest)) != NULL) {
        struct init_script one = {.checks = script.checks};
        const bool tests = read_part(plan, resolve(scripts, part), has_tape, &one);
        if (tests && script.tool != NULL) {
            return (struct init_script){0}; /* two runs of tests: the script knows best */
        }
        script = tests ? one : script;
        if (!tests) {
            add_check(plan, &script, part);
        }
    }
    return script.tool != NULL ? script : (struct init_script){0};
}

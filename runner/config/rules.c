/* SPDX-License-Identifier: Apache-2.0 */
/* What texts must look like. Each rule is one row below: a pattern for editors, a function for us.
 * tests/lint/yaml_schema holds both against the same files. */
#include "config/rules.h"

#include "base/file.h"
#include "base/limits.h"

#include <stdbool.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

_Static_assert(NAME_MAX_BYTES == 64 && MATRIX_VALUE_MAX_BYTES == 64 && TITLE_MAX_BYTES == 255
                   && PATH_TEXT_MAX == 4096,
               "the sentences below name these limits");

static bool has_control(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool only(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

static const char *check_size(const char *text, size_t max, const char *too_long)
{
    if (text[0] == '\0') {
        return "must not be empty";
    }
    return strlen(text) > max ? too_long : NULL;
}

static const char *check_id(const char *text)
{
    const char *wrong = check_size(text, NAME_MAX_BYTES, "is longer than 64 bytes: shorten it");
    if (wrong != NULL) {
        return wrong;
    }
    bool good = strspn(text, LETTERS "_") > 0 && only(text, LETTERS DIGITS "_.-");
    return good
               ? NULL
               : "may only have letters a-z, digits, `_`, `-` and `.`, and must begin with a letter or `_`";
}

static const char *check_lock(const char *text)
{
    const char *wrong = check_size(text, NAME_MAX_BYTES, "is longer than 64 bytes: shorten it");
    if (wrong != NULL) {
        return wrong;
    }
    return only(text, LETTERS DIGITS "_.:/@+-")
               ? NULL
               : "may only have letters a-z, digits and `_ . : / @ + -`";
}

static const char *check_matrix_value(const char *text)
{
    const char *wrong =
        check_size(text, MATRIX_VALUE_MAX_BYTES, "is longer than 64 bytes: shorten it");
    if (wrong != NULL) {
        return wrong;
    }
    return only(text, LETTERS DIGITS "_.+=:@-")
               ? NULL
               : "may only have letters a-z, digits and `_ . + = : @ -`, because it becomes part of "
                 "the layer's id";
}

static const char *check_env_name(const char *text)
{
    bool good = strspn(text, LETTERS "_") > 0 && only(text, LETTERS DIGITS "_");
    return good ? NULL : "is no name of an environment variable: only letters a-z, digits and `_`";
}

static const char *check_title(const char *text)
{
    const char *wrong = check_size(text, TITLE_MAX_BYTES, "is longer than 255 bytes: shorten it");
    if (wrong != NULL) {
        return wrong;
    }
    return has_control(text) ? "must be one line without control characters" : NULL;
}

static const char *check_need(const char *text)
{
    if (has_control(text) || text[0] == '\0') {
        return "is no id of a layer";
    }
    return NULL;
}

static bool leaves(const char *path)
{
    for (const char *p = path; p != NULL; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0')) {
            return true;
        }
    }
    return false;
}

/* What absolute and relative paths have in common. */
static const char *check_path(const char *path)
{
    const char *wrong = check_size(path, PATH_TEXT_MAX - 1, "is longer than 4095 bytes");
    if (wrong != NULL) {
        return wrong;
    }
    if (has_control(path)) {
        return "has a control character in it: remove it";
    }
    if (leaves(path)) {
        return "leads upwards: `..` is not allowed in it";
    }
    if (path[strlen(path) - 1] == '/') {
        return "must not end with `/`: remove it";
    }
    return NULL;
}

static const char *check_inside(const char *path)
{
    const char *wrong = check_path(path);
    if (wrong != NULL) {
        return path[0] == '/' ? "must be relative to the root of the tree" : wrong;
    }
    if (path[0] == '/') {
        return "must be relative to the root of the tree";
    }
    if (strncmp(path, "./", 2) == 0) {
        return "is relative to the root anyway: write it without `./`";
    }
    return path_is_inside(path) ? NULL : "has an empty part or a `.` in it: remove it";
}

static const char *check_cwd(const char *path)
{
    return strcmp(path, ".") == 0 ? NULL : check_inside(path);
}

/* Taken for a pattern, a name that nothing has would be the same in every tree. */
static const char *check_declared(const char *path)
{
    const char *wrong = check_inside(path);
    return wrong == NULL && strpbrk(path, "*?") != NULL
               ? "is no name: patterns are not looked at; name a folder for all that is in it"
               : wrong;
}

static const char *check_expose(const char *path)
{
    if (path[0] != '/') {
        return check_inside(path);
    }
    const char *wrong = check_path(path);
    if (wrong != NULL) {
        return wrong;
    }
    return path_is_inside(path + 1) ? NULL : "has an empty part or a `.` in it: remove it";
}

static const char *check_uses(const char *text)
{
    if (strncmp(text, "./", 2) == 0) {
        return check_inside(text + 2);
    }
    if (text[0] == '/') {
        return "must be a plugin's name, or a path below the root that begins with `./`";
    }
    bool name = text[0] != '\0' && only(text, LETTERS DIGITS "_-");
    return name ? NULL : "is no plugin's name; the path of your own plugin begins with `./`";
}

#define PATTERN_ID "[A-Za-z_][A-Za-z0-9_.-]*"
/* One path below the root; what the pattern cannot say (`..`) is left to check(). */
#define PATTERN_INSIDE "[^/](.*[^/])?"

const struct key_rule rule_id = {"an id", "^" PATTERN_ID "$", check_id};
const struct key_rule rule_lock = {"a lock", "^[A-Za-z0-9_.:/@+-]+$", check_lock};
const struct key_rule rule_matrix_value = {
    "a matrix value", "^[A-Za-z0-9_.+=:@-]+$", check_matrix_value};
const struct key_rule rule_env_name = {
    "an environment variable", "^[A-Za-z_][A-Za-z0-9_]*$", check_env_name};
const struct key_rule rule_title = {"a title", NULL, check_title};
const struct key_rule rule_need = {
    "a layer's id", "^" PATTERN_ID "(\\[[^\\[\\]]+\\])?$", check_need};
const struct key_rule rule_inside = {"a path", "^" PATTERN_INSIDE "$", check_inside};
const struct key_rule rule_declared = {"a path", "^[^/*?]([^*?]*[^/*?])?$", check_declared};
const struct key_rule rule_cwd = {"a path", "^" PATTERN_INSIDE "$", check_cwd};
const struct key_rule rule_expose = {"a path", "^.*[^/]$", check_expose};
const struct key_rule rule_uses = {"a plugin", "^(\\./.*[^/]|[A-Za-z0-9_-]+)$", check_uses};

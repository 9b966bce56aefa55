/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/json_scan.h"

#include <string.h>

static char peek(struct json_scan *scan)
{
    while (scan->at < scan->len && memchr(" \t\r\n", scan->text[scan->at], 4) != NULL) {
        scan->at++;
    }
    return scan->at < scan->len ? scan->text[scan->at] : '\0';
}

static bool damage(struct json_scan *scan)
{
    scan->damaged = true;
    return false;
}

bool json_scan_enter(struct json_scan *scan, char bracket)
{
    if (peek(scan) != bracket) {
        return false;
    }
    scan->at++;
    scan->first = true;
    return true;
}

/* Over a string; *ret_len is what stands between the quotes. */
static bool skip_string(struct json_scan *scan, size_t *ret_len)
{
    size_t start = ++scan->at;
    while (scan->at < scan->len && scan->text[scan->at] != '"') {
        scan->at += scan->text[scan->at] == '\\' ? 2 : 1;
    }
    if (scan->at >= scan->len) {
        return damage(scan);
    }
    *ret_len = scan->at++ - start;
    return true;
}

static bool read_key(struct json_scan *scan)
{
    if (peek(scan) != '"') {
        return damage(scan);
    }
    scan->key = scan->text + scan->at + 1;
    if (!skip_string(scan, &scan->key_len) || peek(scan) != ':') {
        return damage(scan);
    }
    scan->at++;
    return true;
}

bool json_scan_item(struct json_scan *scan)
{
    char c = peek(scan);
    if (scan->damaged || c == '\0') {
        return damage(scan);
    }
    if (c == '}' || c == ']') {
        scan->at++;
        scan->first = false;
        return false;
    }
    if (!scan->first) {
        if (c != ',') {
            return damage(scan);
        }
        scan->at++;
        c = peek(scan);
    }
    scan->first = false;
    return c != '\0' || damage(scan);
}

bool json_scan_member(struct json_scan *scan)
{
    return json_scan_item(scan) && read_key(scan);
}

bool json_scan_is(const struct json_scan *scan, const char *key)
{
    return scan->key_len == strlen(key) && memcmp(scan->key, key, scan->key_len) == 0;
}

/* Over brackets, strings and scalars until the depth is 0 again. */
size_t json_scan_skip(struct json_scan *scan)
{
    size_t depth = 0;
    size_t unused = 0;
    char c = peek(scan);
    size_t start = scan->at;
    for (; c != '\0'; c = peek(scan)) {
        if (c == '"') {
            if (!skip_string(scan, &unused)) {
                return 0;
            }
        } else if (c == '{' || c == '[') {
            depth++;
            scan->at++;
        } else if (c == '}' || c == ']') {
            scan->at++;
            depth -= depth > 0 ? 1 : 0;
        } else if (c == ',' || c == ':') {
            scan->at++;
        } else {
            scan->at += strcspn(scan->text + scan->at, ",:{}[]\" \t\r\n");
        }
        if (depth == 0) {
            return scan->at - start;
        }
    }
    (void)damage(scan);
    return 0;
}

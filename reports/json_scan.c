/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/json_scan.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char peek(struct json_scan *scan)
{
    while (scan->at < scan->len && is_blank(scan->text[scan->at])) {
        scan->at++;
    }
    if (scan->at >= scan->len) {
        return '\0';
    }
    return scan->text[scan->at];
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

/* Over one bracket, string, scalar, comma or colon. False when the text ends in it. */
static bool skip_token(struct json_scan *scan, char c, size_t *depth)
{
    size_t unused = 0;
    if (c == '"') {
        return skip_string(scan, &unused);
    }
    if (strchr(",:{}[]", c) == NULL) {
        scan->at += strcspn(scan->text + scan->at, ",:{}[]\" \t\r\n");
        return true;
    }
    scan->at++;
    if (c == '{' || c == '[') {
        ++*depth;
    } else if ((c == '}' || c == ']') && *depth > 0) {
        --*depth;
    }
    return true;
}

size_t json_scan_skip(struct json_scan *scan)
{
    size_t depth = 0;
    char c = peek(scan);
    size_t start = scan->at;
    for (; c != '\0' && skip_token(scan, c, &depth); c = peek(scan)) {
        if (depth == 0) {
            return scan->at - start;
        }
    }
    (void)damage(scan);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a large JSON text value by value, so that one value at a time is parsed: reports of many
 * megabytes need the memory of one case, and a truncated one gives what came before. */
#ifndef SLUICE_REPORTS_JSON_SCAN_H
#define SLUICE_REPORTS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
    const char *text;
    size_t len;
    size_t at;       /* the next byte */
    bool first;      /* no item of the innermost array or object was seen */
    const char *key; /* of the member found last, without quotes, escapes as they are */
    size_t key_len;
    bool damaged; /* the text ends too early, or is no JSON */
};

/* Steps into the object ('{') or array ('[') that begins here. False when there is none. */
bool json_scan_enter(struct json_scan *scan, char bracket);

/* To the next item of the array, or member of the object, that was entered: true, with its value at
 * text + at; false behind the end, or damaged. */
bool json_scan_item(struct json_scan *scan);
bool json_scan_member(struct json_scan *scan);

/* Is the member found last called so? */
bool json_scan_is(const struct json_scan *scan, const char *key);

/* Over the value that begins here, however deep. Returns its length; 0 = damaged. */
size_t json_scan_skip(struct json_scan *scan);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/report_text.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a finding's key: its four texts. */
#define KEY_MAX (1u << 20)

size_t text_cut_before(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

void text_clean_cut(struct str *out, const char *text, size_t max)
{
    const size_t len = strlen(text);
    if (len <= max) {
        (void)text_sanitize(out, text, len);
        return;
    }
    const size_t head = text_cut_before(text, max / 2);
    const size_t tail = text_cut_before(text, len - max / 2);
    (void)text_sanitize(out, text, head);
    (void)str_appendf(out, "\n[... %zu bytes left out ...]\n", tail - head);
    (void)text_sanitize(out, text + tail, len - tail);
}

void jw_put_clean(struct json_writer *w, const char *key, const char *text, size_t max)
{
    if (text == NULL) {
        return;
    }
    CLEANUP(str_fini) struct str clean = STR_INIT(4 * max + 256); /* U+FFFD: three bytes for one */
    text_clean_cut(&clean, text, max);
    str_carry_error(w->out, &clean);
    jw_put_string(w, key, str_text(&clean));
}

void jw_put_moment(struct json_writer *w, const char *key, int64_t wall_ms)
{
    char timestamp[TIMESTAMP_TEXT_MAX];
    char zoned[TIMESTAMP_TEXT_MAX + 1];
    (void)snprintf(zoned, sizeof zoned, "%sZ", timestamp_format(wall_ms, timestamp));
    jw_put_string(w, key, zoned);
}

void str_carry_error(struct str *out, const struct str *part)
{
    out->error = out->error != 0 ? out->error : part->error;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

int finding_fingerprint(struct unique *seen,
                        const char *layer,
                        const struct finding *finding,
                        struct str *out)
{
    char hex[HASH_HEX_SIZE];
    CLEANUP(str_fini) struct str key = STR_INIT(KEY_MAX);
    CLEANUP(str_fini) struct str again = STR_INIT(2 * (size_t)KEY_MAX);
    (void)str_appendf(&key,
                      "%s\n%s\n%s\n%s",
                      layer,
                      text_or_empty(finding->rule),
                      text_or_empty(finding->file),
                      text_or_empty(finding->message));
    int rc = str_error(&key);
    rc = rc == 0 ? unique_name(seen, "", str_text(&key), &again) : rc;
    if (rc != 0) {
        return rc;
    }
    const struct str *told = again.len > 0 ? &again : &key;
    const struct hash hash = hash_bytes(str_text(told), told->len);
    return str_append(out, hash_hex(&hash, hex));
}

void uri_append_path(struct str *out, const char *path)
{
    for (; *path != '\0'; path++) {
        const char c = *path;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                           || (c >= '0' && c <= '9') || strchr("/-._~", c) != NULL;
        (void)(plain ? str_append_char(out, c) : str_appendf(out, "%%%02X", (unsigned char)c));
    }
}

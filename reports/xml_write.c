/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/xml_write.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Longest time written: 30 years; beyond, it is a broken clock. */
#define SECONDS_MAX 1e9

/* The reference a byte is written as, or NULL when it stands for itself. */
static const char *reference_of(char c, bool attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\n':
        return attribute ? "&#10;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

/* Printable ASCII that needs no reference: a bit for each byte below 128. */
static bool is_safe(unsigned char c)
{
    static const uint64_t safe[2] = {
        ~UINT64_C(0) << 32
            & ~(UINT64_C(1) << '&' | UINT64_C(1) << '<' | UINT64_C(1) << '>' | UINT64_C(1) << '"'),
        ~UINT64_C(0) >> 1, /* without DEL */
    };
    return c < 128 && (safe[c / 64] >> c % 64 & 1) != 0;
}

/* Length of the run that needs neither cleaning nor escaping. */
static size_t safe_run(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && is_safe((unsigned char)text[at])) {
        at++;
    }
    return at;
}

static void append_escaped(struct str *out, const char *text, size_t len, bool attribute)
{
    size_t from = 0;
    for (size_t at = 0; at < len; at++) {
        const char *reference = reference_of(text[at], attribute);
        if (reference != NULL) {
            (void)str_append_n(out, text + from, at - from);
            (void)str_append(out, reference);
            from = at + 1;
        }
    }
    (void)str_append_n(out, text + from, len - from);
}

static void write_clean(struct str *out, const char *text, size_t len, bool attribute)
{
    size_t safe = safe_run(text, len);
    (void)str_append_n(out, text, safe);
    if (safe == len) {
        return;
    }
    /* U+FFFD takes three bytes for one. */
    CLEANUP(str_fini) struct str clean = STR_INIT(3 * (len - safe));
    if (text_sanitize(&clean, text + safe, len - safe) != 0) {
        out->error = out->error != 0 ? out->error : clean.error;
        return;
    }
    append_escaped(out, str_text(&clean), clean.len, attribute);
}

void xml_text_n(struct str *out, const char *text, size_t len)
{
    write_clean(out, text, len, false);
}

void xml_text(struct str *out, const char *text)
{
    write_clean(out, text, strlen(text), false);
}

static void begin_attribute(struct str *out, const char *name)
{
    (void)str_append_char(out, ' ');
    (void)str_append(out, name);
    (void)str_append(out, "=\"");
}

void xml_attribute(struct str *out, const char *name, const char *value)
{
    if (value != NULL) {
        begin_attribute(out, name);
        write_clean(out, value, strlen(value), true);
        (void)str_append_char(out, '"');
    }
}

void xml_attribute_count(struct str *out, const char *name, uint64_t value)
{
    begin_attribute(out, name);
    (void)str_append_number(out, value);
    (void)str_append_char(out, '"');
}

void xml_attribute_seconds(struct str *out, const char *name, double seconds)
{
    if (isfinite(seconds) && seconds >= 0 && seconds < SECONDS_MAX) {
        const uint64_t ms = (uint64_t)(seconds * 1000 + 0.5);
        const unsigned fraction = (unsigned)(ms % 1000);
        const char digits[] = {'.',
                               (char)('0' + (int)(fraction / 100)),
                               (char)('0' + (int)(fraction / 10 % 10)),
                               (char)('0' + (int)(fraction % 10)),
                               '"'};
        begin_attribute(out, name);
        (void)str_append_number(out, ms / 1000);
        (void)str_append_n(out, digits, sizeof digits);
    }
}

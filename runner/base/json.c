/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

/* Decimal digits of a 64-bit number, a sign, and one to spare. */
#define INT_TEXT_MAX 24

/* Below this a double times 10^6 keeps all its digits in an int64_t and in 53 bits; beyond it, six
 * decimals say nothing any more and %.17g is written. */
#define FIXED_POINT_MAX 1e9

/* Integers up to 2^53 are exact in a double. */
#define EXACT_INT_MAX 9007199254740992.0

/* What a byte needs inside a JSON string. */
enum byte_class {
    BYTE_PLAIN, /* itself */
    BYTE_ESCAPE,
    BYTE_HIGH, /* part of a multi-byte UTF-8 sequence, or garbage */
};

static enum byte_class classify(unsigned char c)
{
    if (c >= 0x80) {
        return BYTE_HIGH;
    }
    return c < 0x20 || c == '"' || c == '\\' ? BYTE_ESCAPE : BYTE_PLAIN;
}

/* Places the comma that stands before a key or value, if any. */
static void separate(struct json_writer *w)
{
    assert(w->depth < JSON_DEPTH_MAX);
    if (w->need_comma[w->depth]) {
        (void)str_append_char(w->out, ',');
    }
    w->need_comma[w->depth] = true;
}

static void open_level(struct json_writer *w, char bracket)
{
    separate(w);
    (void)str_append_char(w->out, bracket);
    w->depth++;
    assert(w->depth < JSON_DEPTH_MAX);
    w->need_comma[w->depth] = false;
}

static void close_level(struct json_writer *w, char bracket)
{
    assert(w->depth > 0);
    w->depth--;
    (void)str_append_char(w->out, bracket);
}

void jw_begin(struct json_writer *w, struct str *out)
{
    w->out = out;
    w->depth = 0;
    w->need_comma[0] = false;
}

void jw_object(struct json_writer *w)
{
    open_level(w, '{');
}

void jw_end_object(struct json_writer *w)
{
    close_level(w, '}');
}

void jw_array(struct json_writer *w)
{
    open_level(w, '[');
}

void jw_end_array(struct json_writer *w)
{
    close_level(w, ']');
}

static void write_escape(struct str *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn?fr"; /* 0x08 .. 0x0d; 0x0b has no letter */
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (c == '"' || c == '\\') {
        escape[1] = (char)c;
    } else if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
        escape[1] = letters[c - 0x08];
    } else {
        (void)str_append_n(out, escape, sizeof escape);
        return;
    }
    (void)str_append_n(out, escape, 2);
}

/* Writes a run of bytes >= 0x80: what is valid as it is, U+FFFD for each byte that is not. */
static void write_high(struct str *out, const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t valid = utf8_valid_prefix(bytes + at, len - at);
        (void)str_append_n(out, bytes + at, valid);
        at += valid;
        if (at < len) {
            (void)str_append_n(out, "\xef\xbf\xbd", 3);
            at++;
        }
    }
}

/* Writes a run of bytes of one class. */
static void write_run(struct str *out, enum byte_class class, const char *bytes, size_t len)
{
    if (class == BYTE_PLAIN) {
        (void)str_append_n(out, bytes, len);
        return;
    }
    if (class == BYTE_HIGH) {
        write_high(out, bytes, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        write_escape(out, (unsigned char)bytes[i]);
    }
}

/* Eight bytes at once: none is a control character, '"', '\\' or beyond ASCII. */
static bool are_plain(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    const uint64_t quote = bytes ^ ones * '"';
    const uint64_t backslash = bytes ^ ones * '\\';
    /* below 0x20: a borrow into the top bit; equal to one of the two: zero after the exclusive or
     */
    return ((bytes | (bytes - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops) == 0;
}

static bool is_plain(const char *text, size_t len)
{
    size_t at = 0;
    for (uint64_t bytes = 0; at + sizeof bytes <= len; at += sizeof bytes) {
        memcpy(&bytes, text + at, sizeof bytes);
        if (!are_plain(bytes)) {
            break; /* or looks so: by a borrow from the byte below */
        }
    }
    while (at < len && classify((unsigned char)text[at]) == BYTE_PLAIN) {
        at++;
    }
    return at == len;
}

/* Quotes text. Most of it is plain and copied at once; of the rest, runs of one class are. */
static void write_quoted(struct str *out, const char *text, size_t len)
{
    if (is_plain(text, len) && str_reserve(out, len + 2) == 0) {
        char *at = out->data + out->len;
        *at = '"';
        memcpy(at + 1, text, len);
        memcpy(at + 1 + len, "\"", 2);
        out->len += len + 2;
        return;
    }
    (void)str_append_char(out, '"');
    size_t at = 0;
    while (at < len) {
        enum byte_class class = classify((unsigned char)text[at]);
        size_t end = at + 1;
        while (end < len && classify((unsigned char)text[end]) == class) {
            end++;
        }
        write_run(out, class, text + at, end - at);
        at = end;
    }
    (void)str_append_char(out, '"');
}

void jw_key(struct json_writer *w, const char *key)
{
    separate(w);
    write_quoted(w->out, key, strlen(key));
    (void)str_append_char(w->out, ':');
    w->need_comma[w->depth] = false; /* the value follows */
}

void jw_string(struct json_writer *w, const char *value)
{
    if (value == NULL) {
        jw_null(w);
        return;
    }
    jw_string_n(w, value, strlen(value));
}

void jw_string_n(struct json_writer *w, const char *value, size_t len)
{
    separate(w);
    write_quoted(w->out, value, len);
}

/* Writes the digits of `value` so that they end before `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    return end;
}

void jw_int(struct json_writer *w, int64_t value)
{
    char text[INT_TEXT_MAX];
    char *end = text + sizeof text;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *start = digits_before(end, magnitude);
    if (value < 0) {
        *--start = '-';
    }
    separate(w);
    (void)str_append_n(w->out, start, (size_t)(end - start));
}

/* Writes |value| < FIXED_POINT_MAX as at most six decimals, independent of the locale. */
static void write_fixed(struct str *out, double value)
{
    bool negative = value < 0;
    uint64_t millionths = (uint64_t)((negative ? -value : value) * 1e6 + 0.5);
    char text[2 * INT_TEXT_MAX];
    char *end = text + sizeof text;
    uint64_t fraction = millionths % 1000000;
    char *start = end;
    if (fraction != 0) {
        start = digits_before(end, fraction + 1000000); /* a leading 1 keeps the zeros */
        *start = '.';
        while (end[-1] == '0') {
            end--;
        }
    }
    start = digits_before(start, millionths / 1000000);
    if (negative && millionths != 0) {
        *--start = '-';
    }
    (void)str_append_n(out, start, (size_t)(end - start));
}

void jw_double(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        jw_null(w);
        return;
    }
    double magnitude = value < 0 ? -value : value;
    if (magnitude < EXACT_INT_MAX && (double)(int64_t)value == value) {
        jw_int(w, (int64_t)value);
        return;
    }
    separate(w);
    if (magnitude < FIXED_POINT_MAX) {
        write_fixed(w->out, value);
        return;
    }
    char text[32]; /* sign, 17 digits, point, "e+308" */
    int len = snprintf(text, sizeof text, "%.17g", value);
    assert(len > 0 && (size_t)len < sizeof text);
    char *comma = strchr(text, ','); /* a locale's decimal point */
    if (comma != NULL) {
        *comma = '.';
    }
    (void)str_append_n(w->out, text, (size_t)len);
}

void jw_bool(struct json_writer *w, bool value)
{
    separate(w);
    (void)str_append(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
    separate(w);
    (void)str_append_n(w->out, "null", 4);
}

void jw_raw(struct json_writer *w, const char *valid_json)
{
    separate(w);
    (void)str_append(w->out, valid_json);
}

static char *put_bytes(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

/* `,"key":` as bytes with room for so many more behind them, or NULL: then it is written piece by
 * piece. Logs are made of millions of short fields. */
static char *begin_field(struct json_writer *w, const char *key, size_t more)
{
    const size_t len = strlen(key);
    assert(w->depth < JSON_DEPTH_MAX);
    if (!is_plain(key, len) || str_reserve(w->out, size_add(len + 4, more)) != 0) {
        return NULL;
    }
    char *at = w->out->data + w->out->len;
    if (w->need_comma[w->depth]) {
        *at++ = ',';
    }
    *at++ = '"';
    at = put_bytes(at, key, len);
    *at++ = '"';
    *at++ = ':';
    w->need_comma[w->depth] = true;
    return at;
}

static void end_field(struct json_writer *w, char *end)
{
    *end = '\0';
    w->out->len = (size_t)(end - w->out->data);
}

void jw_put_string(struct json_writer *w, const char *key, const char *value)
{
    if (value == NULL) {
        return;
    }
    const size_t len = strlen(value);
    char *at = is_plain(value, len) ? begin_field(w, key, size_add(len, 2)) : NULL;
    if (at == NULL) {
        jw_key(w, key);
        jw_string_n(w, value, len);
        return;
    }
    *at++ = '"';
    at = put_bytes(at, value, len);
    *at++ = '"';
    end_field(w, at);
}

void jw_put_int(struct json_writer *w, const char *key, int64_t value)
{
    char text[INT_TEXT_MAX];
    char *end = text + sizeof text;
    char *start = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0) {
        *--start = '-';
    }
    char *at = begin_field(w, key, (size_t)(end - start));
    if (at == NULL) {
        jw_key(w, key);
        jw_int(w, value);
        return;
    }
    end_field(w, put_bytes(at, start, (size_t)(end - start)));
}

void jw_put_double(struct json_writer *w, const char *key, double value)
{
    jw_key(w, key);
    jw_double(w, value);
}

void jw_put_bool(struct json_writer *w, const char *key, bool value)
{
    jw_key(w, key);
    jw_bool(w, value);
}

/* ---- reading ---- */

/* Fields of one object that json_read_object() can tell apart: bits of a word. */
#define FIELDS_MAX 64

/* Bytes of a foreign key that a message shows. */
#define KEY_SHOWN_MAX 80

int json_parse(const char *text, size_t len, json_t **ret_value, struct err *err)
{
    json_error_t error;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value != NULL) {
        *ret_value = value;
        return 0;
    }
    if (json_error_code(&error) == json_error_out_of_memory) {
        return err_set(err, -ENOMEM, "out of memory while reading JSON");
    }
    return err_set(err,
                   -EINVAL,
                   "not valid JSON: %s (line %d, column %d)",
                   error.text[0] != '\0' ? error.text : "cannot be read",
                   error.line > 0 ? error.line : 1,
                   error.column > 0 ? error.column : 1);
}

/* Length of an escape: backslash, u, four digits. */
#define UNICODE_ESCAPE_LEN 6

/* The code unit of an escape that begins at `at`; -1 = none begins there. */
static int unicode_escape(const char *at, const char *end)
{
    if (end - at < UNICODE_ESCAPE_LEN || at[0] != '\\' || at[1] != 'u') {
        return -1;
    }
    int unit = 0;
    for (int i = 2; i < UNICODE_ESCAPE_LEN; i++) {
        int c = (unsigned char)at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (digit < 0 || digit > 15 || (c > '9' && digit < 10)) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Makes U+FFFD of each escape that stands for no character, in place. Were there any? */
static bool mend_escapes(char *text, size_t len)
{
    const char *end = text + len;
    bool mended = false;
    for (char *at = text; (at = memchr(at, '\\', (size_t)(end - at))) != NULL;) {
        int unit = unicode_escape(at, end);
        if (unit < 0) {
            at += end - at > 1 ? 2 : 1; /* the backslash and what it escapes */
            continue;
        }
        if (is_high_surrogate(unit)
            && is_low_surrogate(unicode_escape(at + UNICODE_ESCAPE_LEN, end))) {
            at += (ptrdiff_t)2 * UNICODE_ESCAPE_LEN;
            continue;
        }
        if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit)) {
            static const char unknown[] = "fffd";
            memcpy(at + 2, unknown, sizeof unknown - 1);
            mended = true;
        }
        at += UNICODE_ESCAPE_LEN;
    }
    return mended;
}

int json_parse_foreign(const char *text, size_t len, json_t **ret_value, struct err *err)
{
    struct err first = {0};
    int status = json_parse(text, len, ret_value, &first);
    if (status == -EINVAL && memchr(text, '\0', len) == NULL) {
        char *copy = mem_strndup(text, len);
        if (copy == NULL) {
            return err_set(err, -ENOMEM, "out of memory while reading JSON");
        }
        status = mend_escapes(copy, len) ? json_parse(copy, len, ret_value, &first) : status;
        mem_free(copy);
    }
    if (status != 0 && err != NULL) {
        *err = first;
    }
    return status;
}

void json_cleanup(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

static bool type_fits(enum json_field_type type, const json_t *value)
{
    switch (type) {
    case JSON_FIELD_STRING:
        return json_is_string(value);
    case JSON_FIELD_INT:
        return json_is_integer(value);
    case JSON_FIELD_DOUBLE:
        return json_is_number(value);
    case JSON_FIELD_BOOL:
        return json_is_boolean(value);
    case JSON_FIELD_ARRAY:
        return json_is_array(value);
    case JSON_FIELD_OBJECT:
        return json_is_object(value);
    case JSON_FIELD_ANY:
        return true;
    }
    return false;
}

static const char *type_words(enum json_field_type type)
{
    switch (type) {
    case JSON_FIELD_STRING:
        return "a string";
    case JSON_FIELD_INT:
        return "an integer";
    case JSON_FIELD_DOUBLE:
        return "a number";
    case JSON_FIELD_BOOL:
        return "true or false";
    case JSON_FIELD_ARRAY:
        return "an array";
    case JSON_FIELD_OBJECT:
        return "an object";
    case JSON_FIELD_ANY:
        break;
    }
    return "anything";
}

static const char *value_words(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        break;
    }
    return "null";
}

static void store(const struct json_field *field, json_t *value)
{
    switch (field->type) {
    case JSON_FIELD_STRING:
        *(const char **)field->target = json_string_value(value);
        break;
    case JSON_FIELD_INT:
        *(int64_t *)field->target = json_integer_value(value);
        break;
    case JSON_FIELD_DOUBLE:
        *(double *)field->target = json_number_value(value);
        break;
    case JSON_FIELD_BOOL:
        *(bool *)field->target = json_is_true(value);
        break;
    case JSON_FIELD_ARRAY:
    case JSON_FIELD_OBJECT:
    case JSON_FIELD_ANY:
        *(json_t **)field->target = value;
        break;
    }
}

/* A foreign key made safe for a message: cut, without control bytes. */
static const char *show_key(const char *key, char buf[KEY_SHOWN_MAX + 1])
{
    size_t len = strnlen(key, KEY_SHOWN_MAX);
    memcpy(buf, key, len);
    buf[len] = '\0';
    for (char *at = buf; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    return buf;
}

static int refuse_unknown(const char *key,
                          const struct json_field *fields,
                          size_t count,
                          struct err *err)
{
    const char *names[FIELDS_MAX];
    for (size_t i = 0; i < count; i++) {
        names[i] = fields[i].name;
    }
    char shown[KEY_SHOWN_MAX + 1];
    const char *near = text_nearest(key, names, count);
    if (near != NULL) {
        return err_set(
            err, -EINVAL, "unknown field \"%s\"; did you mean \"%s\"?", show_key(key, shown), near);
    }
    return err_set(err, -EINVAL, "unknown field \"%s\"", show_key(key, shown));
}

/* Index of the field called `key`, or `count`. */
static size_t find_field(const char *key, const struct json_field *fields, size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(fields[i].name, key) != 0) {
        i++;
    }
    return i;
}

static int check_field(const struct json_field *field, const json_t *value, struct err *err)
{
    if (type_fits(field->type, value)) {
        return 0;
    }
    return err_set(err,
                   -EINVAL,
                   "field \"%s\" must be %s, but is %s",
                   field->name,
                   type_words(field->type),
                   value_words(value));
}

/* Checks every member of `object` and remembers where its value is; found[] is as long as fields[].
 */
static int match_fields(
    json_t *object, const struct json_field *fields, size_t count, json_t **found, struct err *err)
{
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        size_t i = find_field(key, fields, count);
        if (i == count) {
            return refuse_unknown(key, fields, count, err);
        }
        if (json_is_null(value)) {
            continue;
        }
        int status = check_field(&fields[i], value, err);
        if (status != 0) {
            return status;
        }
        found[i] = value;
    }
    return 0;
}

int json_read_object(json_t *object, const struct json_field *fields, size_t count, struct err *err)
{
    assert(count <= FIELDS_MAX);
    if (!json_is_object(object)) {
        const char *what = object != NULL ? value_words(object) : "absent";
        return err_set(err, -EINVAL, "must be an object, but is %s", what);
    }
    /* First all checks, then all targets: on failure nothing was touched. */
    json_t *found[FIELDS_MAX] = {NULL};
    int status = match_fields(object, fields, count, found, err);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required && found[i] == NULL) {
            return err_set(err, -EINVAL, "field \"%s\" is missing", fields[i].name);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (found[i] != NULL) {
            store(&fields[i], found[i]);
        }
    }
    return 0;
}

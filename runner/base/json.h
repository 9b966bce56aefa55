/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: a streaming writer into a str, and strict typed reading on top of jansson. */
#ifndef SLUICE_BASE_JSON_H
#define SLUICE_BASE_JSON_H

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- writing ---- (functions jw_..., because jansson owns json_...)
 * struct json_writer w; jw_begin(&w, &out); jw_object(&w); jw_key(&w, "id"); jw_string(&w,
 * id); jw_end_object(&w); commas are placed by the writer. Invalid UTF-8 is replaced by U+FFFD,
 * so the output is always valid JSON on one line. Errors stick in the str. */
#define JSON_DEPTH_MAX 64

struct json_writer {
    struct str *out;
    unsigned depth;
    bool need_comma[JSON_DEPTH_MAX];
};

void jw_begin(struct json_writer *w, struct str *out);
void jw_object(struct json_writer *w);
void jw_end_object(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_end_array(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_string(struct json_writer *w, const char *value); /* NULL writes null */
void jw_string_n(struct json_writer *w, const char *value, size_t len);
void jw_int(struct json_writer *w, int64_t value);
void jw_double(struct json_writer *w,
               double value); /* NaN and infinities write null; up to 6 decimals */
void jw_bool(struct json_writer *w, bool value);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, const char *valid_json);
/* key + value in one call */
void jw_put_string(struct json_writer *w,
                   const char *key,
                   const char *value); /* NULL: key left out */
void jw_put_int(struct json_writer *w, const char *key, int64_t value);
void jw_put_double(struct json_writer *w, const char *key, double value);
void jw_put_bool(struct json_writer *w, const char *key, bool value);

/* ---- reading ----
 * Duplicate keys, depth beyond jansson's limit, NUL in strings and trailing bytes are refused.
 * The result is a new reference: json_decref() it (CLEANUP(json_cleanup)). */
int json_parse(const char *text, size_t len, json_t **ret_value, struct err *err);

/* As json_parse(), for what test tools write: they put into strings whatever a test printed. The
 * escapes of NUL and of half a surrogate pair, which JSON can say and C or UTF-8 cannot, are read
 * as U+FFFD. */
int json_parse_foreign(const char *text, size_t len, json_t **ret_value, struct err *err);
void json_cleanup(json_t **value);

enum json_field_type {
    JSON_FIELD_STRING, /* const char * (borrowed from the object) */
    JSON_FIELD_INT,    /* int64_t */
    JSON_FIELD_DOUBLE, /* double; integers accepted */
    JSON_FIELD_BOOL,   /* bool */
    JSON_FIELD_ARRAY,  /* json_t * (borrowed) */
    JSON_FIELD_OBJECT, /* json_t * (borrowed) */
    JSON_FIELD_ANY,    /* json_t * (borrowed) */
};

struct json_field {
    const char *name;
    enum json_field_type type;
    bool required;
    void *target; /* left untouched when the field is absent or null */
};

/* Reads an object's fields by table. Unknown fields, missing required ones and wrong types are
 * errors that name the field ("did you mean" included). */
int json_read_object(json_t *object,
                     const struct json_field *fields,
                     size_t count,
                     struct err *err);

#endif

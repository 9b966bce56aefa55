/* SPDX-License-Identifier: Apache-2.0 */
/* What the build took out of a schema, handed from `build` to `try` as a file. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugins/mutation/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* 65,536 mutants with 1 KiB of a compiler's message each. */
#define SCHEMA_STATE_MAX (256u << 20)

/* The key as text: 64 bits do not fit a number of JSON. */
#define KEY_TEXT_MAX 17

static int path_of(const char *root, const char *file, char path[PATH_TEXT_MAX], struct err *err)
{
    int len = snprintf(path, PATH_TEXT_MAX, "%s/" UNIT_SCHEMAS "/%s.json", root, file);
    return len > 0 && len < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", file);
}

static void key_text(const struct schema *schema, char text[KEY_TEXT_MAX])
{
    (void)snprintf(text, KEY_TEXT_MAX, "%016llx", (unsigned long long)schema->key);
}

static void put_mutants(struct json_writer *w, const struct schema *schema)
{
    jw_key(w, "refused");
    jw_array(w);
    for (uint32_t i = 0; i < schema->mutant_count; i++) {
        const struct schema_place *place = &schema->places[i];
        if (place->refused != NULL) {
            jw_array(w);
            jw_int(w, i);
            jw_bool(w, place->compile_error);
            jw_string(w, place->refused);
            jw_end_array(w);
        }
    }
    jw_end_array(w);
}

static void put_sites(struct json_writer *w, const struct schema *schema)
{
    jw_key(w, "sites");
    jw_array(w);
    for (uint32_t i = 0; i < schema->site_count; i++) {
        if (schema->sites[i].refused != NULL) {
            jw_array(w);
            jw_int(w, i);
            jw_string(w, schema->sites[i].refused);
            jw_end_array(w);
        }
    }
    jw_end_array(w);
}

int unit_save_schema(const char *root,
                     const char *file,
                     const struct schema *schema,
                     struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SCHEMA_STATE_MAX);
    char path[PATH_TEXT_MAX];
    char key[KEY_TEXT_MAX];
    struct json_writer w;
    key_text(schema, key);
    jw_begin(&w, &text);
    jw_object(&w);
    jw_put_string(&w, "key", key);
    put_mutants(&w, schema);
    put_sites(&w, schema);
    jw_end_object(&w);
    int status = path_of(root, file, path, err);
    if (status == 0 && str_error(&text) != 0) {
        status = err_set(err, str_error(&text), "out of memory for the schema of %s", file);
    }
    return status != 0 ? status : file_write_atomic(path, str_text(&text), text.len, err);
}

static int damaged(const char *path, struct err *err)
{
    return err_set(err, -EINVAL, "%s is damaged; run the layer again", path);
}

static int refuse_mutants(struct schema *schema, json_t *refused, const char *path, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(refused, i, item)
    {
        json_int_t number = json_integer_value(json_array_get(item, 0));
        const char *reason = json_string_value(json_array_get(item, 2));
        if (number < 0 || number >= schema->mutant_count || reason == NULL) {
            return damaged(path, err);
        }
        bool compile_error = json_is_true(json_array_get(item, 1));
        if (schema_refuse(schema, (uint32_t)number, reason, compile_error) < 0) {
            return err_set(err, -ENOMEM, "out of memory for a schema");
        }
    }
    return 0;
}

static int refuse_sites(struct schema *schema, json_t *sites, const char *path, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(sites, i, item)
    {
        json_int_t site = json_integer_value(json_array_get(item, 0));
        const char *reason = json_string_value(json_array_get(item, 1));
        if (site < 0 || site >= schema->site_count || reason == NULL) {
            return damaged(path, err);
        }
        if (schema_refuse_site(schema, (uint32_t)site, reason) < 0) {
            return err_set(err, -ENOMEM, "out of memory for a schema");
        }
    }
    return 0;
}

int unit_load_schema(const char *root, const char *file, struct schema *schema, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SCHEMA_STATE_MAX);
    CLEANUP(json_cleanup) json_t *json = NULL;
    char path[PATH_TEXT_MAX];
    char key[KEY_TEXT_MAX];
    const char *built = NULL;
    json_t *refused = NULL;
    json_t *sites = NULL;
    const struct json_field fields[] = {
        {"key",     JSON_FIELD_STRING, true, &built  },
        {"refused", JSON_FIELD_ARRAY,  true, &refused},
        {"sites",   JSON_FIELD_ARRAY,  true, &sites  },
    };
    int status = path_of(root, file, path, err);
    status = status != 0 ? status : file_read(path, &text, err);
    status = status != 0 ? status : json_parse(str_text(&text), text.len, &json, err);
    status = status != 0 ? status
                         : json_read_object(json, fields, sizeof fields / sizeof fields[0], err);
    if (status != 0) {
        return err_wrap(err, "the schema of %s", file);
    }
    key_text(schema, key);
    if (strcmp(key, built) != 0) {
        return err_set(err,
                       -ESTALE,
                       "the programs were built from another text of %s; run the layer again",
                       file);
    }
    status = refuse_sites(schema, sites, path, err);
    return status != 0 ? status : refuse_mutants(schema, refused, path, err);
}

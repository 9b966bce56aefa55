/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a blob and the file in a checkout: line ends, filters, ident. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "git/call.h"
#include "git/objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that has none of these words asks for no conversion: `text` alone changes nothing where
 * lines end in LF by nature. Macros ([attr]) are made of the same words. */
static const char *const conversion_words[] = {"eol", "crlf", "ident", "filter", "encoding"};

/* A larger attribute file counts as converting, unread. */
#define ATTRIBUTE_BYTES_MAX (1u << 20)

static bool names_conversion(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof conversion_words / sizeof conversion_words[0]; i++) {
        if (memmem(text, len, conversion_words[i], strlen(conversion_words[i])) != NULL) {
            return true;
        }
    }
    return false;
}

enum {
    ATTRIBUTES_CONVERT = 1,
    ATTRIBUTES_PLAIN = 2
};

static int remember(struct git_objects *objects, const char *hex, uintptr_t what, struct err *err)
{
    char *key = mem_strdup(hex);
    if (key == NULL || vec_push(&objects->attribute_ids, key) != 0) {
        mem_free(key);
        return err_set(err, -ENOMEM, "not enough memory to read .gitattributes");
    }
    int rc = map_put(&objects->attributes, key, what);
    return rc >= 0 ? 0 : err_set(err, rc, "not enough memory to read .gitattributes");
}

static int judge(struct git_objects *objects, const unsigned char *id, struct err *err)
{
    char hex[GIT_ID_MAX];
    uintptr_t known = 0;
    (void)git_id_hex(objects, id, hex);
    if (map_get(&objects->attributes, hex, &known) == 1) {
        return known == ATTRIBUTES_CONVERT;
    }
    CLEANUP(str_fini) struct str text = STR_INIT(ATTRIBUTE_BYTES_MAX);
    int rc = git_blob_read(objects, id, &text, err);
    if (rc != 0 && rc != -EFBIG) {
        return rc;
    }
    bool converts = rc == -EFBIG || names_conversion(str_text(&text), text.len);
    rc = remember(objects, hex, converts ? ATTRIBUTES_CONVERT : ATTRIBUTES_PLAIN, err);
    return rc == 0 ? converts : rc;
}

int git_folder_conversion(struct git_objects *objects,
                          const struct git_folder *folder,
                          const unsigned char **ret_id,
                          struct err *err)
{
    static const char name[] = ".gitattributes";
    struct git_entry entry;
    /* Git does not follow a link of that name. */
    if (!git_folder_find(folder, name, sizeof name - 1, &entry)
        || (entry.type != GIT_TYPE_FILE && entry.type != GIT_TYPE_EXECUTABLE)) {
        return 0;
    }
    int rc = judge(objects, entry.id, err);
    if (rc == 1) {
        *ret_id = entry.id;
    }
    return rc;
}

/* ---- outside of trees ---- */

struct config_salt {
    struct hasher *hasher;
    bool any;
    bool always;
    char attributes_file[4096]; /* core.attributesFile; "" = the default place */
};

/* Values that change nothing on this system. */
static bool is_plain(const char *key, const char *value)
{
    return (strcmp(key, "core.autocrlf") == 0 && strcmp(value, "false") == 0)
           || (strcmp(key, "core.eol") == 0
               && (strcmp(value, "lf") == 0 || strcmp(value, "native") == 0));
}

/* One "KEY\nVALUE" of `git config -z`. */
static void take_setting(struct config_salt *salt, char *text)
{
    char *value = strchr(text, '\n');
    if (value != NULL) {
        *value++ = '\0';
    }
    const char *shown = value != NULL ? value : "true";
    if (strcmp(text, "core.attributesfile") == 0) {
        (void)snprintf(salt->attributes_file, sizeof salt->attributes_file, "%s", shown);
        return;
    }
    if (is_plain(text, shown)) {
        return;
    }
    salt->any = true;
    salt->always = salt->always || !text_starts_with(text, "filter.");
    hasher_add_text(salt->hasher, text);
    hasher_add_text(salt->hasher, shown);
}

/* An attribute file outside of the tree speaks for all files. */
static void take_attributes(struct config_salt *salt, const char *path)
{
    CLEANUP(str_fini) struct str text = STR_INIT(ATTRIBUTE_BYTES_MAX);
    int rc = path[0] != '\0' ? file_read(path, &text, NULL) : -ENOENT;
    if (rc != 0 && rc != -EFBIG) {
        return;
    }
    if (rc == -EFBIG || names_conversion(str_text(&text), text.len)) {
        salt->any = true;
        salt->always = true;
        hasher_add_text(salt->hasher, str_text(&text));
    }
}

static void take_attribute_files(struct config_salt *salt, const struct git_repo *repo)
{
    char path[8192];
    const char *home = getenv("HOME");              /* NOLINT(concurrency-mt-unsafe): only read */
    const char *config = getenv("XDG_CONFIG_HOME"); /* NOLINT(concurrency-mt-unsafe): only read */
    take_attributes(salt, "/etc/gitattributes");
    (void)snprintf(path, sizeof path, "%s/info/attributes", repo->git_dir);
    take_attributes(salt, path);
    (void)snprintf(path,
                   sizeof path,
                   "%.*s/info/attributes",
                   (int)(strlen(repo->objects) - strlen("/objects")),
                   repo->objects);
    take_attributes(salt, path); /* a linked work tree: those of the main one */
    if (text_starts_with(salt->attributes_file, "~/") && home != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", home, salt->attributes_file + 2);
    } else if (salt->attributes_file[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s", salt->attributes_file);
    } else if (config != NULL && config[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s/git/attributes", config);
    } else {
        (void)snprintf(path, sizeof path, "%s/.config/git/attributes", home != NULL ? home : "");
    }
    take_attributes(salt, path);
}

static int ask_settings(struct git_objects *objects, struct err *err)
{
    static const char *const argv[] = {"git",
                                       "config",
                                       "-z",
                                       "--get-regexp",
                                       "^(core\\.(autocrlf|eol|attributesfile)|filter\\..*)$",
                                       NULL};
    const struct git_call call = {.argv = argv, .repo = objects->repo};
    str_clear(&objects->settings);
    str_clear(&objects->complaints);
    return git_call_begin(&call, &objects->settings, &objects->complaints, &objects->asking, err);
}

void git_conversion_ask(struct git_objects *objects)
{
    if (!objects->config_known && objects->asking == NULL) {
        (void)ask_settings(objects, NULL);
    }
}

static int read_settings(struct git_objects *objects, struct err *err)
{
    int status = 0;
    int rc = objects->asking == NULL ? ask_settings(objects, err) : 0;
    if (rc != 0) {
        return rc;
    }
    struct run_child *asking = objects->asking;
    objects->asking = NULL;
    rc = git_call_end(asking, &status, err);
    if (rc == 0 && status > 1) { /* 1: none of them is set */
        rc = git_complain(err, -EIO, "git config", &objects->complaints);
    }
    return rc;
}

int git_conversion_config(struct git_objects *objects,
                          struct hash *ret_salt,
                          bool *ret_always,
                          struct err *err)
{
    const struct str *out = &objects->settings;
    struct config_salt salt = {0};
    int rc = objects->config_known ? 0 : read_settings(objects, err);
    if (rc == 0 && !objects->config_known && (salt.hasher = hasher_new()) == NULL) {
        rc = err_set(err, -ENOMEM, "not enough memory to read git's configuration");
    }
    if (salt.hasher != NULL) {
        hasher_begin(salt.hasher);
        for (char *at = out->data; at != NULL && at < out->data + out->len;) {
            char *next = at + strlen(at) + 1;
            take_setting(&salt, at);
            at = next;
        }
        take_attribute_files(&salt, objects->repo);
        struct hash salted = hasher_end(salt.hasher);
        objects->config_salt = salt.any ? salted : (struct hash){0};
        objects->config_always = salt.always;
        objects->config_known = true;
        hasher_free(salt.hasher);
    }
    if (rc == 0) {
        *ret_salt = objects->config_salt;
        *ret_always = objects->config_always;
    }
    return rc;
}

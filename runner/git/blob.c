/* SPDX-License-Identifier: Apache-2.0 */
/* Contents and sizes of blobs. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "git/folder.h"

#include <errno.h>
#include <string.h>

struct blob_wanted {
    struct str *out;
    uint64_t *sizes;
    const char (*ids)[GIT_ID_MAX];
};

static int take_blob(
    void *context, size_t index, const struct object_head *head, const char *bytes, struct err *err)
{
    const struct blob_wanted *wanted = context;
    if (strcmp(head->type, "blob") != 0) {
        return err_set(err,
                       -ENOENT,
                       "git object %s is %s, not a file's content",
                       wanted->ids[index],
                       head->type[0] == '\0' ? "missing" : head->type);
    }
    if (wanted->sizes != NULL) {
        wanted->sizes[index] = head->size;
    }
    if (bytes != NULL && str_append_n(wanted->out, bytes, (size_t)head->size) != 0) {
        return err_set(
            err, str_error(wanted->out), "git object %s is too large", wanted->ids[index]);
    }
    return 0;
}

int git_blob_read(struct git_objects *objects,
                  const unsigned char *id,
                  struct str *out,
                  struct err *err)
{
    char ids[1][GIT_ID_MAX];
    id_hex(id, objects->id_size, ids[0]);
    const char(*asked)[GIT_ID_MAX] = (const char(*)[GIT_ID_MAX])ids;
    struct blob_wanted wanted = {.out = out, .ids = asked};
    const struct object_request request = {
        .ids = asked,
        .count = 1,
        .size_max = GIT_OBJECT_BYTES_MAX,
        .each = take_blob,
        .context = &wanted,
    };
    return objects_ask(objects, &request, err);
}

int git_blob_sizes(struct git_objects *objects,
                   const unsigned char *ids,
                   size_t count,
                   uint64_t *ret_sizes, // NOLINT(readability-non-const-parameter): filled
                   struct err *err)
{
    CLEANUP(cleanup_free) char(*hex)[GIT_ID_MAX] = mem_calloc(count + 1, sizeof *hex);
    if (hex == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to ask for sizes");
    }
    for (size_t i = 0; i < count; i++) {
        id_hex(ids + i * objects->id_size, objects->id_size, hex[i]);
    }
    const char(*asked)[GIT_ID_MAX] = (const char(*)[GIT_ID_MAX])hex;
    struct blob_wanted wanted = {.sizes = ret_sizes, .ids = asked};
    const struct object_request request = {
        .ids = asked, .count = count, .each = take_blob, .context = &wanted};
    return objects_ask(objects, &request, err);
}

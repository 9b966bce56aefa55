/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of the machine's files outlive a run; sizes of blobs are kept for its time. */
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void memo_init(struct memo *memo, struct evidence_store *store)
{
    *memo = (struct memo){.store = store};
}

void memo_fini(struct memo *memo)
{
    for (size_t i = 0; i < memo->size_keys.count; i++) {
        mem_free(memo->size_keys.items[i]);
    }
    vec_fini(&memo->size_keys);
    vec_fini(&memo->new_files);
    map_fini(&memo->sizes);
}

static bool get_digest(void *context, const struct file_stamp *stamp, struct hash *ret_digest)
{
    struct memo *memo = context;
    struct evidence_file file = {
        .dev = stamp->dev,
        .ino = stamp->ino,
        .size = stamp->size,
        .mtime_ns = stamp->mtime_ns,
        .ctime_ns = stamp->ctime_ns,
    };
    if (evidence_file_get(memo->store, &file, NULL) != 1) {
        return false;
    }
    *ret_digest = file.digest;
    return true;
}

/* A memo that is not kept is worked out again: failures do not matter. */
static void put_digest(void *context, const struct file_stamp *stamp, const struct hash *digest)
{
    struct memo *memo = context;
    const struct evidence_file file = {
        .dev = stamp->dev,
        .ino = stamp->ino,
        .size = stamp->size,
        .mtime_ns = stamp->mtime_ns,
        .ctime_ns = stamp->ctime_ns,
        .digest = *digest,
    };
    (void)vec_push(&memo->new_files, file);
}

static void hex_key(const unsigned char *id, size_t len, char buf[GIT_ID_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        buf[2 * i] = digits[id[i] >> 4];
        buf[2 * i + 1] = digits[id[i] & 15];
    }
    buf[2 * len] = '\0';
}

static bool get_size(void *context, const unsigned char *id, size_t id_len, uint64_t *ret_size)
{
    const struct memo *memo = context;
    char key[GIT_ID_MAX];
    uintptr_t size = 0;
    hex_key(id, id_len, key);
    if (map_get(&memo->sizes, key, &size) != 1) {
        return false;
    }
    *ret_size = size;
    return true;
}

static void put_size(void *context, const unsigned char *id, size_t id_len, uint64_t size)
{
    struct memo *memo = context;
    char key[GIT_ID_MAX];
    hex_key(id, id_len, key);
    char *kept = size <= UINTPTR_MAX ? mem_strdup(key) : NULL;
    if (kept == NULL || vec_push(&memo->size_keys, kept) != 0) {
        mem_free(kept);
        return;
    }
    (void)map_add(&memo->sizes, kept, (uintptr_t)size);
}

struct answer_memo memo_functions(struct memo *memo)
{
    return (struct answer_memo){
        .context = memo,
        .get_digest = get_digest,
        .put_digest = put_digest,
        .get_size = get_size,
        .put_size = put_size,
    };
}

int memo_flush(struct memo *memo, int64_t now_ms, struct err *err)
{
    int rc = memo->new_files.count > 0 ? evidence_files_put(
                 memo->store, memo->new_files.items, memo->new_files.count, now_ms, err)
                                       : 0;
    vec_fini(&memo->new_files);
    return rc;
}

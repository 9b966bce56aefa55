/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about paths below the root, from what the merged view has there. */
#include "reuse/answer_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A file or link as the answers see it, from a tree or from products. */
struct thing {
    bool link;
    bool executable;
    const unsigned char *digest; /* blob id or SHA-256 */
    size_t digest_len;
};

static struct thing thing_of(const struct answers *answers, const struct child *child)
{
    if (child->kind == CHILD_PRODUCT) {
        return (struct thing){
            .link = S_ISLNK(child->product->mode),
            .executable = (child->product->mode & 0111) != 0,
            .digest = child->product->digest.bytes,
            .digest_len = HASH_SIZE,
        };
    }
    return (struct thing){
        .link = child->entry.type == GIT_TYPE_LINK,
        .executable = child->entry.type == GIT_TYPE_EXECUTABLE,
        .digest = child->entry.id,
        .digest_len = git_id_size(answers->objects),
    };
}

/* The id of what the file holds: with conversions, not of the blob alone. */
static void content_id(struct answers *answers,
                       const struct spot *parent,
                       const struct child *child,
                       struct answer *answer)
{
    struct thing thing = thing_of(answers, child);
    enum answer_tag tag = thing.link ? ANSWER_LINK : ANSWER_FILE;
    unsigned char bytes[ANSWER_BYTES_MAX - 1];
    size_t len = 0;
    if (!thing.link) {
        bytes[len++] = thing.executable ? 'x' : '-';
    }
    if (!thing.link && parent->salted && child->kind == CHILD_TREE) {
        hasher_add(answers->hasher, parent->salt.bytes, HASH_SIZE);
        hasher_add(answers->hasher, answers->config_salt.bytes, HASH_SIZE);
        hasher_add(answers->hasher, thing.digest, thing.digest_len);
        struct hash digest = hasher_end(answers->hasher);
        memcpy(bytes + len, digest.bytes, HASH_SIZE);
        len += HASH_SIZE;
    } else {
        memcpy(bytes + len, thing.digest, thing.digest_len);
        len += thing.digest_len;
    }
    answer_set(answer, tag, bytes, len);
}

static int blob_size(struct answers *answers,
                     const unsigned char *id,
                     uint64_t *ret_size,
                     struct err *err)
{
    const struct answer_memo *memo = &answers->host->memo;
    size_t id_len = git_id_size(answers->objects);
    if (memo->get_size != NULL && memo->get_size(memo->context, id, id_len, ret_size)) {
        return 0;
    }
    int rc = git_blob_sizes(answers->objects, id, 1, ret_size, err);
    if (rc == 0 && memo->put_size != NULL) {
        memo->put_size(memo->context, id, id_len, *ret_size);
    }
    return rc;
}

bool merged_needs_size(const struct answers *answers,
                       const struct spot *parent,
                       const char *path,
                       const unsigned char **ret_id)
{
    struct child child;
    if (parent->presence != GIT_PRESENT) {
        return false;
    }
    merged_child(answers, parent, path, &child);
    bool needs = child.kind == CHILD_TREE && child.entry.type != GIT_TYPE_SUBMODULE
                 && (!parent->salted || child.entry.type == GIT_TYPE_LINK);
    if (needs) {
        *ret_id = child.entry.id;
    }
    return needs;
}

static int answer_type(struct answers *answers,
                       const struct spot *parent,
                       const struct child *child,
                       struct answer *answer,
                       struct err *err)
{
    struct thing thing = thing_of(answers, child);
    uint64_t size = child->kind == CHILD_PRODUCT ? child->product->size : 0;
    if (child->kind == CHILD_TREE && parent->salted && !thing.link) {
        content_id(answers, parent, child, answer); /* its size is not known without converting */
        return 0;
    }
    if (child->kind == CHILD_TREE) {
        int rc = blob_size(answers, thing.digest, &size, err);
        if (rc != 0) {
            return rc;
        }
    }
    unsigned char bytes[9] = {thing.executable ? 'x' : '-'};
    for (unsigned i = 0; i < 8; i++) {
        bytes[1 + i] = (unsigned char)(size >> (8 * i));
    }
    answer_set(answer, thing.link ? ANSWER_LINK : ANSWER_FILE, bytes, sizeof bytes);
    return 0;
}

static int answer_leaf(struct answers *answers,
                       enum observation_kind kind,
                       const struct spot *parent,
                       const struct child *child,
                       struct answer *answer,
                       struct err *err)
{
    bool link = thing_of(answers, child).link;
    switch (kind) {
    case OBSERVE_EXISTS:
        answer_set(answer, link ? ANSWER_LINK : ANSWER_PRESENT, NULL, 0);
        return 0;
    case OBSERVE_TYPE:
        return answer_type(answers, parent, child, answer, err);
    case OBSERVE_LINK:
        if (!link) {
            answer_set(answer, ANSWER_NO_LINK, NULL, 0);
            return 0;
        }
        content_id(answers, parent, child, answer);
        return 0;
    case OBSERVE_CONTENT:
    case OBSERVE_SUBTREE:
        content_id(answers, parent, child, answer);
        return 0;
    case OBSERVE_LISTING: /* it is no folder, and that is all a listing can say */
        answer_set(answer, link ? ANSWER_LINK : ANSWER_PRESENT, NULL, 0);
        return 0;
    case OBSERVE_HOST:
        break;
    }
    return err_set(err, -EINVAL, "a fact of the machine has no path");
}

static int answer_folder(struct answers *answers,
                         enum observation_kind kind,
                         const char *path,
                         struct answer *answer,
                         struct err *err)
{
    const struct spot *folder = NULL;
    int rc = 0;
    switch (kind) {
    case OBSERVE_EXISTS:
        answer_set(answer, ANSWER_PRESENT, NULL, 0);
        return 0;
    case OBSERVE_LINK:
        answer_set(answer, ANSWER_NO_LINK, NULL, 0);
        return 0;
    case OBSERVE_TYPE:
    case OBSERVE_CONTENT:
        answer_set(answer, ANSWER_FOLDER, NULL, 0);
        return 0;
    case OBSERVE_LISTING:
        rc = merged_folder(answers, path, strlen(path), &folder, err);
        return rc == 0 ? merged_listing(answers, folder, answer, err) : rc;
    case OBSERVE_SUBTREE:
        rc = merged_folder(answers, path, strlen(path), &folder, err);
        return rc == 0 ? merged_subtree(answers, folder, answer, err) : rc;
    case OBSERVE_HOST:
        break;
    }
    return err_set(err, -EINVAL, "a fact of the machine has no path");
}

static bool is_hidden(const char *path)
{
    return path_is_below(path, ".git") || path_is_below(path, ".sluice");
}

static void answer_missing(enum git_presence presence, struct answer *answer)
{
    static const enum answer_tag tags[] = {
        [GIT_ABSENT] = ANSWER_ABSENT,
        [GIT_BLOCKED] = ANSWER_BLOCKED,
        [GIT_BEHIND_LINK] = ANSWER_BEHIND_LINK,
    };

    assert(presence != GIT_PRESENT);
    answer_set(answer, tags[presence], NULL, 0);
}

int merged_answer(struct answers *answers,
                  enum observation_kind kind,
                  const char *path,
                  struct answer *ret_answer,
                  struct err *err)
{
    const struct spot *parent = NULL;
    struct child child;
    if (path[0] == '\0') {
        return answer_folder(answers, kind, path, ret_answer, err);
    }
    if (is_hidden(path) && !merged_leads_to_exposed(answers, path)) {
        answer_missing(GIT_ABSENT, ret_answer);
        return 0;
    }
    int rc = merged_parent(answers, path, &parent, err);
    if (rc != 0) {
        return rc;
    }
    if (parent->presence != GIT_PRESENT) {
        answer_missing(parent->presence, ret_answer);
        return 0;
    }
    merged_child(answers, parent, path, &child);
    bool submodule = child.kind == CHILD_TREE && child.entry.type == GIT_TYPE_SUBMODULE;
    if (child.kind == CHILD_FOLDER || submodule
        || (child.kind == CHILD_NONE && merged_leads_to_exposed(answers, path))) {
        return answer_folder(answers, kind, path, ret_answer, err);
    }
    if (child.kind == CHILD_NONE) {
        answer_missing(GIT_ABSENT, ret_answer);
        return 0;
    }
    return answer_leaf(answers, kind, parent, &child, ret_answer, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which place of the world a path belongs to, and the machine's answers. */
#include "reuse/answer.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "reuse/answer_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- setting up ---- */

static void exposure_fini(struct exposure *entry)
{
    mem_free(entry->world);
    mem_free(entry->source);
    mem_free(entry->asked);
}

/* An entry without "./" in front and '/' behind: "folder/" is written too. */
static void trim(const char *entry, char buf[PATH_TEXT_MAX])
{
    while (strncmp(entry, "./", 2) == 0) {
        entry += 2;
    }
    (void)snprintf(buf, PATH_TEXT_MAX, "%s", entry);
    size_t len = strlen(buf);
    while (len > 1 && buf[len - 1] == '/') {
        buf[--len] = '\0';
    }
}

static char *real_copy(const char *path)
{
    char real[PATH_TEXT_MAX];
    return realpath(path, real) != NULL ? mem_strdup(real) : NULL;
}

/* Where the entry is asked for on the machine: `root` is that of relative ones. */
static void asked_path(const char *root, const char *entry, char buf[2 * PATH_TEXT_MAX])
{
    const bool relative = entry[0] != '/';
    (void)snprintf(
        buf, (size_t)2 * PATH_TEXT_MAX, "%s%s%s", relative ? root : "", relative ? "/" : "", entry);
}

static int add_exposure(struct answers *answers, const char *text, struct err *err)
{
    char entry[PATH_TEXT_MAX];
    char world[2 * PATH_TEXT_MAX];
    char asked[2 * PATH_TEXT_MAX];
    const char *real = NULL;
    trim(text, entry);
    (void)snprintf(world, sizeof world, "%s%s", entry[0] != '/' ? WORLD_ROOT "/" : "", entry);
    asked_path(answers->state->root, entry, asked);
    int rc = host_place(answers->host, asked, &real, err);
    if (rc != 0) {
        return rc;
    }
    struct exposure exposure = {
        .world = mem_strdup(world),
        .asked = mem_strdup(asked),
        .source = real != NULL ? mem_strdup(real) : NULL,
    };
    if (exposure.world == NULL || exposure.asked == NULL
        || (real != NULL && exposure.source == NULL)
        || vec_push(&answers->exposed, exposure) != 0) {
        exposure_fini(&exposure);
        return err_set(err, -ENOMEM, "not enough memory for the exposed paths");
    }
    return 0;
}

int answers_look(struct host *host, const struct answer_state *state, struct err *err)
{
    const char *real = NULL;
    int rc = state->plugin_dir != NULL ? host_place(host, state->plugin_dir, &real, err) : 0;
    for (size_t i = 0; rc == 0 && i < state->expose.count; i++) {
        char entry[PATH_TEXT_MAX];
        char asked[2 * PATH_TEXT_MAX];
        trim(state->expose.items[i], entry);
        asked_path(state->root, entry, asked);
        rc = host_place(host, asked, &real, err);
    }
    return rc;
}

static int set_up(struct answers *answers, struct err *err)
{
    const struct answer_state *state = answers->state;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < state->expose.count; i++) {
        rc = add_exposure(answers, state->expose.items[i], err);
    }
    for (size_t i = 0; state->root != NULL && world_system_paths[i] != NULL; i++) {
        answers->root_is_in_system =
            answers->root_is_in_system || path_is_below(state->root, world_system_paths[i]);
    }
    if (rc == 0 && state->tree != NULL) {
        assert(answers->objects != NULL);
        rc = git_tree_open(answers->objects, state->tree, &answers->root, err);
        rc = rc == 0 ? git_conversion_config(
                 answers->objects, &answers->config_salt, &answers->always_converted, err)
                     : rc;
    }
    return rc;
}

int answers_new(struct git_objects *objects,
                struct host *host,
                const struct answer_state *state,
                struct answers **ret_answers,
                struct err *err)
{
    struct answers *answers = mem_calloc(1, sizeof *answers);
    if (answers == NULL || (answers->hasher = hasher_new()) == NULL) {
        mem_free(answers);
        return err_set(err, -ENOMEM, "not enough memory to answer for a state");
    }
    answers->objects = objects;
    answers->host = host;
    answers->state = state;
    int rc = set_up(answers, err);
    if (rc != 0) {
        answers_free(answers);
        return rc;
    }
    *ret_answers = answers;
    return 0;
}

void answers_free(struct answers *answers)
{
    if (answers == NULL) {
        return;
    }
    for (size_t i = 0; i < answers->exposed.count; i++) {
        exposure_fini(&answers->exposed.items[i]);
    }
    vec_fini(&answers->exposed);
    for (size_t i = 0; i < answers->all_spots.count; i++) {
        mem_free(answers->all_spots.items[i]->path);
        mem_free(answers->all_spots.items[i]);
    }
    vec_fini(&answers->all_spots);
    map_fini(&answers->spots);
    hasher_free(answers->hasher);
    mem_free(answers);
}

/* ---- places ---- */

enum place {
    PLACE_NOWHERE,
    PLACE_MERGED,
    PLACE_HOST,
};

/* Where the question goes, and with which path. */
struct route {
    enum place place;
    const char *path; /* in the merged view, or of the machine (then it may be `buf`) */
    size_t base_len;  /* of the machine: what exists for certain */
    char buf[PATH_TEXT_MAX];
};

const struct exposure *exposure_of(const struct answers *answers, const char *path)
{
    const struct exposure *best = NULL;
    const struct exposure *entry = NULL;
    vec_for_each (entry, &answers->exposed) {
        if (entry->source != NULL && path_is_below(path, entry->world)
            && (best == NULL || strlen(entry->world) > strlen(best->world))) {
            best = entry;
        }
    }
    return best;
}

/* The machine's path: `source`, then what follows `skip` bytes of the world's path. */
static int route_to_host(
    struct route *route, const char *source, const char *path, size_t skip, struct err *err)
{
    int n = snprintf(route->buf, sizeof route->buf, "%s%s", source, path + skip);
    if (n < 0 || (size_t)n >= sizeof route->buf) {
        return err_set(err, -ENAMETOOLONG, "path too long: %.200s...", path);
    }
    route->place = PLACE_HOST;
    route->path = route->buf;
    route->base_len = strlen(source);
    return 0;
}

static bool is_system(const char *path)
{
    for (size_t i = 0; world_system_paths[i] != NULL; i++) {
        if (path_is_below(path, world_system_paths[i])) {
            return true;
        }
    }
    return false;
}

static int find_route(const struct answers *answers,
                      const char *path,
                      struct route *route,
                      struct err *err)
{
    const struct exposure *entry = answers->exposed.count > 0 ? exposure_of(answers, path) : NULL;
    route->place = PLACE_NOWHERE;
    if (entry != NULL) {
        return route_to_host(route, entry->source, path, strlen(entry->world), err);
    }
    if (path_is_below(path, WORLD_ROOT)) {
        route->place = PLACE_MERGED;
        route->path = path + sizeof WORLD_ROOT - 1;
        route->path += route->path[0] == '/' ? 1 : 0;
        return 0;
    }
    if (answers->state->plugin_dir != NULL && path_is_below(path, WORLD_PLUGINS)) {
        return route_to_host(
            route, answers->state->plugin_dir, path, sizeof WORLD_PLUGINS - 1, err);
    }
    if (is_system(path)) {
        route->place = PLACE_HOST;
        route->path = path;
        route->base_len = 0;
    }
    return 0;
}

/* ---- the machine ---- */

static void host_missing(enum host_presence presence, struct answer *answer)
{
    static const enum answer_tag tags[] = {
        [HOST_ABSENT] = ANSWER_ABSENT,
        [HOST_BLOCKED] = ANSWER_BLOCKED,
        [HOST_BEHIND_LINK] = ANSWER_BEHIND_LINK,
        [HOST_UNSEEN] = ANSWER_UNSEEN,
    };

    assert(presence != HOST_PRESENT);
    answer_set(answer, tags[presence], NULL, 0);
}

/* The machine's files and folders keep their permissions in the world (the tree's have 0644 or
 * 0755). */
static void put_permissions(const struct host_node *node, unsigned char bytes[2])
{
    const uint16_t permissions = host_permissions(node);
    bytes[0] = (unsigned char)(permissions & 0xff);
    bytes[1] = (unsigned char)(permissions >> 8);
}

/* The same behind what an answer has. */
static void add_permissions(const struct host_node *node, struct answer *answer)
{
    assert(answer->len + 2 <= ANSWER_BYTES_MAX);
    put_permissions(node, answer->bytes + answer->len);
    answer->len = (unsigned char)(answer->len + 2);
}

static void host_folder(const struct host_node *node, struct answer *answer)
{
    answer_set(answer, ANSWER_FOLDER, NULL, 0);
    add_permissions(node, answer);
}

/* A listing answers for the type of its folder as well (recorder.c of observe). */
static int host_names(struct answers *answers,
                      const struct host_node *node,
                      struct answer *answer,
                      struct err *err)
{
    const int rc = host_listing(answers->host, node, answer, err);
    if (rc == 0 && answer->bytes[0] == ANSWER_LISTING) {
        add_permissions(node, answer);
    }
    return rc;
}

/* What lies below a folder, and the folder's own permissions. */
static int host_below(struct answers *answers,
                      const struct host_node *node,
                      struct answer *answer,
                      struct err *err)
{
    const int rc = host_subtree_once(answers->host, node, answer, err);
    if (rc == 0 && answer->bytes[0] == ANSWER_SUBTREE) {
        add_permissions(node, answer);
    }
    return rc;
}

static void host_type(const struct host_node *node, struct answer *answer)
{
    unsigned char bytes[9 + 2] = {(node->mode & 0111) != 0 ? 'x' : '-'};
    bool sized = S_ISREG(node->mode) || S_ISLNK(node->mode);
    for (unsigned i = 0; i < 8; i++) {
        bytes[1 + i] = (unsigned char)(node->stamp.size >> (8 * i));
    }
    if (S_ISLNK(node->mode)) {
        bytes[0] = '-'; /* a link's mode says nothing */
    } else {
        put_permissions(node, bytes + 9);
    }
    if (S_ISDIR(node->mode)) {
        host_folder(node, answer);
    } else if (sized) {
        answer_set(answer, S_ISLNK(node->mode) ? ANSWER_LINK : ANSWER_FILE, bytes, sizeof bytes);
    } else {
        unsigned char type = (unsigned char)((node->mode & S_IFMT) >> 12);
        answer_set(answer, ANSWER_SPECIAL, &type, 1);
        add_permissions(node, answer);
    }
}

static int host_content(struct answers *answers,
                        const struct host_node *node,
                        struct answer *answer,
                        struct err *err)
{
    struct answer digest = {0};
    if (S_ISDIR(node->mode)) {
        host_folder(node, answer);
        return 0;
    }
    int rc = host_digest(answers->host, node, &digest, err);
    if (rc != 0 || digest.bytes[0] != ANSWER_FILE) {
        *answer = rc == 0 ? digest : *answer;
        return rc;
    }
    unsigned char bytes[1 + HASH_SIZE + 2] = {(node->mode & 0111) != 0 ? 'x' : '-'};
    memcpy(bytes + 1, digest.bytes + 1, HASH_SIZE);
    put_permissions(node, bytes + 1 + HASH_SIZE);
    answer_set(answer, ANSWER_FILE, bytes, sizeof bytes);
    return 0;
}

static int host_present(struct answers *answers,
                        enum observation_kind kind,
                        const struct host_node *node,
                        struct answer *answer,
                        struct err *err)
{
    bool link = S_ISLNK(node->mode);
    bool folder = S_ISDIR(node->mode);
    switch (kind) {
    case OBSERVE_EXISTS:
        break;
    case OBSERVE_TYPE:
        host_type(node, answer);
        return 0;
    case OBSERVE_LINK:
        if (link) {
            return host_digest(answers->host, node, answer, err);
        }
        answer_set(answer, ANSWER_NO_LINK, NULL, 0);
        return 0;
    case OBSERVE_CONTENT:
        return host_content(answers, node, answer, err);
    case OBSERVE_LISTING:
        if (folder) {
            return host_names(answers, node, answer, err);
        }
        break;
    case OBSERVE_SUBTREE:
        return folder ? host_below(answers, node, answer, err)
                      : host_content(answers, node, answer, err);
    case OBSERVE_HOST:
        return err_set(err, -EINVAL, "a fact of the machine has no path");
    }
    answer_set(answer, link ? ANSWER_LINK : ANSWER_PRESENT, NULL, 0);
    return 0;
}

int host_answer(struct answers *answers,
                enum observation_kind kind,
                const char *path,
                size_t base_len,
                struct answer *ret_answer,
                struct err *err)
{
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *node = NULL;
    int rc = host_find(answers->host, path, base_len, &presence, &node, err);
    if (rc != 0) {
        return rc;
    }
    if (presence != HOST_PRESENT) {
        host_missing(presence, ret_answer);
        return 0;
    }
    return host_present(answers, kind, node, ret_answer, err);
}

/* The live tree inside a system folder is covered by an empty folder. True: *answer is the answer.
 */
static bool covered_tree(const struct answers *answers,
                         enum observation_kind kind,
                         const char *path,
                         struct answer *answer)
{
    const char *root = answers->state->root;
    if (!answers->root_is_in_system || !path_is_below(path, root)) {
        return false;
    }
    bool itself = path[strlen(root)] == '\0';
    bool typed = kind == OBSERVE_TYPE || kind == OBSERVE_CONTENT;
    enum answer_tag there = kind == OBSERVE_LINK ? ANSWER_NO_LINK
                            : typed              ? ANSWER_FOLDER
                                                 : ANSWER_PRESENT;
    answer_set(answer, itself ? there : ANSWER_ABSENT, NULL, 0);
    return true;
}

/* ---- questions ---- */

/* What the world has in no folder of ours is the same in every state, but for mount points of
 * exposed entries. */
static void answer_nowhere(const struct answers *answers,
                           enum observation_kind kind,
                           const char *path,
                           struct answer *answer)
{
    struct hasher *hasher = answers->hasher;
    const struct exposure *entry = NULL;
    if (kind != OBSERVE_LISTING && kind != OBSERVE_SUBTREE) {
        answer_set(answer, ANSWER_ABSENT, NULL, 0);
        return;
    }
    vec_for_each (entry, &answers->exposed) {
        if (entry->source != NULL && path_is_below(entry->world, path)) {
            hasher_add_text(hasher, entry->world);
        }
    }
    struct hash digest = hasher_end(hasher);
    answer_set(answer, ANSWER_LISTING, digest.bytes, HASH_SIZE);
}

int answers_get(struct answers *answers,
                const struct observation *asked,
                struct answer *ret_answer,
                struct err *err)
{
    struct route route;
    if (asked->kind == OBSERVE_HOST) {
        return host_fact(answers->host, asked->path, ret_answer, err);
    }
    int rc = find_route(answers, asked->path, &route, err);
    if (rc != 0) {
        return rc;
    }
    switch (route.place) {
    case PLACE_MERGED:
        return merged_answer(answers, asked->kind, route.path, ret_answer, err);
    case PLACE_HOST:
        return covered_tree(answers, asked->kind, asked->path, ret_answer)
                   ? 0
                   : host_answer(answers, asked->kind, route.path, route.base_len, ret_answer, err);
    case PLACE_NOWHERE:
        break;
    }
    answer_nowhere(answers, asked->kind, asked->path, ret_answer);
    return 0;
}

int answers_host_path(const struct answers *answers,
                      const struct observation *asked,
                      char *buf,
                      size_t size)
{
    struct route route;
    const char *path = asked->path;
    if (asked->kind != OBSERVE_HOST) {
        int rc = find_route(answers, asked->path, &route, NULL);
        if (rc != 0 || route.place != PLACE_HOST) {
            return rc;
        }
        path = route.path;
    }
    int n = snprintf(buf, size, "%s", path);
    return n > 0 && (size_t)n < size ? 1 : -ENAMETOOLONG;
}

/* ---- reading ahead ---- */

struct id_list {
    unsigned char *bytes;
    size_t count;
    size_t cap;
};

/* Sizes that nobody remembers, asked for in one go. */
static int collect_size(struct answers *answers,
                        const char *path,
                        struct id_list *wanted,
                        struct err *err)
{
    const struct answer_memo *memo = &answers->host->memo;
    const size_t id_len = git_id_size(answers->objects);
    const struct spot *parent = NULL;
    const unsigned char *id = NULL;
    uint64_t size = 0;
    int rc = merged_parent(answers, path, &parent, err);
    if (rc != 0 || !merged_needs_size(answers, parent, path, &id)
        || memo->get_size(memo->context, id, id_len, &size)) {
        return rc;
    }
    if (vec_reserve_one(&wanted->bytes, &wanted->cap, wanted->count, id_len) != 0) {
        return err_set(err, -ENOMEM, "not enough memory to ask for sizes");
    }
    memcpy(wanted->bytes + wanted->count * id_len, id, id_len);
    wanted->count++;
    return 0;
}

static int ask_sizes(struct answers *answers, const struct id_list *wanted, struct err *err)
{
    const struct answer_memo *memo = &answers->host->memo;
    const size_t id_len = git_id_size(answers->objects);
    CLEANUP(cleanup_free) uint64_t *sizes = mem_calloc(wanted->count + 1, sizeof *sizes);
    if (sizes == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to ask for sizes");
    }
    int rc = git_blob_sizes(answers->objects, wanted->bytes, wanted->count, sizes, err);
    for (size_t i = 0; rc == 0 && i < wanted->count; i++) {
        memo->put_size(memo->context, wanted->bytes + i * id_len, id_len, sizes[i]);
    }
    return rc;
}

static int prefetch_sizes(struct answers *answers,
                          const struct observation *asked,
                          size_t count,
                          struct err *err)
{
    struct id_list wanted = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct route route;
        if (asked[i].kind == OBSERVE_TYPE && find_route(answers, asked[i].path, &route, NULL) == 0
            && route.place == PLACE_MERGED && route.path[0] != '\0') {
            rc = collect_size(answers, route.path, &wanted, err);
        }
    }
    rc = rc == 0 && wanted.count > 0 ? ask_sizes(answers, &wanted, err) : rc;
    mem_free(wanted.bytes);
    return rc;
}

static int prefetch_folders(struct answers *answers,
                            const struct observation *asked,
                            size_t count,
                            struct err *err)
{
    CLEANUP(cleanup_free) const char **paths = mem_calloc(count + 1, sizeof(const char *));
    size_t used = 0;
    if (paths == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to read ahead");
    }
    for (size_t i = 0; i < count; i++) {
        struct route route;
        if (asked[i].path != NULL && asked[i].kind != OBSERVE_HOST
            && find_route(answers, asked[i].path, &route, NULL) == 0
            && route.place == PLACE_MERGED) {
            paths[used++] = route.path;
        }
    }
    return git_tree_prefetch(answers->objects, answers->root, paths, used, err);
}

int answers_prefetch(struct answers *answers,
                     const struct observation *asked,
                     size_t count,
                     bool folders,
                     struct err *err)
{
    const struct answer_memo *memo = &answers->host->memo;
    if (answers->root == NULL) {
        return 0;
    }
    int rc = folders ? prefetch_folders(answers, asked, count, err) : 0;
    return rc == 0 && memo->get_size != NULL && memo->put_size != NULL
               ? prefetch_sizes(answers, asked, count, err)
               : rc;
}

int answers_read_whole(struct answers *answers, size_t max, struct err *err)
{
    return answers->root != NULL ? git_tree_read_all(answers->objects, answers->root, max, err) : 0;
}

/* ---- did the machine change ---- */

/* A place of the machine, and for whole subtrees all that is below. */
static int recheck_place(struct answers *answers,
                         enum observation_kind kind,
                         const char *path,
                         size_t base_len,
                         int64_t since_ms)
{
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *node = NULL;
    int rc = host_recheck(answers->host, path, base_len, since_ms);
    if (rc != 1 || kind != OBSERVE_SUBTREE
        || host_find(answers->host, path, base_len, &presence, &node, NULL) != 0
        || presence != HOST_PRESENT || !S_ISDIR(node->mode)) {
        return rc;
    }
    return host_subtree_recheck(answers->host, node, since_ms);
}

/* A whole folder of the tree holds what is exposed below it. */
static int recheck_exposed_below(struct answers *answers, const char *path, int64_t since_ms)
{
    const struct exposure *entry = NULL;
    int rc = 1;
    vec_for_each (entry, &answers->exposed) {
        if (rc == 1 && entry->source != NULL && path_is_below(entry->world, path)) {
            rc = recheck_place(
                answers, OBSERVE_SUBTREE, entry->source, strlen(entry->source), since_ms);
        }
    }
    return rc;
}

int answers_recheck(struct answers *answers,
                    const struct observation *asked,
                    int64_t since_ms,
                    const char **ret_path,
                    struct err *err)
{
    struct route route = {.place = PLACE_NOWHERE};
    const bool fact = asked->kind == OBSERVE_HOST;
    int rc = fact ? host_fact_recheck(answers->host, asked->path, err)
                  : find_route(answers, asked->path, &route, err);
    if (rc < 0) {
        return rc;
    }
    rc = fact ? rc : 1;
    if (route.place == PLACE_HOST) {
        rc = recheck_place(answers, asked->kind, route.path, route.base_len, since_ms);
    } else if (route.place == PLACE_MERGED && asked->kind == OBSERVE_SUBTREE) {
        rc = recheck_exposed_below(answers, asked->path, since_ms);
    }
    if (rc == 0) {
        *ret_path = asked->path;
    }
    return rc;
}

int answers_recheck_exposed(const struct answers *answers, const char **ret_path)
{
    const struct exposure *entry = NULL;
    vec_for_each (entry, &answers->exposed) {
        CLEANUP(cleanup_free) char *source = real_copy(entry->asked);
        bool same = source == NULL || entry->source == NULL ? source == entry->source
                                                            : strcmp(source, entry->source) == 0;
        if (!same) {
            *ret_path = entry->world;
            return 0;
        }
    }
    return 1;
}

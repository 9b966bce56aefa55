/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence keeps a digest of what a folder listed. Which names came and went is told by the trees:
 * that of the run that earned it, while git still has it, and that of the state. */
#include "base/text.h"
#include "model/world.h"
#include "reuse/reuse_impl.h"

#include <string.h>

/* Names told of each kind; beyond: "and N more". Three tell a person what happened. */
#define NAMES_SHOWN 3u

/* Longest name that is shown. */
#define NAME_SHOWN 100u

static const struct git_folder *find_folder(struct git_objects *objects,
                                            const char *tree,
                                            const char *path)
{
    const struct git_folder *root = NULL;
    const struct git_folder *folder = NULL;
    struct git_found found;
    if (git_tree_open(objects, tree, &root, NULL) != 0
        || git_tree_find(objects, root, path, &found, NULL) != 0 || found.presence != GIT_PRESENT
        || found.entry.type != GIT_TYPE_FOLDER) {
        return NULL;
    }
    if (found.entry.name_len == 0) {
        return root;
    }
    return git_folder_open(objects, &found.entry, &folder, NULL) == 0 ? folder : NULL;
}

static void put_name(struct str *out, const char *word, size_t count, const struct git_entry *entry)
{
    (void)str_append(out, count == 0 ? (out->len > 0 ? "; " : "") : ", ");
    (void)str_append(out, count == 0 ? word : "");
    (void)text_sanitize(
        out, entry->name, entry->name_len < NAME_SHOWN ? entry->name_len : NAME_SHOWN);
}

/* Appends the names in `a` that `b` lacks, or has as something else. */
static void put_missing(struct str *out,
                        const char *word,
                        const struct git_folder *a,
                        const struct git_folder *b)
{
    struct git_entry entry;
    struct git_entry other;
    size_t count = 0;
    for (size_t i = 0; i < git_folder_count(a); i++) {
        git_folder_entry(a, i, &entry);
        if (git_folder_find(b, entry.name, entry.name_len, &other)
            && git_type_letter(entry.type) == git_type_letter(other.type)) {
            continue;
        }
        if (count < NAMES_SHOWN) {
            put_name(out, word, count, &entry);
        }
        count++;
    }
    if (count > NAMES_SHOWN) {
        (void)str_appendf(out, " and %zu more", count - NAMES_SHOWN);
    }
}

const char *listing_words(struct reuse_state *state,
                          const char *tree,
                          const char *path,
                          struct arena *arena)
{
    struct git_objects *objects = state->reuse->objects;
    const size_t root = sizeof WORLD_ROOT - 1;
    struct str out = STR_INIT(65536);
    if (objects == NULL || tree == NULL || tree[0] == '\0' || state->world.tree == NULL
        || strncmp(path, WORLD_ROOT, root) != 0 || (path[root] != '/' && path[root] != '\0')) {
        return NULL;
    }
    const char *inside = path[root] == '/' ? path + root + 1 : "";
    const struct git_folder *then = find_folder(objects, tree, inside);
    const struct git_folder *now = find_folder(objects, state->world.tree, inside);
    if (then != NULL && now != NULL) {
        put_missing(&out, "added ", now, then);
        put_missing(&out, "gone ", then, now);
    }
    const char *words =
        str_error(&out) == 0 && out.len > 0 ? arena_strdup(arena, str_text(&out)) : NULL;
    str_fini(&out);
    return words;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/resolve.h"

#include "base/cleanup.h"
#include "observe/proc_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Looks at a link that others change meanwhile; a second one is nearly always enough. */
#define LOOKS_MAX 8

/* ---- what lies somewhere ---- */

static enum place_state state_of(mode_t mode)
{
    switch (mode & (mode_t)S_IFMT) {
    case S_IFDIR:
        return PLACE_FOLDER;
    case S_IFREG:
        return PLACE_FILE;
    case S_IFLNK:
        return PLACE_LINK;
    case S_IFSOCK:
        return PLACE_SOCKET;
    default:
        return PLACE_OTHER;
    }
}

/* False where it is no link any more. */
static bool read_target(struct resolver *resolver, struct place *place, const char *path)
{
    char target[PATH_TEXT_MAX];
    const ssize_t n = readlinkat(resolver->root, path, target, sizeof target);
    if (n <= 0 || (size_t)n >= sizeof target) {
        return false;
    }
    const bool same = place->target != NULL && strlen(place->target) == (size_t)n
                      && memcmp(place->target, target, (size_t)n) == 0;
    if (!same) {
        place->target = places_keep(&resolver->recorder->places, target, (size_t)n);
        place->state = place->target != NULL ? PLACE_LINK : PLACE_UNKNOWN;
    }
    return true;
}

static void look_failed(struct resolver *resolver, struct place *place, const char *path)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: /* one name of more than 255 bytes: no file system here has it */
    case ELOOP:
        place->state = PLACE_ABSENT;
        break;
    case EACCES: /* the unit may not look there either */
        place->state = PLACE_OTHER;
        break;
    default:
        recorder_flag(resolver->recorder,
                      TRACE_INCOMPLETE,
                      "cannot look at %.100s: %s",
                      path,
                      strerrordesc_np(errno));
        break;
    }
}

static void look(struct resolver *resolver, struct place *place)
{
    char path[PATH_TEXT_MAX];
    struct stat st;
    if (place_path(place, path, sizeof path) < 0) {
        recorder_flag(resolver->recorder, TRACE_INCOMPLETE, "it works in folders too deep to name");
        return;
    }
    /* Another thread may take a link away between the two calls; race.h sees to what that changes.
     */
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        if (fstatat(resolver->root, path + 1, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
            look_failed(resolver, place, path);
            return;
        }
        place->state = (uint8_t)state_of(st.st_mode);
        if (place->state != PLACE_LINK || read_target(resolver, place, path + 1)) {
            return;
        }
    }
    place->state = PLACE_UNKNOWN;
    recorder_flag(
        resolver->recorder, TRACE_INCOMPLETE, "the link %s changed while it was looked at", path);
}

static bool is_unstable(const struct place *place)
{
    if (place->unstable) {
        return true;
    }
    for (const struct place *at = place; at != NULL; at = at->parent) {
        if (at->unstable_tree) {
            return true;
        }
    }
    return false;
}

enum place_state resolve_state(struct resolver *resolver, struct place *place)
{
    if (place->state == PLACE_UNKNOWN || (place->zone != ZONE_FIXED && is_unstable(place))) {
        look(resolver, place);
    }
    return (enum place_state)place->state;
}

/* As resolve_state() for a component that is not the last. */
static enum place_state state_on_the_way(struct resolver *resolver, struct place *place)
{
    const bool believed = place->zone == ZONE_FIXED || place->state == PLACE_FOLDER
                          || place->state == PLACE_LINK || place->state == PLACE_UNKNOWN;
    if (!believed) {
        place->state = PLACE_UNKNOWN;
    }
    return resolve_state(resolver, place);
}

/* ---- the pristine state ---- */

/* Never through links: what the unit has as a folder may be a link there. */
static enum place_pristine look_in_layer(int layer, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    struct stat st;
    CLEANUP(cleanup_fd) int fd = (int)syscall(SYS_openat2, layer, path, &how, sizeof how);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? PRISTINE_ABSENT : PRISTINE_PRESENT;
    }
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? PRISTINE_FOLDER : PRISTINE_PRESENT;
}

enum place_pristine resolve_pristine(struct resolver *resolver, struct place *place)
{
    char path[PATH_TEXT_MAX];
    char tree[PATH_TEXT_MAX];
    if (place->pristine != PRISTINE_UNKNOWN) {
        return (enum place_pristine)place->pristine;
    }
    const int len = place_path(place, path, sizeof path);
    const int skip = place_path(resolver->tree, tree, sizeof tree);
    if (len < 0 || skip < 0 || len <= skip) {
        return PRISTINE_FOLDER; /* the tree itself; deeper than a path: look() has flagged it */
    }
    enum place_pristine found = PRISTINE_ABSENT;
    for (size_t i = 0; found == PRISTINE_ABSENT && i < resolver->layer_count; i++) {
        found = look_in_layer(resolver->layers[i], path + skip + 1);
    }
    place->pristine = (uint8_t)found;
    return found;
}

void resolve_ask(struct resolver *resolver, struct place *place, unsigned asked)
{
    if (place->zone == ZONE_TREE) {
        for (struct place *at = place; at != NULL && at->zone == ZONE_TREE; at = at->parent) {
            (void)resolve_pristine(resolver, at);
        }
    }
    recorder_ask(resolver->recorder, place, asked);
}

/* ---- walking ---- */

struct walk {
    struct resolver *resolver;
    const struct path_question *question;
    struct landing *landing;
    struct place *root;
    struct place *at;
    struct nameless nameless; /* where `at` has no name */
    unsigned hops;
    bool done;
    size_t start; /* text[start .. WALK_TEXT_MAX - 1] is still to walk, terminated */
    char text[WALK_TEXT_MAX];
};

static void fail(struct walk *walk, const char *why)
{
    recorder_flag(walk->resolver->recorder, TRACE_INCOMPLETE, "%s", why);
    walk->landing->place = NULL;
    walk->done = true;
}

static void end_at(struct walk *walk, struct place *place)
{
    walk->landing->place = place;
    walk->landing->reach = place;
    walk->done = true;
}

/* Puts text in front of what is still to walk. */
static bool push_front(struct walk *walk, const char *text, size_t len)
{
    if (len > walk->start) {
        fail(walk, "a path grows too long over its links");
        return false;
    }
    walk->start -= len;
    memcpy(walk->text + walk->start, text, len);
    return true;
}

static void follow(struct walk *walk, struct place *link, const char *rest)
{
    struct landing *landing = walk->landing;
    const char *target = link->target;
    resolve_ask(walk->resolver, link, ASKED_LINK);
    if (landing->touched_count < TOUCHED_MAX) {
        landing->touched[landing->touched_count] = link;
    }
    landing->touched_count++;
    if (++walk->hops > LINK_HOPS_MAX || target == NULL) {
        end_at(walk, NULL);
        return;
    }
    walk->start = (size_t)(rest - walk->text);
    if (push_front(walk, target, strlen(target)) && target[0] == '/') {
        walk->at = walk->root;
    }
}

/* The walk ends at a place that is missing or no folder, with more path to come: the question is
 * about that whole path. Behind a ".." the kernel does not look, nor behind a name that is longer
 * than any can be. */
static void end_blocked(struct walk *walk, struct place *place, const char *rest)
{
    struct place *blocking = place;
    while (place != NULL && *rest != '\0') {
        const size_t len = strcspn(rest, "/");
        if ((len == 2 && rest[0] == '.' && rest[1] == '.') || len > NAME_MAX) {
            break;
        }
        if (len > 0 && !(len == 1 && rest[0] == '.')) {
            place = places_child(&walk->resolver->recorder->places, place, rest, len);
        }
        rest += len + (rest[len] == '/');
    }
    if (place != NULL) {
        /* Nothing that can be named behind it: then it matters whether it is a folder. */
        resolve_ask(walk->resolver, place, place == blocking ? ASKED_TYPE : ASKED_EXISTS);
    }
    end_at(walk, NULL);
    walk->landing->reach = place;
}

static bool is_nothing(const char *rest)
{
    while (*rest == '/' || (*rest == '.' && (rest[1] == '/' || rest[1] == '\0'))) {
        rest++;
    }
    return *rest == '\0';
}

static void step_up(struct walk *walk)
{
    if (walk->at == walk->root) {
        return;
    }
    resolve_ask(walk->resolver, walk->at, ASKED_TYPE);
    if (walk->at->parent != NULL) {
        walk->at = walk->at->parent;
    }
}

/* ---- where there are no names ---- */

/* What has a name on the way may be changed by others (race.h). */
static void end_nameless(struct walk *walk)
{
    const bool has_name = walk->at != walk->resolver->nameless;
    end_at(walk, NULL);
    walk->landing->reach = has_name ? walk->at : NULL;
    walk->landing->is_nameless = true;
}

/* The walk's first step in such folders: at the caller's folder, or below one that still has a
 * name.
 */
static void enter_nameless(struct walk *walk)
{
    struct resolver *resolver = walk->resolver;
    char path[PATH_TEXT_MAX];
    int rc = -ENAMETOOLONG;
    if (walk->at == resolver->nameless) {
        rc = nameless_at_caller(&resolver->own,
                                resolver->root,
                                walk->question->caller,
                                walk->question->dirfd,
                                &walk->nameless);
    } else if (place_path(walk->at, path, sizeof path) >= 0) {
        rc = nameless_at_path(&resolver->own, resolver->root, path, &walk->nameless);
    }
    walk->landing->fixed = false;
    if (rc == -ENOENT) {
        end_nameless(walk); /* it was taken away meanwhile */
    } else if (rc < 0 || walk->question->in_root) {
        fail(walk, "it works in folders too deep to name");
    }
}

struct place *resolve_nameless(struct recorder *recorder)
{
    /* No path has such a name. */
    struct place *place = places_child(&recorder->places, recorder->places.root, "/", 1);
    if (place != NULL) {
        place->state = PLACE_FOLDER;
    }
    return place;
}

static void step_nameless(struct walk *walk, const char *name, size_t len, const char *rest)
{
    const char *why = NULL;
    if (walk->nameless.fd < 0) {
        enter_nameless(walk);
    }
    if (len == 0 && !walk->done) {
        end_nameless(walk);
    }
    if (walk->done) {
        return;
    }
    const bool last = is_nothing(rest);
    const bool follow = walk->question->follow || *rest != '\0';
    walk->start = (size_t)(rest - walk->text);
    switch (nameless_step(&walk->nameless, name, len, last, follow, &why)) {
    case NAMELESS_ON:
        break;
    case NAMELESS_END:
        end_nameless(walk);
        break;
    case NAMELESS_ALIEN:
        fail(walk, why);
        break;
    }
}

/* The name would make the path of one of the unit's own folders longer than any that can be told.
 */
static bool is_too_deep(const struct walk *walk, size_t len)
{
    return walk->at->zone == ZONE_SILENT && walk->at->path_len + 1 + len >= PATH_TEXT_MAX
           && len <= NAME_MAX;
}

/* The last component. */
static void step_last(struct walk *walk, struct place *place, const char *rest)
{
    const bool wants_folder = *rest != '\0';
    if (resolve_state(walk->resolver, place) == PLACE_LINK
        && (walk->question->follow || wants_folder)) {
        follow(walk, place, rest);
        return;
    }
    walk->landing->is_folder_wanted = wants_folder;
    end_at(walk, place);
}

static void step_into(struct walk *walk, const char *name, size_t len, const char *rest)
{
    if (is_too_deep(walk, len)) {
        step_nameless(walk, name, len, rest);
        return;
    }
    struct place *place = len <= NAME_MAX
                              ? places_child(&walk->resolver->recorder->places, walk->at, name, len)
                              : NULL;
    if (place == NULL) {
        /* No file system here has longer names: the kernel says ENAMETOOLONG where it looks, in a
         * folder. */
        resolve_ask(walk->resolver, walk->at, ASKED_TYPE);
        end_at(walk, NULL);
        return;
    }
    walk->landing->fixed = walk->landing->fixed && place->zone == ZONE_FIXED;
    if (is_nothing(rest)) {
        step_last(walk, place, rest);
        return;
    }
    switch (state_on_the_way(walk->resolver, place)) {
    case PLACE_FOLDER:
        walk->at = place;
        walk->start = (size_t)(rest - walk->text);
        break;
    case PLACE_LINK:
        follow(walk, place, rest);
        break;
    case PLACE_UNKNOWN: /* flagged */
    case PLACE_ABSENT:
    case PLACE_FILE:
    case PLACE_SOCKET:
    case PLACE_OTHER:
        end_blocked(walk, place, rest);
        break;
    }
}

/* Inside /proc: what is there is told by what the path says. A link that stands for an open file or
 * folder puts its path in front. */
static void step_proc(struct walk *walk, const char *rest)
{
    char target[PATH_TEXT_MAX];
    char base[PATH_TEXT_MAX];
    size_t used = 0;
    int len = place_path(walk->at, base, sizeof base);
    int prefix = place_path(walk->resolver->proc, target, sizeof target);
    if (len < 0 || prefix < 0) {
        end_at(walk, NULL);
        return;
    }
    const struct proc_question question = {.caller = walk->question->caller,
                                           .root = walk->resolver->root,
                                           .base = base + prefix,
                                           .rest = rest,
                                           .follow = walk->question->follow};
    const int n = proc_path(walk->resolver->recorder, &question, target, sizeof target, &used);
    if (n <= 0) {
        end_at(walk, NULL);
        return;
    }
    if (++walk->hops > LINK_HOPS_MAX) {
        end_at(walk, NULL);
        return;
    }
    walk->landing->by_descriptor = is_nothing(rest + used); /* below it there are names again */
    walk->start = (size_t)(rest - walk->text) + used;
    walk->at = walk->resolver->recorder->places.root;
    (void)push_front(walk, target, (size_t)n);
}

static void step(struct walk *walk)
{
    const char *name = walk->text + walk->start;
    name += strspn(name, "/");
    const size_t len = strcspn(name, "/");
    const char *rest = name + len;
    const bool has_name = walk->nameless.fd < 0 && walk->at != walk->resolver->nameless;
    if (walk->at->zone == ZONE_PROC) {
        step_proc(walk, name);
    } else if (len == 1 && name[0] == '.') {
        walk->start = (size_t)(rest - walk->text);
    } else if (!has_name) {
        step_nameless(walk, name, len, rest);
    } else if (len == 0) {
        walk->landing->is_folder_wanted = true;
        end_at(walk, walk->at);
    } else if (len == 2 && name[0] == '.' && name[1] == '.') {
        step_up(walk);
        walk->start = (size_t)(rest - walk->text);
    } else {
        step_into(walk, name, len, rest);
    }
}

static struct place *place_of_base(struct resolver *resolver, const char *path, size_t len)
{
    if (resolver->base == NULL || strcmp(path, resolver->base_text) != 0) {
        resolver->base = places_at(&resolver->recorder->places, path);
        memcpy(resolver->base_text, path, len + 1);
    }
    return resolver->base;
}

/* A folder whose path is too long for the kernel to tell, in one of the unit's own. */
static bool is_own_nameless(struct resolver *resolver, const struct caller *caller, int dirfd)
{
    struct nameless at = {.fd = -1};
    const int rc = nameless_at_caller(&resolver->own, resolver->root, caller, dirfd, &at);
    nameless_fini(&at);
    return rc == 0 && resolver->nameless != NULL;
}

struct place *resolve_base(struct resolver *resolver, const struct caller *caller, int dirfd)
{
    char path[PATH_TEXT_MAX];
    const int len = caller_folder(caller, dirfd, path, sizeof path);
    if (len == -ENOENT) {
        return NULL; /* no such descriptor: the kernel says EBADF */
    }
    if (len == -ENAMETOOLONG && is_own_nameless(resolver, caller, dirfd)) {
        return resolver->nameless;
    }
    if (len < 0) {
        recorder_flag(resolver->recorder,
                      TRACE_INCOMPLETE,
                      "cannot tell in which folder a process works: %s",
                      strerrordesc_np(-len));
        return NULL;
    }
    if (path[0] != '/') {
        return NULL;
    }
    struct place *place = place_of_base(resolver, path, (size_t)len);
    if (place != NULL && place->state != PLACE_FOLDER && place->zone != ZONE_PROC) {
        (void)state_on_the_way(resolver, place); /* it may have been made since it was absent */
    }
    return place;
}

/* Where the walk begins; NULL: nowhere. */
static struct place *begin(struct resolver *resolver, const struct path_question *question)
{
    if (question->path[0] == '/' && !question->in_root) {
        return resolver->recorder->places.root;
    }
    return question->base != NULL ? question->base
                                  : resolve_base(resolver, question->caller, question->dirfd);
}

void resolve(struct resolver *resolver, const struct path_question *question, struct landing *ret)
{
    struct walk walk;
    const size_t len = strlen(question->path);
    ret->place = NULL;
    ret->reach = NULL;
    ret->fixed = true;
    ret->is_folder_wanted = false;
    ret->by_descriptor = false;
    ret->is_nameless = false;
    ret->touched_count = 0;
    walk.at = begin(resolver, question);
    if (walk.at == NULL || len == 0 || len >= PATH_TEXT_MAX) {
        return;
    }
    walk.resolver = resolver;
    walk.question = question;
    walk.landing = ret;
    walk.root = question->in_root ? walk.at : resolver->recorder->places.root;
    walk.nameless = (struct nameless){.fd = -1};
    walk.hops = 0;
    walk.done = false;
    walk.start = WALK_TEXT_MAX - 1 - len;
    memcpy(walk.text + walk.start, question->path, len + 1);
    while (!walk.done) {
        step(&walk);
    }
    nameless_fini(&walk.nameless);
}

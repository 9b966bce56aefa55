/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/ask.h"

#include "observe/interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- reading arguments ---- */

int ask_text(struct asking *asking, uint64_t address, char *buf, size_t size)
{
    const int len = caller_text(asking->caller, address, buf, size);
    switch (-len) {
    case EFAULT:       /* the kernel says so, too */
    case ENAMETOOLONG: /* likewise */
    case ESRCH:        /* it is gone, and its call with it */
        return len;
    default:
        break;
    }
    if (len < 0) {
        recorder_flag(asking->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "cannot read what a process asks with %s: %s",
                      asking->call->name,
                      strerrordesc_np(-len));
    }
    return len;
}

static int ask_bytes(struct asking *asking, uint64_t address, void *buf, size_t size)
{
    const int rc = caller_bytes(asking->caller, address, buf, size);
    if (rc < 0 && rc != -EFAULT && rc != -ESRCH) {
        recorder_flag(asking->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "cannot read what a process asks with %s: %s",
                      asking->call->name,
                      strerrordesc_np(-rc));
    }
    return rc;
}

static uint64_t flags_of(const struct asking *asking)
{
    const uint64_t given =
        asking->call->flags >= 0 ? asking->args[asking->call->flags] & UINT32_MAX : 0;
    return given | (asking->call->when == WHEN_CALLED ? asking->call->detail : 0);
}

static int dirfd_of(const struct asking *asking)
{
    return asking->call->dir >= 0 ? (int)asking->args[asking->call->dir] : AT_FDCWD;
}

/* ---- walking ---- */

static void walk_and_note(struct asking *asking,
                          struct path_question *question,
                          unsigned asked,
                          struct landing *ret)
{
    const bool relative = question->path[0] != '/' || question->in_root;
    question->base =
        relative ? resolve_base(asking->resolver, asking->caller, question->dirfd) : NULL;
    *ret = (struct landing){0};
    if (relative && question->base == NULL) {
        return;
    }
    struct places *places = &asking->resolver->recorder->places;
    if (repeat_find(asking->repeats, places, question, asked, ret)) {
        return;
    }
    resolve(asking->resolver, question, ret);
    ask_landing(asking->resolver, ret, asked);
    race_asked(asking->race, question, ret, asked);
    repeat_add(asking->repeats, places, question, asked, ret);
}

bool ask_at(struct asking *asking,
            struct path_question *question,
            uint64_t address,
            unsigned asked,
            struct landing *ret)
{
    char path[PATH_TEXT_MAX];
    *ret = (struct landing){0};
    if (ask_text(asking, address, path, sizeof path) < 0) {
        return false;
    }
    question->caller = asking->caller;
    question->path = path;
    walk_and_note(asking, question, asked, ret);
    question->path = NULL;
    return ret->place != NULL;
}

/* An empty path with AT_EMPTY_PATH is the descriptor itself. Whatever it is open on, its type was
 * asked when it was opened (the working folder: when it was entered). */
static bool ask_descriptor(struct asking *asking, int dirfd, unsigned asked, struct landing *ret)
{
    ret->place = NULL;
    if (asked == ASKED_TYPE || asked == ASKED_EXISTS) {
        return false;
    }
    ret->place = resolve_base(asking->resolver, asking->caller, dirfd);
    ret->by_descriptor = true;
    ret->reach = ret->place;
    ret->touched_count = 0;
    ret->is_folder_wanted = false;
    ret->is_nameless = ret->place != NULL && ret->place == asking->resolver->nameless;
    if (ret->is_nameless) {
        ret->place = NULL;
        ret->reach = NULL;
    }
    ask_landing(asking->resolver, ret, asked);
    return ret->place != NULL;
}

/* The call's own path, with its flags. */
static bool ask_own(struct asking *asking, uint64_t at_flags, unsigned asked, struct landing *ret)
{
    const uint64_t address = asking->args[asking->call->path];
    *ret = (struct landing){0};
    struct path_question question = {.dirfd = dirfd_of(asking),
                                     .follow = (at_flags & AT_SYMLINK_NOFOLLOW) == 0};
    if ((at_flags & AT_EMPTY_PATH) != 0) {
        char first = '\0';
        const int rc = address != 0 ? ask_bytes(asking, address, &first, 1) : 0;
        if (rc < 0) {
            return false;
        }
        if (address == 0 || first == '\0') {
            return ask_descriptor(asking, question.dirfd, asked, ret);
        }
    }
    return ask_at(asking, &question, address, asked, ret);
}

/* The folder in which a name is made or taken must be there, and be one: also where the walk did
 * not get so far, as the name could be made once the folder is there. */
static void ask_parent(struct asking *asking, const struct landing *landing)
{
    const struct place *place = landing->place != NULL ? landing->place : landing->reach;
    if (place != NULL && place->parent != NULL) {
        resolve_ask(asking->resolver, place->parent, ASKED_TYPE);
    }
}

/* Walks through such folders do not look for links that others put there, nor does anybody look
 * what the kernel opens for a program of theirs. */
static void refuse_nameless(struct asking *asking, const struct landing *landing)
{
    if (landing->is_nameless) {
        recorder_flag(asking->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "it uses %s in folders too deep to name",
                      asking->call->name);
    }
}

static void change_name(struct asking *asking, const struct landing *landing)
{
    refuse_nameless(asking, landing);
    if (landing->place != NULL) {
        race_changing(asking->race, asking->caller, landing->place);
    }
}

/* ---- opening ---- */

static void open_with(struct asking *asking, uint64_t flags, uint64_t resolve_flags)
{
    struct landing landing;
    const bool creates = (flags & O_CREAT) != 0 && (flags & O_PATH) == 0;
    const bool exclusive = creates && (flags & O_EXCL) != 0;
    const bool temporary = (flags & O_TMPFILE) == O_TMPFILE;
    struct path_question question = {.dirfd = dirfd_of(asking),
                                     .follow = (flags & O_NOFOLLOW) == 0 && !exclusive,
                                     .in_root = (resolve_flags & RESOLVE_IN_ROOT) != 0};
    unsigned asked = ASKED_CONTENT;
    if (exclusive && !temporary) {
        asked = ASKED_EXISTS;
    } else if ((flags & (O_PATH | O_TRUNC)) != 0 || temporary) {
        asked = ASKED_TYPE;
    }
    (void)ask_at(asking, &question, asking->args[asking->call->path], asked, &landing);
    if (creates && !temporary) {
        ask_parent(asking, &landing);
    }
}

void ask_open(struct asking *asking)
{
    open_with(asking, flags_of(asking), 0);
}

void ask_openat2(struct asking *asking)
{
    struct open_how how;
    if (asking->args[3] >= sizeof how
        && ask_bytes(asking, asking->args[2], &how, sizeof how) == 0) {
        open_with(asking, how.flags, how.resolve);
    }
}

/* What the kernel opens for a program stands in the program, which is read by its name. */
static void ask_interpreters(struct asking *asking, const struct landing *landing)
{
    const enum place_state state =
        landing->place != NULL ? resolve_state(asking->resolver, landing->place) : PLACE_ABSENT;
    if (state == PLACE_FILE) {
        interpreter_ask(asking->resolver, asking->caller, landing->place);
    } else if (state == PLACE_ABSENT && landing->by_descriptor) {
        recorder_flag(asking->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "it executes an open file that has no name: what the kernel opens for it is "
                      "not seen");
    }
}

void ask_exec(struct asking *asking)
{
    struct landing landing;
    if (asking->caller->program != NULL) {
        struct path_question question = {.caller = asking->caller,
                                         .dirfd = AT_FDCWD,
                                         .path = asking->caller->program,
                                         .follow = true};
        walk_and_note(asking, &question, ASKED_CONTENT, &landing);
    } else {
        (void)ask_own(asking, flags_of(asking), ASKED_CONTENT, &landing);
    }
    refuse_nameless(asking, &landing);
    ask_interpreters(asking, &landing);
}

void ask_listing(struct asking *asking)
{
    struct landing landing;
    (void)ask_descriptor(asking, (int)asking->args[0], ASKED_LISTING, &landing);
}

/* ---- looking ---- */

void ask_path(struct asking *asking)
{
    struct landing landing;
    (void)ask_own(asking, flags_of(asking), asking->call->asked, &landing);
}

void ask_access(struct asking *asking)
{
    struct landing landing;
    const bool exists = (asking->args[asking->call->detail] & UINT32_MAX) == F_OK;
    const uint64_t flags = asking->call->flags >= 0 ? asking->args[asking->call->flags] : 0;
    (void)ask_own(asking, flags, exists ? ASKED_EXISTS : ASKED_TYPE, &landing);
}

void ask_link(struct asking *asking)
{
    struct landing landing;
    (void)ask_own(asking, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, ASKED_LINK, &landing);
}

void ask_handle(struct asking *asking)
{
    struct landing landing;
    const uint64_t flags = flags_of(asking);
    const uint64_t nofollow = (flags & AT_SYMLINK_FOLLOW) == 0 ? AT_SYMLINK_NOFOLLOW : 0;
    (void)ask_own(asking, (flags & AT_EMPTY_PATH) | nofollow, asking->call->asked, &landing);
}

/* ---- names ---- */

void ask_create(struct asking *asking)
{
    struct landing landing;
    (void)ask_own(asking, AT_SYMLINK_NOFOLLOW, ASKED_EXISTS, &landing);
    ask_parent(asking, &landing);
}

void ask_symlink(struct asking *asking)
{
    struct landing landing;
    (void)ask_own(asking, AT_SYMLINK_NOFOLLOW, ASKED_EXISTS, &landing);
    ask_parent(asking, &landing);
    change_name(asking, &landing);
}

void ask_unlink(struct asking *asking)
{
    struct landing landing;
    const bool folder = (flags_of(asking) & AT_REMOVEDIR) != 0;
    if (!ask_own(asking, AT_SYMLINK_NOFOLLOW, folder ? ASKED_LISTING : ASKED_TYPE, &landing)) {
        return;
    }
    if (resolve_state(asking->resolver, landing.place) == PLACE_LINK) {
        change_name(asking, &landing);
    }
}

/* A name that goes away by being moved takes all below it along. */
static void ask_moved(struct asking *asking, const struct landing *landing)
{
    struct place *place = landing->place;
    refuse_nameless(asking, landing);
    if (place == NULL) {
        return;
    }
    unsigned asked = ASKED_CONTENT;
    switch (resolve_state(asking->resolver, place)) {
    case PLACE_LINK:
        asked = ASKED_LINK;
        break;
    case PLACE_FOLDER:
        asked =
            place->zone != ZONE_TREE || resolve_pristine(asking->resolver, place) == PRISTINE_FOLDER
                ? ASKED_SUBTREE
                : ASKED_TYPE;
        break;
    case PLACE_UNKNOWN:
    case PLACE_ABSENT:
    case PLACE_FILE:
    case PLACE_SOCKET:
    case PLACE_OTHER:
        break;
    }
    resolve_ask(asking->resolver, place, asked);
    place->unstable_tree = place->zone != ZONE_FIXED;
    ask_parent(asking, landing);
    change_name(asking, landing);
}

void ask_rename(struct asking *asking)
{
    const struct call *call = asking->call;
    const uint64_t apart = call->detail;
    const bool exchange =
        call->flags >= 0 && (asking->args[call->flags] & (1U << 1)) != 0; /* RENAME_EXCHANGE */
    struct landing from;
    struct landing to;
    struct path_question question = {.dirfd = dirfd_of(asking)};
    (void)ask_at(asking, &question, asking->args[call->path], ASKED_TYPE, &from);
    question.dirfd = call->dir >= 0 ? (int)asking->args[(uint64_t)call->dir + apart] : AT_FDCWD;
    (void)ask_at(asking, &question, asking->args[(uint64_t)call->path + apart], ASKED_LISTING, &to);
    ask_moved(asking, &from);
    if (exchange) {
        ask_moved(asking, &to);
        return;
    }
    ask_parent(asking, &to);
    if (to.place != NULL) {
        to.place->unstable_tree = to.place->zone != ZONE_FIXED;
    }
    change_name(asking, &to);
}

void ask_hardlink(struct asking *asking)
{
    const struct call *call = asking->call;
    const uint64_t apart = call->detail;
    const uint64_t flags = call->flags >= 0 ? asking->args[call->flags] : 0;
    struct landing from;
    struct landing to;
    struct path_question question = {
        .dirfd = call->dir >= 0 ? (int)asking->args[(uint64_t)call->dir + apart] : AT_FDCWD};
    const uint64_t at_flags =
        (flags & AT_EMPTY_PATH) | ((flags & AT_SYMLINK_FOLLOW) == 0 ? AT_SYMLINK_NOFOLLOW : 0);
    if (ask_own(asking, at_flags, ASKED_CONTENT, &from)
        && resolve_state(asking->resolver, from.place) == PLACE_LINK) {
        resolve_ask(asking->resolver, from.place, ASKED_LINK);
    }
    (void)ask_at(asking, &question, asking->args[(uint64_t)call->path + apart], ASKED_EXISTS, &to);
    ask_parent(asking, &to);
    change_name(asking, &to);
}

/* ---- the host, and out of the world ---- */

void ask_fact(struct asking *asking)
{
    static const char *const names[] = {
        [FACT_UNAME] = "uname", [FACT_NCPU] = "ncpu", [FACT_MEMORY] = "memory"};
    recorder_fact(asking->resolver->recorder, names[asking->call->detail]);
}

void ask_escape(struct asking *asking)
{
    recorder_flag(asking->resolver->recorder,
                  TRACE_ESCAPED,
                  "it used %s: what it does in namespaces and mounts of its own is not seen",
                  asking->call->name);
}

void ask_clone3(struct asking *asking)
{
    uint64_t flags = 0;
    if (ask_bytes(asking, asking->args[0], &flags, sizeof flags) == 0
        && (flags & asking->call->detail) != 0) {
        ask_escape(asking);
    }
}

void ask_foreign(struct asking *asking)
{
    recorder_flag(asking->resolver->recorder,
                  TRACE_FOREIGN,
                  "it used %s, which cannot be observed and is refused",
                  asking->call->name);
    asking->refusal = (int)asking->call->detail;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: a path is a question like any other; a way out of the world makes the run unfit as
 * evidence. */
#include "observe/ask.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Linux takes no more messages in one sendmmsg(2). */
#define MESSAGES_MAX 1024u

static void flag_net(struct asking *asking, const char *what)
{
    recorder_flag(asking->resolver->recorder,
                  TRACE_NET,
                  "it %s with %s: the answer may be another one next time",
                  what,
                  asking->call->name);
}

/* The address of a socket file: its length as a path (0 = none, or an abstract name). */
static int read_path(struct asking *asking, uint64_t address, uint64_t len, char *path)
{
    struct sockaddr_un name;
    const size_t have = len < sizeof name ? (size_t)len : sizeof name;
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    if (have <= head || caller_bytes(asking->caller, address, &name, have) < 0
        || name.sun_family != AF_UNIX) {
        return 0;
    }
    const size_t size = strnlen(name.sun_path, have - head);
    memcpy(path, name.sun_path, size);
    path[size] = '\0';
    if (size == 0 && asking->network) {
        flag_net(asking, "may have reached a socket of the machine");
    }
    return (int)size;
}

static void walk(struct asking *asking, const char *path, bool follow, struct landing *ret)
{
    struct path_question question = {
        .caller = asking->caller, .dirfd = AT_FDCWD, .path = path, .follow = follow};
    question.base =
        path[0] != '/' ? resolve_base(asking->resolver, asking->caller, AT_FDCWD) : NULL;
    ret->place = NULL;
    if (path[0] == '/' || question.base != NULL) {
        resolve(asking->resolver, &question, ret);
        ask_landing(asking->resolver, ret, follow ? ASKED_TYPE : ASKED_EXISTS);
        race_asked(asking->race, &question, ret, follow ? ASKED_TYPE : ASKED_EXISTS);
    }
}

static void reach(struct asking *asking, uint64_t address, uint64_t len)
{
    char path[sizeof(struct sockaddr_un)];
    struct landing landing;
    if (address == 0 || read_path(asking, address, len, path) == 0) {
        return;
    }
    walk(asking, path, true, &landing);
    if (landing.place != NULL && landing.place->zone == ZONE_FIXED
        && resolve_state(asking->resolver, landing.place) == PLACE_SOCKET) {
        flag_net(asking, "reached a socket of the machine");
    }
}

void ask_connect(struct asking *asking)
{
    const uint64_t at = asking->call->detail;
    reach(asking, asking->args[at], asking->args[at + 1] & UINT32_MAX);
}

void ask_bind(struct asking *asking)
{
    char path[sizeof(struct sockaddr_un)];
    struct landing landing;
    if (read_path(asking, asking->args[1], asking->args[2] & UINT32_MAX, path) == 0) {
        return;
    }
    walk(asking, path, false, &landing);
    if (landing.place != NULL && landing.place->parent != NULL) {
        resolve_ask(asking->resolver, landing.place->parent, ASKED_TYPE);
    }
}

static void reach_of_message(struct asking *asking, uint64_t address)
{
    struct msghdr message;
    if (caller_bytes(asking->caller, address, &message, sizeof message) == 0) {
        reach(asking, (uint64_t)(uintptr_t)message.msg_name, message.msg_namelen);
    }
}

void ask_sendmsg(struct asking *asking)
{
    reach_of_message(asking, asking->args[1]);
}

void ask_sendmmsg(struct asking *asking)
{
    const uint64_t asked = asking->args[2] & UINT32_MAX;
    const uint64_t count = asked < MESSAGES_MAX ? asked : MESSAGES_MAX;
    for (uint64_t i = 0; i < count; i++) {
        reach_of_message(asking, asking->args[1] + i * sizeof(struct mmsghdr));
    }
}

void ask_socket(struct asking *asking)
{
    flag_net(asking, "opened a socket that leads out of its world");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/supervisor.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/kernel.h"
#include "base/mem.h"
#include "base/str.h"
#include "observe/ask.h"
#include "observe/filter.h"
#include "observe/handover.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#    define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1UL /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6 */

struct supervisor {
    const struct observed_world *world;
    int socket;
    int proc;
    bool waits_for_end; /* a blocking receive ends by itself with the last task: Linux 6.11 */

    /* of the present unit */
    struct recorder recorder;
    struct resolver resolver;
    struct race *race;
    struct repeats repeats;
    int root;
    int listener;
    int refused; /* errno of seccomp(2) */
    bool begun;
    bool first;     /* its first execve(2) has not been seen */
    bool is_pinned; /* to one of these: */
    cpu_set_t processors;
    char folder[PATH_TEXT_MAX]; /* its working folder, without links */
    char *texts;                /* as handed over: folder, program, tried... */
    uint32_t texts_len;
};

/* ---- a unit begins and ends ---- */

/* What was handed over: the working folder, the program, layers of the tree, places where the
 * program was looked for. */
enum {
    TEXT_FOLDER,
    TEXT_PROGRAM,
    FIRST_LAYER,
};

static const char *text_at(const struct supervisor *s, unsigned index)
{
    const char *at = s->texts;
    const char *end = s->texts + s->texts_len;
    while (index > 0 && at < end) {
        at += strlen(at) + 1;
        index--;
    }
    return at < end ? at : NULL;
}

/* The unit's own folders, but for those with exposed paths below: there names are questions. */
static void know_own(struct supervisor *s)
{
    const char *const *paths = s->world->own;
    struct own_folders *own = &s->resolver.own;
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        const struct place *place = places_at(&s->recorder.places, paths[i]);
        if (place != NULL && place->zone == ZONE_SILENT && !place->above_exposed
            && own->path_count < OWN_FOLDERS_MAX) {
            own->paths[own->path_count++] = paths[i];
        }
    }
}

static int prepare(struct supervisor *s)
{
    const struct observed_world *world = s->world;
    int rc = recorder_init(&s->recorder);
    if (rc < 0) {
        return rc;
    }
    rc = recorder_zone(&s->recorder, world->tree, ZONE_TREE);
    rc = rc == 0 ? recorder_zone(&s->recorder, "/proc", ZONE_PROC) : rc;
    for (size_t i = 0; rc == 0 && world->fixed[i] != NULL; i++) {
        rc = recorder_zone(&s->recorder, world->fixed[i], ZONE_FIXED);
    }
    rc = rc == 0 && world->covered != NULL
             ? recorder_zone(&s->recorder, world->covered, ZONE_SILENT)
             : rc;
    for (size_t i = 0; rc == 0 && i < world->exposed.count; i++) {
        rc = recorder_expose(&s->recorder, world->exposed.items[i]);
    }
    s->resolver = (struct resolver){.recorder = &s->recorder,
                                    .root = s->root,
                                    .nameless = resolve_nameless(&s->recorder),
                                    .tree = places_at(&s->recorder.places, world->tree),
                                    .proc = places_at(&s->recorder.places, "/proc")};
    know_own(s);
    s->race = rc == 0 ? race_new(&s->resolver) : NULL;
    return rc == 0 && s->race == NULL ? -ENOMEM : rc;
}

/* The pristine layers of this unit's tree. */
static int open_layers(struct supervisor *s, int64_t count)
{
    struct resolver *resolver = &s->resolver;
    if (count < 0 || count > OBSERVED_LAYERS_MAX) {
        return -EBADMSG;
    }
    for (unsigned i = 0; i < (unsigned)count; i++) {
        const char *path = text_at(s, FIRST_LAYER + i);
        const int fd = path != NULL ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (fd < 0) {
            return -EBADMSG;
        }
        resolver->layers[resolver->layer_count++] = fd;
    }
    return 0;
}

static void forget(struct supervisor *s)
{
    for (size_t i = 0; i < s->resolver.layer_count; i++) {
        cleanup_fd(&s->resolver.layers[i]);
    }
    s->resolver.layer_count = 0;
    race_free(s->race);
    repeat_fini(&s->repeats);
    recorder_fini(&s->recorder);
    mem_free(s->texts);
    cleanup_fd(&s->root);
    cleanup_fd(&s->listener);
    s->race = NULL;
    s->texts = NULL;
    s->texts_len = 0;
    s->root = s->listener = -1;
    s->refused = 0;
    s->begun = false;
}

/* Asks for a path on the unit's behalf, before there is a process to ask it. */
static void ask_start(struct supervisor *s, const char *path, struct landing *ret)
{
    const struct caller nobody = {.proc = s->proc, .folder = s->folder};
    const struct path_question question = {
        .caller = &nobody, .dirfd = AT_FDCWD, .path = path, .follow = true};
    resolve(&s->resolver, &question, ret);
    ask_landing(&s->resolver, ret, ASKED_TYPE);
}

/* What init asked: the unit's working folder, and where its program might be. */
static void ask_starts(struct supervisor *s, unsigned first)
{
    struct landing landing;
    (void)snprintf(s->folder, sizeof s->folder, "%s", text_at(s, TEXT_FOLDER));
    ask_start(s, text_at(s, TEXT_FOLDER), &landing);
    if (landing.place != NULL) {
        (void)place_path(landing.place, s->folder, sizeof s->folder);
    }
    for (unsigned i = first; text_at(s, i) != NULL; i++) {
        ask_start(s, text_at(s, i), &landing);
    }
}

static int begin(struct supervisor *s, const struct handover *header, int root)
{
    forget(s);
    s->root = root;
    s->texts = header->length <= OBSERVER_START_MAX ? mem_calloc(header->length + 1U, 1) : NULL;
    if (s->texts == NULL || handover_read(s->socket, s->texts, header->length) < 0) {
        return -EBADMSG;
    }
    s->texts_len = header->length;
    int rc = root >= 0 && text_at(s, TEXT_PROGRAM) != NULL ? prepare(s) : -EBADMSG;
    rc = rc == 0 ? open_layers(s, header->value) : rc;
    s->begun = rc == 0;
    s->first = true;
    if (rc == 0) {
        ask_starts(s, FIRST_LAYER + (unsigned)header->value);
    }
    return rc;
}

/* ---- serving ---- */

/* The kernel's structures may be larger than those of our headers. */
union notification {
    struct seccomp_notif request;
    char room[512];
};

union answer {
    struct seccomp_notif_resp response;
    char room[512];
};

static void serve(struct supervisor *s, const struct seccomp_notif *request, struct asking *asking)
{
    const struct seccomp_data *data = &request->data;
    if (data->arch != FILTER_ARCH || ((unsigned)data->nr & FILTER_FOREIGN_BIT) != 0) {
        recorder_flag(&s->recorder,
                      TRACE_FOREIGN,
                      "it made a system call of a foreign architecture, which is refused");
        asking->refusal = ENOSYS;
        return;
    }
    asking->call = call_find(data->nr);
    if (asking->call == NULL || asking->call->ask == NULL) {
        recorder_flag(&s->recorder, TRACE_INCOMPLETE, "unknown system call %d", data->nr);
        return;
    }
    race_returned(s->race, asking->caller);
    asking->call->ask(asking);
}

/* Answers one call. */
static void answer(struct supervisor *s, const struct seccomp_notif *request)
{
    uint64_t args[6];
    for (size_t i = 0; i < 6; i++) {
        args[i] = request->data.args[i];
    }
    const struct caller caller = {.pid = (pid_t)request->pid,
                                  .proc = s->proc,
                                  .args = args,
                                  .program = s->first ? text_at(s, TEXT_PROGRAM) : NULL,
                                  .folder = s->first ? s->folder : NULL};
    struct asking asking = {.resolver = &s->resolver,
                            .race = s->race,
                            .repeats = &s->repeats,
                            .caller = &caller,
                            .args = args,
                            .network = s->world->network};
    union answer answer = {.room = {0}};
    s->recorder.calls++;
    s->first = false;
    serve(s, request, &asking);
    answer.response.id = request->id;
    answer.response.error = -asking.refusal;
    answer.response.flags = asking.refusal == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    /* ENOENT: the thread was killed while it waited. What was noted for it is too much at worst. */
    (void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static bool is_over(int listener, int timeout_ms)
{
    struct pollfd watched = {.fd = listener, .events = POLLIN};
    while (poll(&watched, 1, timeout_ms) < 0 && errno == EINTR) {
    }
    return (watched.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0
           && (watched.revents & POLLIN) == 0;
}

/* Wakes the unit on our processor, and us on its: the difference between 1.1 and 2.8 times the time
 * of an unobserved run. Where the kernel cannot (before Linux 6.6), both are kept on the processor
 * that we are on when the unit begins. */
static void stay_together(struct supervisor *s, pid_t unit)
{
    cpu_set_t one;
    if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) == 0) {
        return;
    }
    const int processor = sched_getcpu();
    if (processor >= 0 && sched_getaffinity(0, sizeof s->processors, &s->processors) == 0) {
        s->is_pinned = true;
        CPU_ZERO(&one);
        CPU_SET((unsigned)processor, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
        (void)sched_setaffinity(unit, sizeof one, &one);
    }
}

/* The next unit may have another processor: slots that meet on one do so for a unit, not for a run.
 */
static void part(struct supervisor *s)
{
    if (s->is_pinned) {
        (void)sched_setaffinity(0, sizeof s->processors, &s->processors);
        s->is_pinned = false;
    }
}

/* Waits for a call. 1 = there is one, 0 = look again, negative: the unit is over. */
static int receive(struct supervisor *s, union notification *notification)
{
    if (!s->waits_for_end && is_over(s->listener, -1)) {
        return -ENOENT;
    }
    memset(notification, 0, sizeof *notification);
    if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, notification) == 0) {
        return 1;
    }
    /* ENOENT: the caller was killed before it was seen, or there is nobody left. */
    return errno == EINTR || (errno == ENOENT && !is_over(s->listener, 0)) ? 0 : -ENOENT;
}

static void serve_unit(struct supervisor *s)
{
    union notification notification;
    int rc = 0;
    while (rc >= 0) {
        rc = receive(s, &notification);
        if (rc > 0 && s->first) {
            stay_together(s, (pid_t)notification.request.pid);
        }
        if (rc > 0) {
            answer(s, &notification.request);
        }
    }
    race_ended(s->race);
    part(s);
}

/* ---- messages ---- */

static int send_trace(struct supervisor *s)
{
    struct arena *arena = arena_new((size_t)4 * TRACE_BYTES_MAX);
    CLEANUP(str_fini) struct str bytes = STR_INIT((size_t)2 * TRACE_BYTES_MAX);
    const struct trace *trace = NULL;
    int rc = arena != NULL ? recorder_trace(&s->recorder, arena, &trace, NULL) : -ENOMEM;
    rc = rc == 0 ? trace_pack(trace, &bytes) : rc;
    if (rc == 0) {
        const struct handover header = {.type = HANDOVER_TRACE, .length = (uint32_t)bytes.len};
        rc = fd_write_all(s->socket, &header, sizeof header);
        rc = rc == 0 ? fd_write_all(s->socket, str_text(&bytes), bytes.len) : rc;
    }
    arena_free(arena);
    return rc;
}

static int answer_end(struct supervisor *s)
{
    const struct handover none = {.type = HANDOVER_NONE, .value = s->refused};
    const int rc =
        s->begun && s->listener >= 0 ? send_trace(s) : fd_write_all(s->socket, &none, sizeof none);
    forget(s);
    return rc;
}

static int take(struct supervisor *s, const struct handover *header, const int *fds)
{
    switch ((enum handover_type)header->type) {
    case HANDOVER_BEGIN:
        return begin(s, header, fds[0]);
    case HANDOVER_LISTENER:
        if (!s->begun || s->listener >= 0 || fds[0] < 0) {
            return -EBADMSG;
        }
        s->listener = fds[0];
        serve_unit(s);
        return 0;
    case HANDOVER_REFUSED:
        s->refused = (int)header->value;
        return 0;
    case HANDOVER_END:
        return answer_end(s);
    case HANDOVER_TRACE:
    case HANDOVER_NONE:
        break;
    }
    return -EBADMSG;
}

int supervisor_main(int socket, const struct observed_world *world)
{
    struct supervisor s = {.world = world,
                           .socket = socket,
                           .root = -1,
                           .listener = -1,
                           .waits_for_end = kernel_is_at_least(6, 11)};
    struct handover header;
    int fds[HANDOVER_FDS_MAX];
    (void)prctl(PR_SET_NAME, "sluice-observe");
    (void)signal(SIGPIPE, SIG_IGN);
    s.proc = open(world->proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = s.proc >= 0 ? 0 : -errno;
    while (rc == 0 && handover_receive(socket, &header, fds) == 1) {
        rc = take(&s, &header, fds);
    }
    forget(&s);
    return rc < 0 ? 3 : 0;
}

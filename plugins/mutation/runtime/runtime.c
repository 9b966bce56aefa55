/* SPDX-License-Identifier: Apache-2.0 */
/* What a program under test does where a mutant may be. The text goes into each schema behind
 * state.h, so that whatever links or includes a mutated file has all it needs, and no build system
 * is touched. Hence:
 *
 * - No header and no macro: functions of libc have private names, bound by asm labels.
 * - Weak definitions: the linker keeps one of each, so that all files of a program share a state.
 * - C89, and valid C++ for tests that include the file there.
 *
 * At a site that is armed (its byte in `done` is 0) a program asks sluice_mutant_enter() whether it
 * is one of the site's mutants; `chosen` says which. Without a state each site is disarmed at its
 * first reach. */
#ifndef SLUICE_MUTANT_RUNTIME
#define SLUICE_MUTANT_RUNTIME

#ifdef __cplusplus
extern "C" {
#endif

/* One mutated file in one translation unit. */
struct sluice_mutant_file {
    unsigned int key_high;
    unsigned int key_low;
    unsigned int name;
    unsigned int sites;
    unsigned char *done; /* by site: 1 = disarmed */
    unsigned int chosen; /* number in this file + 1 of the mutant that we are */
    const struct sluice_mutant_range *range;
    struct sluice_mutant_file *next; /* of those that were reached */
    unsigned int known;
};

/* Of the process. */
struct sluice_mutant_process {
    struct sluice_mutant_state *state;
    struct sluice_mutant_file *files;
    unsigned int opened;
    unsigned int active;    /* mutant + 1 that we are */
    unsigned int hits_left; /* at its site; 0 = no limit */
    unsigned int limited;   /* ONE: hits_left was set */
    unsigned int timed;     /* `timer` ends the test when it hangs between its children */
    void *timer;
};

/* Sizes of what libc writes, with room: struct sigaction has 152 bytes, struct rusage 144. */
enum {
    SLUICE_MUTANT_BUFFER = 64, /* longs */
    SLUICE_MUTANT_FDS = 64,    /* descriptors that are looked at: 0 ... */
    SLUICE_MUTANT_HIT_SIGNAL = 63,
    SLUICE_MUTANT_TEXT = 1024
};

extern char *sluice_mutant_getenv(const char *) __asm__("getenv");
extern int sluice_mutant_open(const char *, int, ...) __asm__("open");
extern int sluice_mutant_close(int) __asm__("close");
extern long sluice_mutant_read(int, void *, unsigned long) __asm__("read");
extern long sluice_mutant_lseek(int, long, int) __asm__("lseek");
extern void *sluice_mutant_mmap(void *, unsigned long, int, int, int, long) __asm__("mmap");
extern int sluice_mutant_mprotect(void *, unsigned long, int) __asm__("mprotect");
extern int sluice_mutant_fork(void) __asm__("fork");
extern int sluice_mutant_wait4(int, int *, int, void *) __asm__("wait4");
extern int sluice_mutant_getpid(void) __asm__("getpid");
extern int sluice_mutant_getppid(void) __asm__("getppid");
extern int sluice_mutant_getsid(int) __asm__("getsid");
extern int sluice_mutant_getpgrp(void) __asm__("getpgrp");
extern int sluice_mutant_setpgid(int, int) __asm__("setpgid");
extern int sluice_mutant_kill(int, int) __asm__("kill");
extern void sluice_mutant_abort(void) __asm__("abort");
extern int sluice_mutant_fcntl(int, int, ...) __asm__("fcntl");
extern int sluice_mutant_sigaction(int, const void *, void *) __asm__("sigaction");
extern int sluice_mutant_getitimer(int, void *) __asm__("getitimer");
extern int sluice_mutant_setitimer(int, const void *, void *) __asm__("setitimer");
extern int sluice_mutant_setrlimit(int, const void *) __asm__("setrlimit");
extern int sluice_mutant_getpagesize(void) __asm__("getpagesize");
extern int sluice_mutant_timer_create(int, void *, void *) __asm__("timer_create");
extern int sluice_mutant_timer_settime(void *, int, const void *, void *) __asm__("timer_settime");
extern int sluice_mutant_clock_gettime(int, long *) __asm__("clock_gettime");
extern int *sluice_mutant_errno(void) __asm__("__errno_location");

/* Not worth the optimiser's time: three times as fast to compile. */
#ifdef __clang__
#    define SLUICE_MUTANT_SHARED __attribute__((weak, visibility("default"), noinline, optnone))
#else
#    define SLUICE_MUTANT_SHARED \
        __attribute__((weak, visibility("default"), noinline, optimize("O0")))
#endif

__attribute__((weak, visibility("default"))) struct sluice_mutant_process sluice_mutant_process;

/* ---- the state ---- */

SLUICE_MUTANT_SHARED unsigned int *sluice_mutant_words(unsigned int at)
{
    return (unsigned int *)(void *)((char *)sluice_mutant_process.state + at);
}

SLUICE_MUTANT_SHARED unsigned char *sluice_mutant_status(void)
{
    return (unsigned char *)sluice_mutant_process.state + sluice_mutant_process.state->status_at;
}

/* Reads a short file of /proc; the number of bytes, 0 on failure. */
SLUICE_MUTANT_SHARED long sluice_mutant_read_text(const char *path, char *text)
{
    int fd = sluice_mutant_open(path, 02000000 /* O_RDONLY | O_CLOEXEC */);
    long size = fd < 0 ? 0 : sluice_mutant_read(fd, text, SLUICE_MUTANT_TEXT - 1);
    if (fd >= 0) {
        (void)sluice_mutant_close(fd);
    }
    size = size < 0 ? 0 : size;
    text[size] = 0;
    return size;
}

/* The number that stands behind `skip` blanks. */
SLUICE_MUTANT_SHARED unsigned long sluice_mutant_number(const char *text, int skip)
{
    unsigned long number = 0;
    for (; *text && skip > 0; text++) {
        skip -= *text == ' ';
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (unsigned long)(*text - '0');
    }
    return number;
}

/* Ends this process when it has used so much of a clock from now on. The timer's signal is SIGKILL,
 * so that handlers, masks and timers of the test stay what they are. */
SLUICE_MUTANT_SHARED void *sluice_mutant_end_at(int clock, unsigned long limit_us)
{
    struct {
        void *value;
        int signal;
        int notify;
        int rest[16];
    } event;

    long until[4];
    void *timer = 0;
    int i;
    event.value = 0;
    event.signal = 9;
    event.notify = 0;
    for (i = 0; i < 16; i++) {
        event.rest[i] = 0;
    }
    until[0] = until[1] = 0;
    until[2] = (long)(limit_us / 1000000);
    until[3] = (long)(limit_us % 1000000) * 1000;
    if (limit_us != 0 && sluice_mutant_timer_create(clock, &event, &timer) == 0) {
        (void)sluice_mutant_timer_settime(timer, 0, until, 0);
    }
    return timer;
}

/* A mutant may grow by so much from here; sanitizers have reserved terabytes before. */
SLUICE_MUTANT_SHARED void sluice_mutant_limit_memory(void)
{
    unsigned long limit[2];
    char text[SLUICE_MUTANT_TEXT];
    if (sluice_mutant_process.state->memory_mib != 0
        && sluice_mutant_read_text("/proc/self/statm", text) > 0) {
        limit[0] = sluice_mutant_number(text, 0) * (unsigned long)sluice_mutant_getpagesize()
                   + ((unsigned long)sluice_mutant_process.state->memory_mib << 20);
        limit[1] = limit[0];
        (void)sluice_mutant_setrlimit(9, limit);
    }
}

SLUICE_MUTANT_SHARED void sluice_mutant_map(void)
{
    const char *path = sluice_mutant_getenv("SLUICE_MUTANT_STATE");
    int fd = path ? sluice_mutant_open(path, 02000002 /* O_RDWR | O_CLOEXEC */) : -1;
    long size = fd < 0 ? 0 : sluice_mutant_lseek(fd, 0, 2);
    void *at = (void *)-1L;
    if (size >= (long)sizeof(struct sluice_mutant_state)) {
        at = sluice_mutant_mmap(0, (unsigned long)size, 3, 1, fd, 0);
    }
    if (fd >= 0) {
        (void)sluice_mutant_close(fd);
    }
    if (at == (void *)-1L) {
        return;
    }
    sluice_mutant_process.state = (struct sluice_mutant_state *)at;
    if (sluice_mutant_process.state->magic != SLUICE_MUTANT_MAGIC
        || sluice_mutant_process.state->size != (unsigned int)size) {
        sluice_mutant_process.state = 0;
    }
}

/* Are we the process that the engine started? */
SLUICE_MUTANT_SHARED int sluice_mutant_is_test(void)
{
    return sluice_mutant_process.state->engine_pid == sluice_mutant_getppid()
           && sluice_mutant_getsid(0) == sluice_mutant_getpid();
}

/* Maps the state at the start, before a test can clean its environment or change its root. */
SLUICE_MUTANT_SHARED struct sluice_mutant_state *sluice_mutant_open_state(void)
{
    struct sluice_mutant_process *process = &sluice_mutant_process;
    int kept;
    if (process->opened) {
        return process->state;
    }
    process->opened = 1;
    kept = *sluice_mutant_errno();
    sluice_mutant_map();
    if (process->state && process->state->mode == SLUICE_MUTANT_ONE) {
        process->active = process->state->one;
        (void)sluice_mutant_mprotect(process->state, process->state->size, 1);
        sluice_mutant_limit_memory();
    }
    if (process->state && process->state->mode == SLUICE_MUTANT_FORK
        && process->state->wall_limit_us != 0 && sluice_mutant_is_test()) {
        process->timed = 1;
        process->timer = sluice_mutant_end_at(1, process->state->wall_limit_us);
    }
    *sluice_mutant_errno() = kept;
    return process->state;
}

/* Finds the file in the state; its mutants are not tried where it is not there. */
SLUICE_MUTANT_SHARED void sluice_mutant_join(struct sluice_mutant_file *file)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    const struct sluice_mutant_range *range =
        (const struct sluice_mutant_range *)(const void *)sluice_mutant_words(state->files_at);
    unsigned int i;
    if (file->known) {
        return;
    }
    file->known = 1;
    file->next = sluice_mutant_process.files;
    sluice_mutant_process.files = file;
    for (i = 0; i < state->file_count; i++) {
        if (range[i].key_high == file->key_high && range[i].key_low == file->key_low
            && range[i].site_count == file->sites) {
            file->range = &range[i];
        } else if (range[i].name == file->name && sluice_mutant_process.active == 0) {
            state->stale = 1;
        }
    }
}

/* Says which sites of a file the compiler saw in this translation unit; no list: take them all as
 * seen. The others stand behind an `#if` that is false here. */
SLUICE_MUTANT_SHARED void sluice_mutant_tell_there(const struct sluice_mutant_file *file,
                                                   const unsigned char *there)
{
    struct sluice_mutant_state *state = sluice_mutant_open_state();
    struct sluice_mutant_range *range;
    unsigned char *all;
    unsigned int i;
    unsigned int site;
    if (!state || state->mode != SLUICE_MUTANT_COVER) {
        return;
    }
    range = (struct sluice_mutant_range *)(void *)sluice_mutant_words(state->files_at);
    for (i = 0; i < state->file_count; i++) {
        if (range[i].key_high != file->key_high || range[i].key_low != file->key_low
            || range[i].site_count != file->sites) {
            continue;
        }
        range[i].seen = 1;
        all = (unsigned char *)state + state->there_at + range[i].site_base;
        for (site = 0; site < file->sites; site++) {
            if (!there || there[site]) {
                all[site] = 1;
            }
        }
    }
}

/* ---- being a mutant ---- */

/* Is the mutant that we are one of this site? */
SLUICE_MUTANT_SHARED int sluice_mutant_is_here(unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    const unsigned int *first = sluice_mutant_words(state->first_at);
    const unsigned int *mutants = sluice_mutant_words(state->mutants_at);
    unsigned int i;
    for (i = first[site]; i < first[site + 1]; i++) {
        if (mutants[i] + 1 == sluice_mutant_process.active) {
            return 1;
        }
    }
    return 0;
}

/* It came through its site too often. Where it is not our child whoever waits for it may take the
 * signal for a failure, so the state tells. */
SLUICE_MUTANT_SHARED void sluice_mutant_end_loop(void)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    if (state->mode == SLUICE_MUTANT_ONE
        && sluice_mutant_mprotect(state, state->size, 3 /* read and write */) == 0) {
        state->looped = 1;
    }
    (void)sluice_mutant_kill(sluice_mutant_getpid(), SLUICE_MUTANT_HIT_SIGNAL);
}

SLUICE_MUTANT_SHARED int sluice_mutant_choose(struct sluice_mutant_file *file, unsigned int site)
{
    struct sluice_mutant_process *process = &sluice_mutant_process;
    if (!sluice_mutant_is_here(file->range->site_base + site)) {
        file->done[site] = 1;
        return 0;
    }
    file->chosen = process->active - file->range->mutant_base;
    if (process->state->mode == SLUICE_MUTANT_ONE && !process->limited) {
        process->limited = 1;
        process->hits_left =
            sluice_mutant_words(process->state->hits_at)[file->range->site_base + site];
    }
    if (process->hits_left > 1) {
        process->hits_left--;
    } else if (process->hits_left == 1) {
        sluice_mutant_end_loop();
    }
    return 1;
}

/* ---- forking ---- */

SLUICE_MUTANT_SHARED int sluice_mutant_has_threads(void)
{
    char text[SLUICE_MUTANT_TEXT];
    long i = sluice_mutant_read_text("/proc/self/stat", text);
    for (; i > 0 && text[i] != ')'; i--) {
    }
    return sluice_mutant_number(text + i, 18) > 1;
}

/* Remembers where each descriptor stands: children share the offsets. Bits of what cannot be
 * restored. */
SLUICE_MUTANT_SHARED unsigned int sluice_mutant_save_offsets(long *offsets)
{
    unsigned int hazards = 0;
    int fd;
    for (fd = 0; fd < SLUICE_MUTANT_FDS; fd++) {
        int flags = fd < 3 ? 0 : sluice_mutant_fcntl(fd, 3 /* F_GETFL */);
        offsets[fd] = flags < 0 ? -1 : sluice_mutant_lseek(fd, 0, 1);
        if (fd >= 3 && flags >= 0 && offsets[fd] < 0) {
            hazards |= SLUICE_MUTANT_OPEN_PIPE;
        } else if (fd >= 3 && flags >= 0 && (flags & 3) != 0) {
            hazards |= SLUICE_MUTANT_OPEN_FILE;
        }
    }
    return hazards;
}

SLUICE_MUTANT_SHARED void sluice_mutant_restore_offsets(const long *offsets)
{
    int fd;
    for (fd = 0; fd < SLUICE_MUTANT_FDS; fd++) {
        if (offsets[fd] >= 0) {
            (void)sluice_mutant_lseek(fd, offsets[fd], 0);
        }
    }
}

/* What the process had before a child was made, and gets back. */
struct sluice_mutant_before {
    long offsets[SLUICE_MUTANT_FDS];
    long on_child[SLUICE_MUTANT_BUFFER]; /* its action of SIGCHLD */
    long timer[3][4];
    long own[4]; /* of process.timer */
    int error;
};

/* No handler of the test learns of our children, and no alarm of the test runs out while it waits
 * for them. */
SLUICE_MUTANT_SHARED unsigned int sluice_mutant_save(struct sluice_mutant_before *before)
{
    static const long nothing[SLUICE_MUTANT_BUFFER] = {0};
    unsigned int hazards;
    int i;
    before->error = *sluice_mutant_errno();
    if (sluice_mutant_process.timed) {
        (void)sluice_mutant_timer_settime(sluice_mutant_process.timer, 0, nothing, before->own);
    }
    hazards = sluice_mutant_save_offsets(before->offsets);
    (void)sluice_mutant_sigaction(17, nothing, before->on_child);
    for (i = 0; i < 3; i++) {
        (void)sluice_mutant_getitimer(i, before->timer[i]);
    }
    if (before->timer[0][2] != 0 || before->timer[0][3] != 0) {
        (void)sluice_mutant_setitimer(0, nothing, 0);
    }
    return hazards;
}

SLUICE_MUTANT_SHARED void sluice_mutant_restore(const struct sluice_mutant_before *before, int all)
{
    int i;
    for (i = 0; i < (all ? 3 : 1); i++) {
        if (before->timer[i][2] != 0 || before->timer[i][3] != 0) {
            (void)sluice_mutant_setitimer(i, before->timer[i], 0);
        }
    }
    (void)sluice_mutant_sigaction(17, before->on_child, 0);
    if (!all && sluice_mutant_process.timed) {
        (void)sluice_mutant_timer_settime(sluice_mutant_process.timer, 0, before->own, 0);
    }
    *sluice_mutant_errno() = before->error;
}

/* In the child: disarms all but the mutant's site. */
SLUICE_MUTANT_SHARED void sluice_mutant_become(struct sluice_mutant_file *file,
                                               unsigned int site,
                                               unsigned int mutant)
{
    struct sluice_mutant_file *other;
    struct sluice_mutant_process *process = &sluice_mutant_process;
    unsigned int i;
    process->active = mutant + 1;
    for (other = process->files; other; other = other->next) {
        for (i = 0; i < other->sites; i++) {
            other->done[i] = !(other->range == file->range && i == site);
        }
        if (other->range == file->range) {
            other->chosen = mutant + 1 - file->range->mutant_base;
        }
    }
}

SLUICE_MUTANT_SHARED unsigned long sluice_mutant_now_us(void)
{
    long now[2];
    now[0] = now[1] = 0;
    (void)sluice_mutant_clock_gettime(1, now);
    return (unsigned long)now[0] * 1000000 + (unsigned long)now[1] / 1000;
}

/* SIGKILL after all of its time is a timeout, before it is somebody's verdict. */
SLUICE_MUTANT_SHARED unsigned int sluice_mutant_result(int status,
                                                       unsigned long cpu_us,
                                                       unsigned long wall_us)
{
    const struct sluice_mutant_state *state = sluice_mutant_process.state;
    int killed = (status & 0x7f) == 9;
    if (killed && (cpu_us >= state->cpu_limit_us || wall_us + 1000 >= state->wall_limit_us)) {
        return SLUICE_MUTANT_TIMED_OUT;
    }
    if ((status & 0x7f) == SLUICE_MUTANT_HIT_SIGNAL) {
        return SLUICE_MUTANT_TIMED_OUT;
    }
    return status == 0 ? SLUICE_MUTANT_PASSED : SLUICE_MUTANT_FAILED;
}

/* Waits for a child and ends whatever it left behind. */
SLUICE_MUTANT_SHARED unsigned int sluice_mutant_wait(int pid, unsigned int *spent)
{
    long usage[SLUICE_MUTANT_BUFFER];
    unsigned long started = sluice_mutant_now_us();
    int status = 0;
    int got;
    do {
        got = sluice_mutant_wait4(pid, &status, 0, usage);
    } while (got < 0 && *sluice_mutant_errno() == 4 /* EINTR */);
    (void)sluice_mutant_kill(-pid, 9);
    if (got < 0) {
        return SLUICE_MUTANT_NO_CHILD;
    }
    *spent = (unsigned int)((usage[0] + usage[2]) * 1000000 + usage[1] + usage[3]);
    return sluice_mutant_result(status, *spent, sluice_mutant_now_us() - started);
}

/* One child that is the mutant (-1: that aborts). Returns 1 in the child. */
SLUICE_MUTANT_SHARED int sluice_mutant_spawn(struct sluice_mutant_file *file,
                                             unsigned int site,
                                             unsigned int mutant,
                                             const struct sluice_mutant_before *before,
                                             unsigned int *result)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    unsigned int spent = 0;
    int pid;
    state->child = 0;
    state->active = mutant + 1;
    state->children++;
    pid = sluice_mutant_fork();
    if (pid == 0) {
        (void)sluice_mutant_setpgid(0, 0);
        state->child = sluice_mutant_getpid();
        (void)sluice_mutant_end_at(2 /* CPU time of the process */, state->cpu_limit_us);
        (void)sluice_mutant_end_at(1 /* monotonic */, state->wall_limit_us);
        sluice_mutant_limit_memory();
        (void)sluice_mutant_mprotect(state, state->size, 1);
        if (mutant == (unsigned int)-1) {
            sluice_mutant_process.active = mutant; /* whoever catches it goes on without a fork */
            sluice_mutant_abort();
        }
        sluice_mutant_process.hits_left =
            sluice_mutant_words(state->hits_at)[file->range->site_base + site];
        sluice_mutant_become(file, site, mutant);
        sluice_mutant_restore(before, 1);
        return 1;
    }
    *result = SLUICE_MUTANT_NO_CHILD;
    if (pid > 0) {
        (void)sluice_mutant_setpgid(pid, pid);
        *result = sluice_mutant_wait(pid, &spent);
        sluice_mutant_restore_offsets(before->offsets);
    }
    state->active = 0;
    state->child = 0;
    if (mutant != (unsigned int)-1) {
        sluice_mutant_words(state->spent_at)[mutant] += spent;
    }
    return 0;
}

/* As above, and what came of it is noted. */
SLUICE_MUTANT_SHARED int sluice_mutant_try(struct sluice_mutant_file *file,
                                           unsigned int site,
                                           unsigned int mutant,
                                           const struct sluice_mutant_before *before)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    unsigned int result = SLUICE_MUTANT_NO_CHILD;
    if (sluice_mutant_spawn(file, site, mutant, before, &result)) {
        return 1;
    }
    if (mutant == (unsigned int)-1) {
        state->canary = result;
    } else {
        sluice_mutant_status()[mutant] = (unsigned char)result;
    }
    return 0;
}

/* Is there anything to try at a site? */
SLUICE_MUTANT_SHARED int sluice_mutant_any(unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    const unsigned int *first = sluice_mutant_words(state->first_at);
    const unsigned int *mutants = sluice_mutant_words(state->mutants_at);
    unsigned int i;
    for (i = first[site]; i < first[site + 1]; i++) {
        if (sluice_mutant_status()[mutants[i]] == SLUICE_MUTANT_TO_TRY) {
            return 1;
        }
    }
    return 0;
}

/* All mutants of a site, each in a child. 1 in a child. */
SLUICE_MUTANT_SHARED int sluice_mutant_split(struct sluice_mutant_file *file, unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    const unsigned int *first =
        sluice_mutant_words(state->first_at) + file->range->site_base + site;
    const unsigned int *mutants = sluice_mutant_words(state->mutants_at);
    struct sluice_mutant_before before;
    unsigned int i;
    unsigned int hazards = sluice_mutant_save(&before);
    if (sluice_mutant_has_threads()) {
        hazards |= SLUICE_MUTANT_HAS_THREADS;
    }
    state->hazards |= hazards;
    for (i = first[0]; state->hazards == 0 && i < first[1]; i++) {
        if (sluice_mutant_status()[mutants[i]] == SLUICE_MUTANT_TO_TRY
            && sluice_mutant_try(file, site, mutants[i], &before)) {
            return 1;
        }
    }
    file->done[site] = 1;
    sluice_mutant_restore(&before, 0);
    return 0;
}

/* In FORK mode another process than the test's is either what a mutant started, which is the mutant
 * too, or somebody whom we do not know. */
SLUICE_MUTANT_SHARED int sluice_mutant_fork_mode(struct sluice_mutant_file *file, unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    if (sluice_mutant_is_test()) {
        if (state->hazards == 0 && sluice_mutant_any(file->range->site_base + site)) {
            return sluice_mutant_split(file, site);
        }
    } else if (state->active != 0 && state->child == sluice_mutant_getpgrp()) {
        sluice_mutant_process.active = state->active;
        return sluice_mutant_choose(file, site);
    } else {
        state->hazards |= SLUICE_MUTANT_OTHER_PROCESS;
    }
    file->done[site] = 1;
    return 0;
}

/* ---- what schemata call ---- */

SLUICE_MUTANT_SHARED void sluice_mutant_cover(unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    unsigned int *hits = sluice_mutant_words(state->hits_at) + site;
    long offsets[SLUICE_MUTANT_FDS];
    int kept;
    if (*hits == 0) {
        kept = *sluice_mutant_errno();
        state->hazards |= sluice_mutant_save_offsets(offsets);
        state->hazards |= sluice_mutant_has_threads() ? SLUICE_MUTANT_HAS_THREADS : 0;
        state->hazards |= sluice_mutant_is_test() ? 0 : SLUICE_MUTANT_OTHER_PROCESS;
        *sluice_mutant_errno() = kept;
    }
    if (*hits != (unsigned int)-1) {
        (*hits)++;
    }
}

SLUICE_MUTANT_SHARED void sluice_mutant_canary(struct sluice_mutant_file *file, unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_process.state;
    struct sluice_mutant_before before;
    if (state->mode == SLUICE_MUTANT_CANARY) {
        file->done[site] = 1;
        sluice_mutant_abort();
    }
    if (state->canary == SLUICE_MUTANT_LEFT_OUT) {
        (void)sluice_mutant_save(&before);
        (void)sluice_mutant_try(file, site, (unsigned int)-1, &before);
        sluice_mutant_restore(&before, 0);
    }
    file->done[site] = 1;
}

/* Is this process a mutant of this site? */
SLUICE_MUTANT_SHARED int sluice_mutant_enter(struct sluice_mutant_file *file, unsigned int site)
{
    struct sluice_mutant_state *state = sluice_mutant_open_state();
    if (state) {
        sluice_mutant_join(file);
    }
    if (!state || !file->range) {
        file->done[site] = 1;
        return 0;
    }
    if (sluice_mutant_process.active != 0) {
        return sluice_mutant_choose(file, site);
    }
    state->reached = 1;
    switch (state->mode) {
    case SLUICE_MUTANT_COVER:
        sluice_mutant_cover(file->range->site_base + site);
        break;
    case SLUICE_MUTANT_FORK:
        return sluice_mutant_fork_mode(file, site);
    case SLUICE_MUTANT_CANARY:
    case SLUICE_MUTANT_CANARY_FORK:
        sluice_mutant_canary(file, site);
        break;
    default:
        file->done[site] = 1;
        break;
    }
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: of two processes that would run the same, one waits. A holder is known by boot id,
 * process namespace, pid and the start of the process, so that a dead one is told from a new one of
 * the same number; where that cannot be told (another machine, another container) its time decides.
 */
#include "base/clock.h"
#include "base/file.h"
#include "store/evidence_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LEASE_WORD_MAX 80

/* A process, as others can recognise it. Empty words and zeros: could not be found out. */
struct identity {
    char host[LEASE_WORD_MAX];
    char boot[LEASE_WORD_MAX];
    char space[LEASE_WORD_MAX];
    int64_t pid;
    int64_t start;
};

/* The first line of a small file; "" when it cannot be read. */
static void read_line(const char *path, char *buf, size_t size)
{
    struct str text = STR_INIT(4096);
    buf[0] = '\0';
    if (file_read(path, &text, NULL) == 0) {
        (void)snprintf(buf, size, "%.*s", (int)strcspn(str_text(&text), "\n"), str_text(&text));
    }
    str_fini(&text);
}

/* Start of a process in ticks since boot: the 22nd word of its stat, the 20th behind the name,
 * which stands in parentheses and may hold anything. 0 = unknown. */
static int64_t start_of(int64_t pid)
{
    char path[64];
    char line[1024];
    (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    read_line(path, line, sizeof line);
    const char *place = strrchr(line, ')');
    for (int word = 0; place != NULL && word < 20; word++) {
        place = strchr(place + 1, ' ');
    }
    return place != NULL ? strtoll(place + 1, NULL, 10) : 0;
}

static void find_identity(struct identity *identity)
{
    memset(identity, 0, sizeof *identity);
    (void)gethostname(identity->host, sizeof identity->host - 1);
    read_line("/proc/sys/kernel/random/boot_id", identity->boot, sizeof identity->boot);
    ssize_t len = readlink("/proc/self/ns/pid", identity->space, sizeof identity->space - 1);
    identity->space[len > 0 ? len : 0] = '\0';
    identity->pid = getpid();
    identity->start = start_of(identity->pid);
}

enum lease_column {
    LEASE_TOKEN,
    LEASE_OWNER,
    LEASE_HOST,
    LEASE_BOOT,
    LEASE_SPACE,
    LEASE_PID,
    LEASE_START,
    LEASE_EXPIRES,
};

static bool same_word(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

/* Does the holder in the statement's row live, as far as can be told? */
static bool is_alive(sqlite3_stmt *statement, const struct identity *self)
{
    const char *boot = column_text(statement, LEASE_BOOT);
    if (!same_word(boot, self->boot)) {
        /* this machine before it was started anew, or another machine */
        return boot[0] == '\0' || !same_word(column_text(statement, LEASE_HOST), self->host);
    }
    if (!same_word(column_text(statement, LEASE_SPACE), self->space)) {
        return true;
    }
    int64_t pid = sqlite3_column_int64(statement, LEASE_PID);
    int64_t start = sqlite3_column_int64(statement, LEASE_START);
    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    int64_t now_start = start_of(pid);
    return start == 0 || now_start == 0 || now_start == start;
}

/* Looks whether somebody holds the lease: 1 and `holder`, or 0. `self` is found out when NULL: only
 * where there is a lease. */
static int look(struct evidence_store *store,
                const struct hash *key,
                const struct identity *self,
                char holder[EVIDENCE_OWNER_MAX],
                struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_LEASE_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, key);
    result = evidence_next(store, statement, err);
    if (result != 1) {
        return result;
    }
    struct identity found;
    if (self == NULL) {
        find_identity(&found);
        self = &found;
    }
    const int64_t left_ms = sqlite3_column_int64(statement, LEASE_EXPIRES) - clock_wall_ms();
    const bool held = left_ms > 0 && left_ms <= EVIDENCE_LEASE_MS_MAX && is_alive(statement, self);
    if (held && holder != NULL) {
        (void)snprintf(holder,
                       EVIDENCE_OWNER_MAX,
                       "%s, pid %lld: %s",
                       column_text(statement, LEASE_HOST),
                       (long long)sqlite3_column_int64(statement, LEASE_PID),
                       column_text(statement, LEASE_OWNER));
    }
    (void)sqlite3_reset(statement);
    return held ? 1 : 0;
}

struct taking {
    struct evidence_lease lease;
    const char *owner;
    int64_t ttl_ms;
    struct identity self;
    char *holder;
    bool taken;
};

static int take_body(struct evidence_store *store, void *context, struct err *err)
{
    struct taking *taking = context;
    sqlite3_stmt *statement = NULL;
    int result = look(store, &taking->lease.key, &taking->self, taking->holder, err);
    if (result != 0) {
        return result < 0 ? result : 0;
    }
    result = evidence_statement(store, SQL_LEASE_PUT, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, &taking->lease.key);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)taking->lease.token);
    bind_text(statement, 3, taking->owner);
    bind_text(statement, 4, taking->self.host);
    bind_text(statement, 5, taking->self.boot);
    bind_text(statement, 6, taking->self.space);
    (void)sqlite3_bind_int64(statement, 7, taking->self.pid);
    (void)sqlite3_bind_int64(statement, 8, taking->self.start);
    (void)sqlite3_bind_int64(statement, 9, clock_wall_ms() + taking->ttl_ms);
    result = evidence_step(store, statement, NULL, err);
    taking->taken = result == 0;
    return result;
}

// NOLINTNEXTLINE(readability-function-size): what is wanted (key, owner, time) and what is told
int evidence_lease_take(struct evidence_store *store,
                        const struct hash *key,
                        const char *owner,
                        int64_t ttl_ms,
                        struct evidence_lease *ret_lease,
                        char holder[EVIDENCE_OWNER_MAX],
                        struct err *err)
{
    char buffer[EVIDENCE_OWNER_MAX] = "";
    struct taking taking = {
        .lease = {.key = *key}, .owner = owner, .ttl_ms = ttl_ms, .holder = buffer};
    if (getrandom(&taking.lease.token, sizeof taking.lease.token, 0)
        != (ssize_t)sizeof taking.lease.token) {
        return err_errno(err, "no random number for a lease");
    }
    taking.lease.token &= INT64_MAX;
    find_identity(&taking.self);
    int result = evidence_write(store, take_body, &taking, err);
    if (result != 0) {
        return result;
    }
    if (taking.taken) {
        *ret_lease = taking.lease;
    } else if (holder != NULL) {
        memcpy(holder, buffer, sizeof buffer);
    }
    return taking.taken ? 1 : 0;
}

int evidence_lease_look(struct evidence_store *store,
                        const struct hash *key,
                        char holder[EVIDENCE_OWNER_MAX],
                        struct err *err)
{
    return look(store, key, NULL, holder, err);
}

struct renewing {
    const struct evidence_lease *lease;
    int64_t ttl_ms;
    bool held;
};

static int renew_body(struct evidence_store *store, void *context, struct err *err)
{
    struct renewing *renewing = context;
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 found = 0;
    int result = evidence_statement(store, SQL_LEASE_RENEW, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, &renewing->lease->key);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)renewing->lease->token);
    (void)sqlite3_bind_int64(statement, 3, clock_wall_ms() + renewing->ttl_ms);
    result = evidence_step(store, statement, &found, err);
    renewing->held = found == 1;
    return result;
}

int evidence_lease_renew(struct evidence_store *store,
                         const struct evidence_lease *lease,
                         int64_t ttl_ms,
                         struct err *err)
{
    struct renewing renewing = {lease, ttl_ms, false};
    int result = evidence_write(store, renew_body, &renewing, err);
    return result < 0 ? result : renewing.held ? 1 : 0;
}

static int drop_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct evidence_lease *lease = context;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_LEASE_DROP, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, &lease->key);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)lease->token);
    return evidence_step(store, statement, NULL, err);
}

int evidence_lease_drop(struct evidence_store *store,
                        const struct evidence_lease *lease,
                        struct err *err)
{
    struct evidence_lease copy = *lease;
    return evidence_write(store, drop_body, &copy, err);
}

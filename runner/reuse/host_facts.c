/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of the machine. What changes by itself from one second to the next (load, free memory,
 * counters) is no input a test can depend on and pass twice: the answer to it is a constant, that
 * is, it is not observed. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "reuse/host.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A file of /proc; the largest stable one (kallsyms) has 15 MB. */
#define FACT_BYTES_MAX (32u << 20)

/* Files of /proc, and folders when they end in '/', whose content is not observed: it changes by
 * itself, or belongs to the unit's own namespaces. */
static const char *const volatile_files[] = {
    "buddyinfo",
    "consoles",
    "diskstats",
    "interrupts",
    "key-users",
    "keys",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "loadavg",
    "locks",
    "meminfo",
    "net/",
    "pagetypeinfo",
    "pressure/",
    "sched_debug",
    "schedstat",
    "slabinfo",
    "softirqs",
    "stat",
    "sys/fs/",
    "sys/kernel/hostname",
    "sys/kernel/ns_last_pid",
    "sys/kernel/pid_max",
    "sys/kernel/random/",
    "sys/net/",
    "sysvipc/",
    "timer_list",
    "uptime",
    "vmallocinfo",
    "vmstat",
    "zoneinfo",
    "kmsg",
    "kcore",
    "mounts",
    "self/",
    "thread-self/",
};

static bool is_volatile(const char *name)
{
    for (size_t i = 0; i < sizeof volatile_files / sizeof volatile_files[0]; i++) {
        const char *entry = volatile_files[i];
        size_t len = strlen(entry);
        bool folder = entry[len - 1] == '/';
        if (folder ? strncmp(name, entry, len) == 0 || strncmp(name, entry, len - 1) == 0
                   : strcmp(name, entry) == 0) {
            return true;
        }
    }
    return false;
}

static void add_uname(struct hasher *hasher)
{
    struct utsname name;
    if (uname(&name) == 0) {
        hasher_add_text(hasher, name.release);
        hasher_add_text(hasher, name.version);
        hasher_add_text(hasher, name.machine);
    }
}

static void add_ncpu(struct hasher *hasher)
{
    cpu_set_t set;
    long counts[3] = {0, sysconf(_SC_NPROCESSORS_CONF), sysconf(_SC_NPROCESSORS_ONLN)};
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        counts[0] = CPU_COUNT(&set);
    }
    hasher_add(hasher, counts, sizeof counts);
}

/* Lines of /proc/cpuinfo that say what a processor is; its frequency is another each time. */
static bool describes_cpu(const char *line)
{
    static const char *const keys[] = {"vendor_id",
                                       "cpu family",
                                       "model",
                                       "stepping",
                                       "flags",
                                       "Features",
                                       "CPU ",
                                       "processor",
                                       "microcode",
                                       "cache",
                                       "physical id",
                                       "siblings",
                                       "core id",
                                       "cpu cores",
                                       "bugs",
                                       "address sizes"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (text_starts_with(line, keys[i])) {
            return true;
        }
    }
    return false;
}

static void add_cpuinfo(struct hasher *hasher)
{
    CLEANUP(str_fini) struct str text = STR_INIT(FACT_BYTES_MAX);
    if (file_read("/proc/cpuinfo", &text, NULL) != 0) {
        return;
    }
    for (const char *at = str_text(&text); *at != '\0';) {
        size_t len = strcspn(at, "\n");
        len += at[len] == '\n' ? 1 : 0;
        if (describes_cpu(at)) {
            hasher_add(hasher, at, len);
        }
        at += len;
    }
}

static void add_memory(struct hasher *hasher)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    hasher_add(hasher, &pages, sizeof pages);
}

static void add_file(struct hasher *hasher, const char *name)
{
    CLEANUP(str_fini) struct str text = STR_INIT(FACT_BYTES_MAX);
    char path[PATH_TEXT_MAX];
    int n = snprintf(path, sizeof path, "/proc/%s", name);
    if (n < 0 || (size_t)n >= sizeof path || is_volatile(name)) {
        hasher_add_text(hasher, "not observed");
    } else if (file_read(path, &text, NULL) == 0) {
        hasher_add(hasher, str_text(&text), text.len);
    } else {
        hasher_add_text(hasher, "not there");
    }
}

static const struct {
    const char *name;
    void (*add)(struct hasher *hasher);
} facts[] = {
    {"uname",   add_uname  },
    {"ncpu",    add_ncpu   },
    {"cpuinfo", add_cpuinfo},
    {"memory",  add_memory },
};

static int find_fact(struct host *host,
                     const char *name,
                     struct answer *ret_answer,
                     struct err *err)
{
    static const char proc[] = "proc:";
    bool known = text_starts_with(name, proc) != 0;
    if (known) {
        add_file(host->hasher, name + sizeof proc - 1);
    }
    for (size_t i = 0; !known && i < sizeof facts / sizeof facts[0]; i++) {
        if (strcmp(name, facts[i].name) == 0) {
            facts[i].add(host->hasher);
            known = true;
        }
    }
    struct hash digest = hasher_end(host->hasher);
    if (!known) {
        return err_set(err, -EINVAL, "'%s' is no fact of the machine that can be asked for", name);
    }
    answer_set(ret_answer, ANSWER_FACT, digest.bytes, HASH_SIZE);
    return 0;
}

int host_fact(struct host *host, const char *name, struct answer *ret_answer, struct err *err)
{
    uintptr_t known = 0;
    struct answer answer = {0};
    if (map_get(&host->facts, name, &known) == 1) {
        *ret_answer = ((const struct host_kept *)known)->fact;
        return 0;
    }
    int rc = find_fact(host, name, &answer, err);
    if (rc != 0) {
        return rc;
    }
    struct host_kept *kept = mem_calloc(1, sizeof *kept);
    if (kept != NULL) {
        kept->fact = answer;
    }
    if (kept == NULL || host_keep(host, &host->facts, name, kept) != 0) {
        return err_set(err, -ENOMEM, "not enough memory to look at the machine");
    }
    *ret_answer = answer;
    return 0;
}

int host_fact_recheck(struct host *host, const char *name, struct err *err)
{
    uintptr_t known = 0;
    struct answer now = {0};
    const bool asked = map_get(&host->facts, name, &known) == 1;
    const int rc = asked ? find_fact(host, name, &now, err) : host_fact(host, name, &now, err);
    if (rc != 0 || !asked) {
        return rc != 0 ? rc : 1;
    }
    const struct answer *then = &((const struct host_kept *)known)->fact;
    return then->len == now.len && memcmp(then->bytes, now.bytes, now.len) == 0;
}

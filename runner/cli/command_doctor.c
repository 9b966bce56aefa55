/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do. Each check is one row of a table, tried for real. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/project.h"
#include "cli/say.h"
#include "exec/local.h"
#include "model/event.h"
#include "proc/run.h"
#include "store/store.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The whole answer has about 3 KiB. */
#define DOCTOR_MAX (256u << 10)
/* git answers in milliseconds. */
#define GIT_TIMEOUT_MS 10000
/* Snapshots, captures and overlays of a middling project. */
#define DISK_WANTED_MIB 1024u

#define DETAIL_MAX 1024

enum health {
    HEALTH_YES,
    HEALTH_NO,   /* stands in the way of isolation */
    HEALTH_WARN, /* works, but worth knowing */
};

static const char *const health_words[] = {"yes", "no", "warn"};

struct finding_row {
    enum health health;
    char detail[DETAIL_MAX]; /* what was found */
    const char *fix;         /* what to do; NULL = nothing */
};

/* What the checks look at. */
struct patient {
    char root[PATH_TEXT_MAX];
    struct exec_probe probe;
};

static void note(struct finding_row *row, enum health health, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct finding_row *row, enum health health, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands right above
    (void)vsnprintf(row->detail, sizeof row->detail, format, args);
    va_end(args);
    row->health = health;
}

/* First line of a small file below /proc or /sys; false when it is not there. */
static bool read_word(const char *path, char *buf, size_t size)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    if (file_read(path, &text, NULL) != 0) {
        return false;
    }
    (void)snprintf(buf, size, "%.*s", (int)strcspn(str_text(&text), "\n"), str_text(&text));
    return true;
}

/* "6.1.0-18" is 6, 1; false when there are no two numbers. */
static bool read_version(const char *text, unsigned long *ret_major, unsigned long *ret_minor)
{
    char *end = NULL;
    const unsigned long major = strtoul(text, &end, 10);
    if (end == text || *end != '.') {
        return false;
    }
    const char *rest = end + 1;
    const unsigned long minor = strtoul(rest, &end, 10);
    if (end == rest) {
        return false;
    }
    *ret_major = major;
    *ret_minor = minor;
    return true;
}

static void check_kernel(const struct patient *patient, struct finding_row *row)
{
    struct utsname name;
    unsigned long major = 0;
    unsigned long minor = 0;
    (void)patient;
    if (uname(&name) != 0 || !read_version(name.release, &major, &minor)) {
        note(row, HEALTH_WARN, "its version cannot be read");
        return;
    }
    const bool new_enough = major > 5 || (major == 5 && minor >= 11);
    note(row,
         new_enough ? HEALTH_YES : HEALTH_NO,
         "%s %s (%s)",
         name.sysname,
         name.release,
         name.machine);
    row->fix =
        new_enough ? NULL : "use Linux 5.11 or newer: overlays in user namespaces begin there";
}

#define GIT_FIX "install git 2.38 or newer"

static void check_git(const struct patient *patient, struct finding_row *row)
{
    static const char *const argv[] = {"git", "--version", NULL};
    static const char prefix[] = "git version ";
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct run_request request = {.argv = argv, .timeout_ms = GIT_TIMEOUT_MS};
    struct run_result result = {0};
    unsigned long major = 0;
    unsigned long minor = 0;
    (void)patient;
    const int rc = run_program(&request, &out, NULL, &result, NULL);
    if (rc != 0 || !text_starts_with(str_text(&out), prefix)
        || !read_version(str_text(&out) + sizeof prefix - 1, &major, &minor)) {
        note(row, HEALTH_NO, "not found");
        row->fix = GIT_FIX;
        return;
    }
    const bool new_enough = major > 2 || (major == 2 && minor >= 38);
    note(row, new_enough ? HEALTH_YES : HEALTH_NO, "%lu.%lu", major, minor);
    row->fix = new_enough ? NULL : GIT_FIX;
}

/* Why user namespaces may be refused, most specific first. */
static const struct {
    const char *path;
    const char *bad; /* value that refuses */
    const char *fix;
} userns_switches[] = {
    {"/proc/sys/user/max_user_namespaces",                     "0", "sysctl -w user.max_user_namespaces=15000"    },
    {"/proc/sys/kernel/unprivileged_userns_clone",
     "0",                                                           "sysctl -w kernel.unprivileged_userns_clone=1"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
     "1",                                                           "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for sluice "
     "with the rule `userns,`"                                                                           },
};

static void check_user_namespaces(const struct patient *patient, struct finding_row *row)
{
    if (patient->probe.user_namespaces) {
        note(row, HEALTH_YES, "can be made");
        return;
    }
    note(row, HEALTH_NO, "refused");
    row->fix = "in a container: start it with --security-opt seccomp=unconfined --security-opt "
               "apparmor=unconfined, or --privileged";
    for (size_t i = 0; i < sizeof userns_switches / sizeof userns_switches[0]; i++) {
        char value[32];
        if (read_word(userns_switches[i].path, value, sizeof value)
            && strcmp(value, userns_switches[i].bad) == 0) {
            note(row, HEALTH_NO, "refused: %s is %s", userns_switches[i].path, value);
            row->fix = userns_switches[i].fix;
            return;
        }
    }
}

static void note_probe(struct finding_row *row, bool works, const char *fix)
{
    note(row, works ? HEALTH_YES : HEALTH_NO, "%s", works ? "works" : "refused");
    row->fix = works ? NULL : fix;
}

#define CONTAINER_FIX \
    "in a container: allow mounts (--privileged, or --cap-add SYS_ADMIN with apparmor=unconfined)"

static void check_mount_namespaces(const struct patient *patient, struct finding_row *row)
{
    note_probe(row, patient->probe.mount_namespaces, CONTAINER_FIX);
}

static void check_pid_namespaces(const struct patient *patient, struct finding_row *row)
{
    note_probe(row, patient->probe.pid_namespaces, CONTAINER_FIX);
}

static void check_net_namespaces(const struct patient *patient, struct finding_row *row)
{
    note_probe(row, patient->probe.net_namespaces, "sysctl -w user.max_net_namespaces=15000");
}

static void check_overlay(const struct patient *patient, struct finding_row *row)
{
    note_probe(row,
               patient->probe.overlay,
               "modprobe overlay; overlays in user namespaces need Linux 5.11 or newer");
}

static void check_tmpfs(const struct patient *patient, struct finding_row *row)
{
    note_probe(row,
               patient->probe.tmpfs_xattr,
               "use a kernel with CONFIG_TMPFS_XATTR and Linux 6.6 or newer (user attributes)");
}

static void check_isolation(const struct patient *patient, struct finding_row *row)
{
    if (patient->probe.isolated) {
        note(row, HEALTH_YES, "units run in a world of their own");
    } else {
        note(row, HEALTH_NO, "units run in place: %s", patient->probe.reason);
    }
}

static void check_listener(const struct patient *patient, struct finding_row *row)
{
    if (patient->probe.observed) {
        note(row, HEALTH_YES, "what units ask is seen, so passes can be reused");
    } else {
        note(row, HEALTH_WARN, "no unit can be reused: %s", patient->probe.observed_reason);
    }
}

static void check_cgroups(const struct patient *patient, struct finding_row *row)
{
    struct statfs fs = {0};
    (void)patient;
    if (statfs("/sys/fs/cgroup", &fs) != 0) {
        note(row, HEALTH_WARN, "not mounted; units are bounded by resource limits only");
    } else if (fs.f_type == CGROUP2_SUPER_MAGIC) {
        note(row, HEALTH_YES, "version 2");
    } else {
        note(row, HEALTH_WARN, "version 1 or mixed; units are bounded by resource limits only");
    }
}

/* Root's share of processes is limited by the unit's own pid namespace only (kernel.pid_max belongs
 * to it since Linux 6.14); RLIMIT_NPROC does not bind root. */
static void check_processes(const struct patient *patient, struct finding_row *row)
{
    struct utsname name;
    unsigned long major = 0;
    unsigned long minor = 0;
    (void)patient;
    const bool known = uname(&name) == 0 && read_version(name.release, &major, &minor);
    if (geteuid() != 0) {
        note(row, HEALTH_YES, "limited for each unit");
    } else if (known && (major > 6 || (major == 6 && minor >= 14))) {
        note(row, HEALTH_YES, "limited for each unit, root's too");
    } else {
        note(row, HEALTH_WARN, "a unit of root may start as many as the machine holds");
        row->fix = "run sluice as another user than root, or on Linux 6.14 or newer";
    }
}

static void check_disk(const struct patient *patient, struct finding_row *row)
{
    struct statvfs fs = {0};
    if (statvfs(patient->root, &fs) != 0) {
        note(row, HEALTH_WARN, "the space left in %s cannot be read", patient->root);
        return;
    }
    const unsigned long long mib =
        (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_frsize >> 20;
    note(row,
         mib >= DISK_WANTED_MIB ? HEALTH_YES : HEALTH_WARN,
         "%llu MiB free in %s",
         mib,
         patient->root);
    row->fix = mib >= DISK_WANTED_MIB ? NULL : "make room; old runs lie in .sluice/runs";
}

static void check_store(const struct patient *patient, struct finding_row *row)
{
    char path[PATH_TEXT_MAX];
    struct err err = {0};
    struct store *store = NULL;
    if (snprintf(path, sizeof path, "%s/" STATE_FOLDER "/store.db", patient->root)
            >= (int)sizeof path
        || !file_exists(path)) {
        note(row, HEALTH_YES, "none yet; the first run makes it");
        return;
    }
    if (store_open(path, &store, &err) != 0) {
        note(row, HEALTH_WARN, "%s", err.text);
        return;
    }
    store_close(store);
    note(row, HEALTH_YES, "%s", path);
}

static void check_plugins(const struct patient *patient, struct finding_row *row)
{
    char folder[PATH_TEXT_MAX];
    struct err err = {0};
    struct text_list names = {0};
    struct arena *arena = arena_new(PROJECT_ARENA_MAX);
    (void)patient;
    row->fix = "install sluice completely, or set SLUICE_PLUGIN_DIR";
    if (arena == NULL || project_plugin_dir(folder, sizeof folder, &err) != 0
        || plugin_list_builtin(folder, arena, &names, &err) != 0 || names.count == 0) {
        note(row, HEALTH_WARN, "%s", err.code != 0 ? err.text : "none found");
    } else {
        CLEANUP(str_fini) struct str list = STR_INIT(DETAIL_MAX);
        for (size_t i = 0; i < names.count; i++) {
            (void)str_appendf(&list, "%s%s", i > 0 ? ", " : "", names.items[i]);
        }
        note(row, HEALTH_YES, "%s in %.512s", str_text(&list), folder);
        row->fix = NULL;
    }
    arena_free(arena);
}

static const struct {
    const char *name;
    void (*check)(const struct patient *patient, struct finding_row *row);
} checks[] = {
    {"kernel",                      check_kernel          },
    {"git",                         check_git             },
    {"user namespaces",             check_user_namespaces },
    {"mount namespaces",            check_mount_namespaces},
    {"pid namespaces",              check_pid_namespaces  },
    {"network namespaces",          check_net_namespaces  },
    {"overlay in a user namespace", check_overlay         },
    {"attributes on tmpfs",         check_tmpfs           },
    {"isolation",                   check_isolation       },
    {"system call listener",        check_listener        },
    {"cgroups",                     check_cgroups         },
    {"processes",                   check_processes       },
    {"disk space",                  check_disk            },
    {"history",                     check_store           },
    {"plugins",                     check_plugins         },
};

static void write_json(struct str *out, const char *name, const struct finding_row *row)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "check", name);
    jw_put_string(&w, "result", health_words[row->health]);
    jw_put_string(&w, "detail", row->detail);
    jw_put_string(&w, "fix", row->fix);
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}

static void write_text(struct str *out, const char *name, const struct finding_row *row)
{
    (void)str_appendf(out, "%-4s  %-28s %s\n", health_words[row->health], name, row->detail);
    if (row->fix != NULL) {
        (void)str_appendf(out, "      %-28s -> %s\n", "", row->fix);
    }
}

int command_doctor(const struct invocation *invocation)
{
    CLEANUP(str_fini) struct str out = STR_INIT(DOCTOR_MAX);
    struct patient patient = {0};
    struct err err = {0};
    if (project_find_root(".", patient.root, sizeof patient.root, &err) != 0) {
        say_error(&err);
        return EXIT_INFRASTRUCTURE;
    }
    exec_probe(&patient.probe);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct finding_row row = {0};
        checks[i].check(&patient, &row);
        (invocation->json ? write_json : write_text)(&out, checks[i].name, &row);
    }
    const int written = say_answer(&out);
    if (written != EXIT_OPEN) {
        return written;
    }
    return patient.probe.isolated ? EXIT_OPEN : EXIT_INFRASTRUCTURE;
}

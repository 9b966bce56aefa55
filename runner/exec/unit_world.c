/* SPDX-License-Identifier: Apache-2.0 */
/* The world of one unit, made in a copy of the template's mount namespace. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/kernel.h"
#include "base/limits.h"
#include "exec/namespace.h"
#include "exec/protect.h"
#include "exec/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

/* mount(2) takes one page of options. */
#define OVERLAY_OPTIONS_MAX 4095

static int bind_private(
    const char *scratch, const char *name, const char *target, mode_t mode, struct err *err)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
    if (mkdir(path, mode) < 0 || chmod(path, mode) < 0) {
        return err_errno(err, "cannot make a private %s", target);
    }
    if (mount(path, target, NULL, MS_BIND, NULL) < 0) {
        return err_errno(err, "cannot mount a private %s", target);
    }
    return 0;
}

static int mount_private(const char *scratch, struct err *err)
{
    for (size_t i = 0; i < STAGE_FOLDERS; i++) {
        int rc = bind_private(
            scratch, stage_folders[i].name, stage_folders[i].target, stage_folders[i].mode, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* Appends "/.stage/products/...:" for each of the unit's own layers of products. Their names are
 * made by folder_name() in sched/unit.c: no byte that overlayfs would take for a separator. */
static int put_products(const struct text_list *products, struct str *options, struct err *err)
{
    for (size_t i = 0; products != NULL && i < products->count; i++) {
        const char *path = products->items[i];
        if (!path_is_inside(path) || strncmp(path, EXEC_PRODUCTS "/", sizeof EXEC_PRODUCTS) != 0
            || strpbrk(path, ":,\\") != NULL) {
            return err_set(err, -EINVAL, "%s is no folder of products", path);
        }
        (void)str_appendf(options, STAGE "/%s:", path);
    }
    return 0;
}

static int mount_overlay(const struct world *world,
                         const struct text_list *products,
                         const char *place,
                         int *ret_upper,
                         struct err *err)
{
    char upper[128];
    char work[128];
    CLEANUP(str_fini) struct str options = STR_INIT(OVERLAY_OPTIONS_MAX);
    (void)snprintf(upper, sizeof upper, "%s/upper", place);
    (void)snprintf(work, sizeof work, "%s/work", place);
    if (mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0) {
        return err_errno(err, "cannot make the unit's scratch");
    }
    int fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot open the unit's scratch");
    }
    (void)str_append(&options, "lowerdir=");
    int rc = put_products(products, &options, err);
    (void)str_appendf(&options,
                      "%s" STAGE "/lower,upperdir=%s,workdir=%s,userxattr",
                      world->products != NULL ? STAGE "/needed:" : "",
                      upper,
                      work);
    if (rc == 0 && str_error(&options) != 0) {
        rc = err_set(err, -ENAMETOOLONG, "the unit's layers of products have too long names");
    }
    if (rc == 0 && mount("overlay", WORLD_ROOT, "overlay", 0, str_text(&options)) < 0) {
        rc = err_errno(err, "cannot mount an overlay");
    }
    if (rc < 0) {
        (void)close(fd);
        return rc;
    }
    *ret_upper = fd;
    return 0;
}

/* A link of the tree on the way to an exposed path would put the mount point somewhere else, even
 * outside the world. */
static int refuse_links(const char *target, struct err *err)
{
    char path[PATH_TEXT_MAX];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s", target);
    for (char *slash = path + sizeof WORLD_ROOT - 1; slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
            return err_set(err,
                           -ELOOP,
                           "expose: %s is a symbolic link in the tree; expose what it points to",
                           path + sizeof WORLD_ROOT);
        }
        if (slash != NULL) {
            *slash = '/';
        }
    }
    return 0;
}

/* The mount point of an exposed path, in the overlay: parents and a folder or an empty file. */
static int make_mount_point(const char *staged, const char *target, struct err *err)
{
    struct stat st;
    if (stat(staged, &st) < 0) {
        return err_errno(err, "%s", target);
    }
    if (S_ISDIR(st.st_mode)) {
        return dir_make(target, 0755, err);
    }
    int rc = stage_make_parent(target, err);
    CLEANUP(cleanup_fd) int fd = rc == 0 ? open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
    return rc < 0 || fd >= 0 ? rc : err_errno(err, "cannot make %s", target);
}

static int mount_exposed(const struct world *world, struct err *err)
{
    for (size_t i = 0; i < world->expose.count; i++) {
        char staged[64];
        char target[PATH_TEXT_MAX];
        const char *path = world->expose.items[i];
        const bool relative = path[0] != '/';
        (void)snprintf(staged, sizeof staged, STAGE "/expose/%zu", i);
        int n = snprintf(target, sizeof target, "%s%s", relative ? WORLD_ROOT "/" : "", path);
        if (!stage_is_of_unit(path) || n < 0 || (size_t)n >= sizeof target
            || !file_exists(staged)) {
            continue;
        }
        int rc = relative ? refuse_links(target, err) : 0;
        rc = rc == 0 ? make_mount_point(staged, target, err) : rc;
        if (rc < 0) {
            return rc;
        }
        if (mount(staged, target, NULL, MS_BIND | MS_REC, NULL) < 0) {
            return err_errno(err, "cannot expose %s", path);
        }
    }
    return 0;
}

static int mount_scratch(const struct world *world, int *ret_scratch, struct err *err)
{
    char options[64];
    uint64_t size = world->scratch_max != 0 ? world->scratch_max : world_scratch_default();
    (void)snprintf(options, sizeof options, "mode=755,size=%llu", (unsigned long long)size);
    if (mount("tmpfs", STAGE "/unit", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) {
        return err_errno(err, "cannot mount the unit's scratch");
    }
    *ret_scratch = open(STAGE "/unit", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_scratch < 0 ? err_errno(err, "cannot open the unit's scratch") : 0;
}

/* kernel.pid_max belongs to the pid namespace since Linux 6.14. Before, it is the machine's, and
 * root would change that: then only RLIMIT_NPROC limits a unit, and root's not at all. */
static void limit_pids(void)
{
    char pids[16];
    if (!kernel_is_at_least(6, 14)) {
        return;
    }
    (void)snprintf(pids, sizeof pids, "%d", WORLD_PIDS_MAX);
    (void)stage_write("/proc/sys/kernel/pid_max", pids);
}

/* Nothing of the stage is reachable any more: covered, by an empty folder of the read-only root.
 * The unit has no capability here, and in namespaces of its own making all these mounts are locked
 * together. An unmount would do the same, and wait for an RCU grace period: a tenth of what a short
 * unit costs. */
static int hide_stage(struct err *err)
{
    return mount(NOTHING, STAGE, NULL, MS_BIND, NULL) < 0 ? err_errno(err, "cannot hide the stage")
                                                          : 0;
}

int unit_world_enter(const struct world *world,
                     const struct unit_share *share,
                     int *ret_upper,
                     int *ret_scratch,
                     enum namespace_step *ret_step,
                     struct err *err)
{
    char place[64] = STAGE "/unit";
    *ret_step = STEP_ROOT;
    int rc = mount_scratch(world, ret_scratch, err);
    rc = rc == 0 ? mount_private(place, err) : rc;
    if (rc < 0) {
        return rc;
    }
    *ret_step = STEP_OVERLAY;
    if (world_scratch_on_disk()) {
        (void)snprintf(place, sizeof place, STAGE "/disk/%u", share->serial);
        (void)mkdir(place, 0755);
    }
    rc = mount_overlay(world, share->products, place, ret_upper, err);
    rc = rc == 0 ? mount_exposed(world, err) : rc;
    if (rc < 0) {
        return rc;
    }
    *ret_step = STEP_PID;
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        return err_errno(err, "cannot mount /proc");
    }
    limit_pids();
    rc = protect_proc(err);
    rc = rc == 0 ? hide_stage(err) : rc;
    if (rc < 0) {
        return rc;
    }
    *ret_step = STEP_DONE;
    return 0;
}

void unit_world_clean(unsigned serial)
{
    char place[64];
    if (world_scratch_on_disk()) {
        (void)snprintf(place, sizeof place, STAGE "/disk/%u", serial);
        (void)tree_remove(AT_FDCWD, place, NULL);
    }
}

static bool has_queues(void)
{
    DIR *folder = opendir("/dev/mqueue");
    int names = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a slot process has one thread */
    while (folder != NULL && readdir(folder) != NULL) {
        names++;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return names > 2; /* "." and ".." */
}

bool namespace_is_dirty(void)
{
    struct shm_info shm;
    struct seminfo sem;
    struct msginfo msg;
    if (shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&shm) >= 0 && shm.used_ids > 0) {
        return true;
    }
    if (semctl(0, 0, SEM_INFO, &sem) >= 0 && sem.semusz > 0) {
        return true;
    }
    if (msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&msg) >= 0 && msg.msgpool > 0) {
        return true;
    }
    return has_queues();
}

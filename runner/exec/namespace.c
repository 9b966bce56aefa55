/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/namespace.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "exec/protect.h"
#include "exec/stage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Capabilities known to any kernel of today end far below; unknown ones answer EINVAL. */
#define CAPABILITIES_MAX 63

static bool scratch_on_disk;
static bool plain_tmpfs; /* pretended */

const char *namespace_step_help(enum namespace_step step)
{
    static const char *const help[] = {
        [STEP_USER] =
            "user namespaces are refused: set sysctl user.max_user_namespaces above 0, on Debian "
            "kernel.unprivileged_userns_clone=1, on Ubuntu 23.10+ "
            "kernel.apparmor_restrict_unprivileged_userns=0; in Docker add --security-opt "
            "seccomp=unconfined --security-opt apparmor=unconfined",
        [STEP_MOUNT] =
            "mount, ipc or uts namespaces are refused: in a container add --cap-add SYS_ADMIN or "
            "--security-opt seccomp=unconfined",
        [STEP_NET] = "network namespaces are refused: set sysctl user.max_net_namespaces above 0",
        [STEP_ROOT] =
            "a private root file system cannot be mounted: in a container add --security-opt "
            "seccomp=unconfined --security-opt apparmor=unconfined",
        [STEP_PID] =
            "pid namespaces or a fresh /proc are refused: in a container, /proc must not be masked "
            "(--security-opt systempaths=unconfined)",
        [STEP_OVERLAY] =
            "overlayfs in a user namespace is refused: needs Linux 5.11 or newer with the "
            "overlay module (modprobe overlay)",
        [STEP_DONE] = "",
    };
    return help[step];
}

uint64_t world_scratch_default(void)
{
    struct sysinfo info;
    uint64_t quarter = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit / 4 : 0;
    return quarter > WORLD_SCRATCH_MIN ? quarter : WORLD_SCRATCH_MIN;
}

/* ---- user namespace ---- */

/* Maps every id that is valid outside to itself; needs CAP_SETUID in the parent namespace. Run by a
 * helper that stays outside. */
static int map_all(pid_t pid, const char *which)
{
    char path[64];
    char own[64];
    CLEANUP(str_fini) struct str current = STR_INIT(65536);
    CLEANUP(str_fini) struct str identity = STR_INIT(65536);
    (void)snprintf(own, sizeof own, "/proc/self/%s", which);
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, which);
    int rc = file_read(own, &current, NULL);
    /* lines of three numbers: first id inside, first id outside, how many */
    const char *at = str_text(&current);
    while (rc == 0) {
        char *end = NULL;
        unsigned long inside = strtoul(at, &end, 10);
        if (end == at) {
            break;
        }
        (void)strtoul(end, &end, 10);
        unsigned long count = strtoul(end, &end, 10);
        rc = str_appendf(&identity, "%lu %lu %lu\n", inside, inside, count);
        at = end;
    }
    return rc == 0 ? stage_write(path, str_text(&identity)) : rc;
}

/* The helper's life: waits until its parent has unshared, maps its ids, answers by exit code. */
static _Noreturn void map_helper(pid_t target, int ready)
{
    char byte;
    ssize_t n = read(ready, &byte, 1);
    _exit(n == 1 && map_all(target, "uid_map") == 0 && map_all(target, "gid_map") == 0 ? 0 : 1);
}

static int map_single(uid_t uid, gid_t gid, struct err *err)
{
    char text[64];
    (void)stage_write("/proc/self/setgroups", "deny");
    (void)snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
    int rc = stage_write("/proc/self/uid_map", text);
    (void)snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
    rc = rc == 0 ? stage_write("/proc/self/gid_map", text) : rc;
    return rc == 0 ? 0 : err_set(err, rc, "cannot map ids: %s", strerrordesc_np(-rc));
}

static int enter_user_namespace(struct err *err)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0) {
        return err_errno(err, "pipe");
    }
    pid_t self = getpid();
    pid_t helper = uid == 0 ? fork() : -1;
    if (helper == 0) {
        (void)close(ready[1]);
        map_helper(self, ready[0]);
    }
    int rc = unshare(CLONE_NEWUSER) < 0 ? err_errno(err, "unshare(CLONE_NEWUSER)") : 0;
    if (rc == 0) {
        (void)!write(ready[1], "g", 1);
    }
    (void)close(ready[0]);
    (void)close(ready[1]);
    int status = 1;
    if (helper > 0) {
        (void)waitpid(helper, &status, 0);
    }
    return rc < 0 || status == 0 ? rc : map_single(uid, gid, err);
}

/* ---- the template ---- */

/* While the template is built our working folder is the new root: a path of the world is used
 * without its '/'. */
static const char *inside(const char *path)
{
    return path + 1;
}

static int make_folder(const char *path, struct err *err)
{
    return dir_make(inside(path), 0755, err);
}

static int make_file(const char *path, struct err *err)
{
    int fd = open(inside(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_errno(err, "cannot make %s in the world", path);
    }
    (void)close(fd);
    return 0;
}

/* Binds `source` of the machine at `path` of the world, with what is mounted below it. */
static int bind_at(const char *source, const char *path, bool read_only, struct err *err)
{
    struct stat st;
    if (stat(source, &st) < 0) {
        return err_errno(err, "%s", source);
    }
    int rc = 0;
    if (S_ISDIR(st.st_mode)) {
        rc = make_folder(path, err);
    } else {
        rc = strchr(inside(path), '/') != NULL ? stage_make_parent(inside(path), err) : 0;
        rc = rc == 0 ? make_file(path, err) : rc;
    }
    if (rc < 0) {
        return rc;
    }
    if (mount(source, inside(path), NULL, MS_BIND | MS_REC, NULL) < 0) {
        return err_errno(err, "cannot bind %s into the world", source);
    }
    if (read_only && mount_read_only(inside(path), true) < 0) {
        return err_errno(err, "cannot make %s read-only in the world", source);
    }
    return 0;
}

/* /bin is a folder or a link to usr/bin, as the machine has it; missing ones are left out. */
static int bind_system_path(const char *path, struct err *err)
{
    char target[PATH_TEXT_MAX];
    struct stat st;
    if (lstat(path, &st) < 0) {
        return 0;
    }
    if (!S_ISLNK(st.st_mode)) {
        return bind_at(path, path, true, err);
    }
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) {
        return err_errno(err, "%s", path);
    }
    target[n] = '\0';
    return symlink(target, inside(path)) < 0 ? err_errno(err, "cannot make %s in the world", path)
                                             : 0;
}

static int bind_system(struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && world_system_paths[i] != NULL; i++) {
        rc = bind_system_path(world_system_paths[i], err);
    }
    return rc;
}

bool world_covers_tree(const struct world *world)
{
    bool covers = false;
    for (size_t i = 0; !covers && world_system_paths[i] != NULL; i++) {
        covers = stage_is_below(world->root, world_system_paths[i]);
    }
    return covers;
}

/* A live tree that lies in a system folder (a runner in /opt) would be seen there, with the store
 * and all runs. */
static int hide_tree(const struct world *world, struct err *err)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_RDONLY;
    return world_covers_tree(world)
                   && mount("tmpfs", inside(world->root), "tmpfs", flags, "mode=755,size=4096") < 0
               ? err_errno(err, "cannot hide the tree %s from units", world->root)
               : 0;
}

static int mount_in(
    const char *type, const char *path, unsigned long flags, const char *options, struct err *err)
{
    int rc = make_folder(path, err);
    if (rc == 0 && mount(type, inside(path), type, flags, options) < 0) {
        return err_errno(err, "cannot mount %s at %s in the world", type, path);
    }
    return rc;
}

static int make_device_links(struct err *err)
{
    static const char *const links[][2] = {
        {"/proc/self/fd",   "/dev/fd"    },
        {"/proc/self/fd/0", "/dev/stdin" },
        {"/proc/self/fd/1", "/dev/stdout"},
        {"/proc/self/fd/2", "/dev/stderr"},
        {"pts/ptmx",        "/dev/ptmx"  },
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlink(links[i][0], inside(links[i][1])) < 0) {
            return err_errno(err, "cannot make %s in the world", links[i][1]);
        }
    }
    return 0;
}

static int make_devices(struct err *err)
{
    static const char *const nodes[] = {
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
        "/dev/tty",
    };
    int rc = make_folder("/dev/shm", err);
    for (size_t i = 0; rc == 0 && i < sizeof nodes / sizeof *nodes; i++) {
        /* Read-only is their mode and owner; writing goes to the device. */
        rc = bind_at(nodes[i], nodes[i], true, err);
    }
    rc = rc == 0 ? make_device_links(err) : rc;
    rc =
        rc == 0 ? mount_in(
            "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620", err)
                : rc;
    rc = rc == 0 ? mount_in("mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err)
                 : rc;
    return rc;
}

/* Where an exposed path is on the machine. False when it is absent: absent outside is absent
 * inside. */
static bool exposed_source(const struct world *world, const char *path, char *buf, size_t size)
{
    bool absolute = path[0] == '/';
    int n = snprintf(buf, size, "%s%s%s", absolute ? "" : world->root, absolute ? "" : "/", path);
    return n > 0 && (size_t)n < size && file_exists(buf);
}

static int expose_paths(const struct world *world, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < world->expose.count; i++) {
        const char *path = world->expose.items[i];
        char source[PATH_TEXT_MAX];
        char staged[64];
        (void)snprintf(staged, sizeof staged, STAGE "/expose/%zu", i);
        if (exposed_source(world, path, source, sizeof source)) {
            rc = bind_at(source, stage_is_of_unit(path) ? staged : path, true, err);
        }
    }
    return rc;
}

static int make_folders(struct err *err)
{
    static const char *const folders[] = {
        NOTHING,
        "/proc",
        "/tmp",
        "/var/tmp",
        "/run",
        WORLD_HOME,
        WORLD_ROOT,
        "/sys",
        "/mnt",
        "/srv",
        "/var/lib",
        "/var/cache",
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof folders / sizeof *folders; i++) {
        rc = make_folder(folders[i], err);
    }
    return rc;
}

/* Products of single units come and go while the world is used, so their common folder is bound. */
static int bind_unit_products(const char *run_dir, struct err *err)
{
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/" EXEC_PRODUCTS, run_dir);
    int rc = dir_make(path, 0755, err);
    return rc == 0 ? bind_at(path, STAGE "/" EXEC_PRODUCTS, true, err) : rc;
}

/* Units never see the machine's /proc, but it stays in their mount namespace, and a namespace that
 * a unit makes could take it as its right to a fresh, unprotected one. It cannot where something is
 * mounted upon it: there that mount is locked (mnt_already_visible() in Linux), here it is not. */
static int blind_proc(struct err *err)
{
    return mount(inside(NOTHING), inside(STAGE "/proc/sys"), NULL, MS_BIND, NULL) < 0
               ? err_errno(err, "cannot cover /proc/sys in the world")
               : 0;
}

static int make_stage(const struct world *world,
                      const char *run_dir,
                      const char *scratch_dir,
                      struct err *err)
{
    int rc = mount_in("tmpfs", STAGE, MS_NOSUID | MS_NODEV, "mode=755", err);
    rc = rc == 0 ? make_folder(STAGE "/unit", err) : rc;
    /* A fresh /proc is only granted where a whole one can be seen (mount_too_revealing() in Linux).
     */
    rc = rc == 0 ? bind_at("/proc", STAGE "/proc", false, err) : rc;
    rc = rc == 0 ? blind_proc(err) : rc;
    if (rc == 0) {
        rc = world->lower != NULL ? bind_at(world->lower, STAGE "/lower", true, err)
                                  : make_folder(STAGE "/lower", err);
    }
    rc = rc == 0 && world->products != NULL ? bind_at(world->products, STAGE "/needed", true, err)
                                            : rc;
    rc = rc == 0 ? bind_unit_products(run_dir, err) : rc;
    rc = rc == 0 && scratch_dir != NULL ? bind_at(scratch_dir, STAGE "/disk", false, err) : rc;
    rc = rc == 0 && world->plugin_dir != NULL ? bind_at(world->plugin_dir, WORLD_PLUGINS, true, err)
                                              : rc;
    return rc;
}

/* overlayfs with userxattr needs user.* xattrs on the upper's file system; tmpfs has them since
 * Linux 6.6. */
static bool has_user_xattr(const char *root)
{
    return !plain_tmpfs && setxattr(root, "user.sluice", "1", 1, 0) == 0;
}

static int pivot(struct err *err)
{
    /* The root itself is shared by all units of the slot: nobody may leave anything there. */
    if (mount_read_only(".", false) < 0 || syscall(SYS_pivot_root, ".", ".") < 0
        || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
        return err_errno(err, "pivot_root");
    }
    return 0;
}

static int enter_root(const struct world *world,
                      const char *run_dir,
                      const char *scratch_dir,
                      struct err *err)
{
    char root[PATH_TEXT_MAX];
    (void)snprintf(root, sizeof root, "%s/world", run_dir);
    int rc = dir_make(root, 0755, err);
    if (rc < 0) {
        return rc;
    }
    if (mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0 || chdir(root) < 0) {
        return err_errno(err, "cannot mount a tmpfs at %s", root);
    }
    scratch_on_disk = !has_user_xattr(".");
    rc = make_folders(err);
    rc = rc == 0 ? bind_system(err) : rc;
    rc = rc == 0 ? hide_tree(world, err) : rc;
    rc = rc == 0 ? protect_etc("etc", err) : rc;
    rc = rc == 0 ? make_devices(err) : rc;
    rc = rc == 0 ? make_stage(world, run_dir, scratch_on_disk ? scratch_dir : NULL, err) : rc;
    rc = rc == 0 ? expose_paths(world, err) : rc;
    return rc == 0 ? pivot(err) : rc;
}

static int bring_loopback_up(struct err *err)
{
    CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
        return err_errno(err, "cannot bring up the loopback interface");
    }
    return 0;
}

/* From here on exec gives no capabilities, even to uid 0: nothing to drop per unit. */
static void forbid_capabilities_at_exec(void)
{
    for (unsigned long cap = 0; cap <= CAPABILITIES_MAX; cap++) {
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    (void)prctl(PR_SET_SECUREBITS,
                SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE
                    | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
                0,
                0,
                0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int world_enter(const struct world *world,
                const char *run_dir,
                const char *scratch_dir,
                enum namespace_step *ret_step,
                struct err *err)
{
    *ret_step = STEP_USER;
    protect_note_root();
    int rc = enter_user_namespace(err);
    if (rc < 0) {
        return rc;
    }
    *ret_step = STEP_MOUNT;
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
        return err_errno(err, "unshare(mount, ipc, uts)");
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || sethostname("sluice", 6) < 0) {
        return err_errno(err, "cannot make mounts private");
    }
    *ret_step = STEP_NET;
    if (!world->network && unshare(CLONE_NEWNET) < 0) {
        return err_errno(err, "unshare(net)");
    }
    rc = world->network ? 0 : bring_loopback_up(err);
    if (rc < 0) {
        return rc;
    }
    *ret_step = STEP_ROOT;
    rc = enter_root(world, run_dir, scratch_dir, err);
    if (rc == 0) {
        forbid_capabilities_at_exec();
        *ret_step = STEP_DONE;
    }
    return rc;
}

/* ---- what it has ---- */

const char *const world_machine_proc = STAGE "/proc";

size_t world_layers(const struct world *world, const char **ret_paths)
{
    size_t count = 0;
    if (world->products != NULL) {
        ret_paths[count++] = STAGE "/needed";
    }
    ret_paths[count++] = STAGE "/lower";
    return count;
}

const char *world_layer_of_unit(const char *products, char *buf, size_t size)
{
    (void)snprintf(buf, size, STAGE "/%s", products);
    return buf;
}

void world_pretend_plain_tmpfs(void)
{
    plain_tmpfs = true;
}

bool world_scratch_on_disk(void)
{
    return scratch_on_disk;
}

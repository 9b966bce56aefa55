/* SPDX-License-Identifier: Apache-2.0 */
/* The world of a unit, made of namespaces (design section 5). Two steps: a slot process enters a
 * *template* once (user, mount, ipc, uts and net namespaces; a new root with the system read-only
 * in it); each unit then gets a copy of the mount namespace, a pid namespace, an overlay over the
 * snapshot and private folders (unit_world_enter() in unit_world.c, in the unit's
 * init).
 *
 *   /                tmpfs, read-only for the unit
 *   /usr /etc /opt /bin /sbin /lib*   the machine's, read-only
 *   /dev             null zero full random urandom tty, pts, mqueue; shm is private
 *   /src             overlay: the unit's products over the world's over the snapshot, upper on the
 *                    unit's scratch
 *   /sluice/plugins  built-in plugins, read-only
 *   /tmp /var/tmp /run /dev/shm /home/sluice   private, empty at the start
 *   exposed paths    read-only, also in private folders
 * A live tree that lies in one of the machine's folders is covered there.
 * Works as root and rootless: ids map to themselves in a user namespace; all capabilities go at
 * exec. */
#ifndef SLUICE_EXEC_NAMESPACE_H
#define SLUICE_EXEC_NAMESPACE_H

#include "base/err.h"
#include "exec/exec.h"

/* Bytes a unit may write when the world does not say: a quarter of the machine's memory, and never
 * under 256 MiB. Beyond: ENOSPC for the unit, and FLAG_SCRATCH_FULL. Memory is only used as far as
 * it is written. */
#define WORLD_SCRATCH_MIN (256ull << 20)
uint64_t world_scratch_default(void);

/* Processes a unit may have at once. A `make -j64` with its compilers stays under 500; a fork bomb
 * is stopped here. */
#define WORLD_PIDS_MAX 4096

/* Steps of entering, for messages and the probe. */
enum namespace_step {
    STEP_USER,    /* unshare a user namespace and map ids */
    STEP_MOUNT,   /* mount, ipc, uts namespaces */
    STEP_NET,     /* net namespace, loopback up */
    STEP_ROOT,    /* the new root, pivot_root */
    STEP_OVERLAY, /* overlay with userxattr */
    STEP_PID,     /* pid namespace with /proc */
    STEP_DONE,
};

/* What to do when a step is refused: sentences for people. */
const char *namespace_step_help(enum namespace_step step);

/* Enters the template. `scratch_dir` (absolute, in the run folder) serves for uppers where tmpfs
 * has no user xattrs. On failure the process is spoilt (partly in namespaces) and must exit;
 * *ret_step names what failed. Single-threaded callers only. */
int world_enter(const struct world *world,
                const char *run_dir,
                const char *scratch_dir,
                enum namespace_step *ret_step,
                struct err *err);

/* What one unit has for itself. */
struct unit_share {
    unsigned serial;
    const struct text_list *products; /* folders relative to the run folder, below EXEC_PRODUCTS,
                                         the first on top; NULL = none */
};

/* In a fresh child with new mount and pid namespaces: mounts what belongs to one unit. *ret_upper
 * is a descriptor of the overlay's upper folder (what the unit writes), *ret_scratch one of its
 * scratch tmpfs. */
int unit_world_enter(const struct world *world,
                     const struct unit_share *share,
                     int *ret_upper,
                     int *ret_scratch,
                     enum namespace_step *ret_step,
                     struct err *err);

/* The names a slot process has in its template for the pristine layers of a unit's tree: the
 * world's (the upper one first; returns how many, at most 2), and a folder of products of the
 * unit's own. */
#define WORLD_LAYER_MAX 512
size_t world_layers(const struct world *world, const char **ret_paths);
const char *world_layer_of_unit(const char *products, char *buf, size_t size);

/* True when the live tree lies in a folder of the system, and is covered there. */
bool world_covers_tree(const struct world *world);

/* Where the template has the machine's /proc. */
extern const char *const world_machine_proc;

/* True when uppers lie in scratch_dir, because this kernel's tmpfs has no user xattrs. Known after
 * world_enter(). */
bool world_scratch_on_disk(void);

/* For tests: worlds that are entered from now on act as on such a kernel. */
void world_pretend_plain_tmpfs(void);

/* Removes what a unit left in an on-disk scratch; nothing to do with tmpfs. */
void unit_world_clean(unsigned serial);

/* True when the ipc namespace holds objects a unit left behind. */
bool namespace_is_dirty(void);

#endif

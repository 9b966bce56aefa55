/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/calls.h"

#include "observe/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>

#ifndef SYS_fchmodat2
#    define SYS_fchmodat2 452
#endif

/* Calls newer than the headers of the reference platforms; the numbers are those of every
 * architecture. */
#define NUMBER_MEMFD_SECRET   447
#define NUMBER_SETXATTRAT     463
#define NUMBER_GETXATTRAT     464
#define NUMBER_LISTXATTRAT    465
#define NUMBER_REMOVEXATTRAT  466
#define NUMBER_OPEN_TREE_ATTR 467
#define NUMBER_FILE_GETATTR   468
#define NUMBER_FILE_SETATTR   469

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWUSER)

#define ROW(name, when, ask, dir, path, flags, asked, detail)         \
    {                                                                 \
        SYS_##name, #name, when, ask, dir, path, flags, asked, detail \
    }
#define PATH(name, ask, dir, path, flags, asked, detail) \
    ROW(name, WHEN_CALLED, ask, dir, path, flags, asked, detail)
#define FACT(name, index)    ROW(name, WHEN_CALLED, ask_fact, -1, -1, -1, 0, index)
#define ESCAPE(name)         ROW(name, WHEN_CALLED, ask_escape, -1, -1, -1, 0, 0)
#define REFUSED(name, error) ROW(name, WHEN_NEVER, NULL, -1, -1, -1, 0, error)
#define FOREIGN(name)        ROW(name, WHEN_CALLED, ask_foreign, -1, -1, -1, 0, ENOSYS)
#define EXTRA(number, name, ask, dir, path, flags, asked)          \
    {                                                              \
        number, name, WHEN_CALLED, ask, dir, path, flags, asked, 0 \
    }

/* clang-format off */
const struct call calls[] = {
    /* opening */
#ifdef SYS_open
    PATH(open,              ask_open,     -1, 0,  1, 0, 0),
    PATH(creat,             ask_open,     -1, 0, -1, 0, O_CREAT | O_WRONLY | O_TRUNC),
#endif
    PATH(openat,            ask_open,      0, 1,  2, 0, 0),
    PATH(openat2,           ask_openat2,   0, 1, -1, 0, 0),
    PATH(execve,            ask_exec,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(execveat,          ask_exec,      0, 1,  4, ASKED_CONTENT, 0),
    PATH(getdents64,        ask_listing,   0, -1, -1, ASKED_LISTING, 0),
#ifdef SYS_getdents
    PATH(getdents,          ask_listing,   0, -1, -1, ASKED_LISTING, 0),
#endif
    /* looking; detail: flags the call has by itself */
#ifdef SYS_stat
    PATH(stat,              ask_path,     -1, 0, -1, ASKED_TYPE, 0),
    PATH(lstat,             ask_path,     -1, 0, -1, ASKED_TYPE, AT_SYMLINK_NOFOLLOW),
    PATH(access,            ask_access,   -1, 0, -1, ASKED_TYPE, 1),
    PATH(readlink,          ask_link,     -1, 0, -1, ASKED_LINK, 0),
#endif
#ifdef SYS_newfstatat
    PATH(newfstatat,        ask_path,      0, 1,  3, ASKED_TYPE, 0),
#endif
    PATH(statx,             ask_path,      0, 1,  2, ASKED_TYPE, 0),
    PATH(faccessat,         ask_access,    0, 1, -1, ASKED_TYPE, 2),
    PATH(faccessat2,        ask_access,    0, 1,  3, ASKED_TYPE, 2),
    PATH(readlinkat,        ask_link,      0, 1, -1, ASKED_LINK, 0),
    PATH(statfs,            ask_path,     -1, 0, -1, ASKED_EXISTS, 0),
    PATH(inotify_add_watch, ask_path,     -1, 1, -1, ASKED_TYPE, 0),
    PATH(name_to_handle_at, ask_handle,    0, 1,  4, ASKED_EXISTS, 0),
    PATH(getxattr,          ask_path,     -1, 0, -1, ASKED_TYPE, 0),
    PATH(lgetxattr,         ask_path,     -1, 0, -1, ASKED_TYPE, AT_SYMLINK_NOFOLLOW),
    PATH(listxattr,         ask_path,     -1, 0, -1, ASKED_TYPE, 0),
    PATH(llistxattr,        ask_path,     -1, 0, -1, ASKED_TYPE, AT_SYMLINK_NOFOLLOW),
    EXTRA(NUMBER_GETXATTRAT,   "getxattrat",   ask_path, 0, 1, 2, ASKED_TYPE),
    EXTRA(NUMBER_LISTXATTRAT,  "listxattrat",  ask_path, 0, 1, 2, ASKED_TYPE),
    EXTRA(NUMBER_FILE_GETATTR, "file_getattr", ask_path, 0, 1, 4, ASKED_TYPE),
    PATH(chdir,             ask_path,     -1, 0, -1, ASKED_TYPE, 0),
    PATH(quotactl,          ask_path,     -1, 1, -1, ASKED_TYPE, 0),
    /* changing a file, not its name: what is not changed of it may become a product */
    PATH(truncate,          ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
#ifdef SYS_chmod
    PATH(chmod,             ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(chown,             ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(lchown,            ask_path,     -1, 0, -1, ASKED_CONTENT, AT_SYMLINK_NOFOLLOW),
    PATH(utime,             ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(utimes,            ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(futimesat,         ask_path,      0, 1, -1, ASKED_CONTENT, 0),
#endif
    PATH(fchmodat,          ask_path,      0, 1, -1, ASKED_CONTENT, 0),
    PATH(fchmodat2,         ask_path,      0, 1,  3, ASKED_CONTENT, 0),
    PATH(fchownat,          ask_path,      0, 1,  4, ASKED_CONTENT, 0),
    PATH(utimensat,         ask_path,      0, 1,  3, ASKED_CONTENT, 0),
    PATH(setxattr,          ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(lsetxattr,         ask_path,     -1, 0, -1, ASKED_CONTENT, AT_SYMLINK_NOFOLLOW),
    PATH(removexattr,       ask_path,     -1, 0, -1, ASKED_CONTENT, 0),
    PATH(lremovexattr,      ask_path,     -1, 0, -1, ASKED_CONTENT, AT_SYMLINK_NOFOLLOW),
    EXTRA(NUMBER_SETXATTRAT,    "setxattrat",    ask_path, 0, 1, 2, ASKED_CONTENT),
    EXTRA(NUMBER_REMOVEXATTRAT, "removexattrat", ask_path, 0, 1, 2, ASKED_CONTENT),
    EXTRA(NUMBER_FILE_SETATTR,  "file_setattr",  ask_path, 0, 1, 4, ASKED_CONTENT),
    /* changing names */
#ifdef SYS_mkdir
    PATH(mkdir,             ask_create,   -1, 0, -1, ASKED_EXISTS, 0),
    PATH(mknod,             ask_create,   -1, 0, -1, ASKED_EXISTS, 0),
    PATH(symlink,           ask_symlink,  -1, 1, -1, ASKED_EXISTS, 0),
    PATH(unlink,            ask_unlink,   -1, 0, -1, ASKED_TYPE, 0),
    PATH(rmdir,             ask_unlink,   -1, 0, -1, ASKED_LISTING, AT_REMOVEDIR),
    PATH(rename,            ask_rename,   -1, 0, -1, 0, 1),
    PATH(link,              ask_hardlink, -1, 0, -1, 0, 1),
#endif
    PATH(mkdirat,           ask_create,    0, 1, -1, ASKED_EXISTS, 0),
    PATH(mknodat,           ask_create,    0, 1, -1, ASKED_EXISTS, 0),
    PATH(symlinkat,         ask_symlink,   1, 2, -1, ASKED_EXISTS, 0),
    PATH(unlinkat,          ask_unlink,    0, 1,  2, ASKED_TYPE, 0),
#ifdef SYS_renameat
    PATH(renameat,          ask_rename,    0, 1, -1, 0, 2),
#endif
    PATH(renameat2,         ask_rename,    0, 1,  4, 0, 2),
    PATH(linkat,            ask_hardlink,  0, 1,  4, 0, 2),
    /* the host; detail: which fact */
    FACT(uname, FACT_UNAME),
    FACT(sched_getaffinity, FACT_NCPU),
    FACT(sched_setaffinity, FACT_NCPU), /* fails where there are no such processors */
    FACT(sysinfo, FACT_MEMORY),
    /* sockets */
    PATH(connect,           ask_connect,  -1, -1, -1, 0, 1),
    PATH(bind,              ask_bind,     -1, -1, -1, 0, 1),
    ROW(sendto,  WHEN_ADDRESSED, ask_connect, -1, -1, -1, 0, 4),
    ROW(sendmsg, WHEN_UNMARKED,  ask_sendmsg, -1, -1, -1, 0, 0),
    PATH(sendmmsg,          ask_sendmmsg, -1, -1, -1, 0, 0),
    ROW(socket,  WHEN_DOMAIN,    ask_socket,  -1, -1, -1, 0, 0),
    /* leaving the world */
    ROW(clone,   WHEN_FLAG,      ask_escape,  -1, -1, -1, 0, NAMESPACES),
    ROW(unshare, WHEN_FLAG,      ask_escape,  -1, -1, -1, 0, NAMESPACES),
    PATH(clone3,            ask_clone3,   -1, -1, -1, 0, NAMESPACES),
    ESCAPE(setns),
    ESCAPE(mount),
    ESCAPE(umount2),
    ESCAPE(move_mount),
    ESCAPE(open_tree),
    ESCAPE(fsopen),
    ESCAPE(fspick),
    ESCAPE(fsmount),
    ESCAPE(fsconfig),
    ESCAPE(mount_setattr),
    ESCAPE(chroot),
    ESCAPE(pivot_root),
    {NUMBER_OPEN_TREE_ATTR, "open_tree_attr", WHEN_CALLED, ask_escape, -1, -1, -1, 0, 0},
    /* refused: they reach files, or this observer, past the calls above */
    FOREIGN(io_uring_setup),
    FOREIGN(io_uring_enter),
    FOREIGN(io_uring_register),
    REFUSED(open_by_handle_at, EPERM),
    REFUSED(userfaultfd, EPERM),
    REFUSED(bpf, EPERM),
    REFUSED(perf_event_open, EPERM),
    REFUSED(fanotify_init, EPERM),
    /* a path kept there can be read by nobody but the kernel */
    {NUMBER_MEMFD_SECRET, "memfd_secret", WHEN_NEVER, NULL, -1, -1, -1, 0, ENOSYS},
#ifdef SYS_uselib
    REFUSED(uselib, ENOSYS),
#endif
};
/* clang-format on */

const size_t call_count = sizeof calls / sizeof *calls;

const struct call *call_find(long number)
{
    static const struct call *by_number[CALL_NUMBER_MAX + 1];
    if (by_number[SYS_openat] == NULL) {
        for (size_t i = 0; i < call_count; i++) {
            by_number[calls[i].number] = &calls[i];
        }
    }
    return number >= 0 && number <= CALL_NUMBER_MAX ? by_number[number] : NULL;
}

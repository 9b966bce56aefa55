/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/handover.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(HANDOVER_FDS_MAX * sizeof(int))];
};

int handover_send(int socket,
                  const struct handover *header,
                  const void *bytes,
                  const int *fds,
                  unsigned fd_count,
                  uint64_t secret)
{
    union control control;
    struct iovec parts[2] = {
        {(void *)(uintptr_t)header, sizeof *header},
        {(void *)(uintptr_t)bytes,  header->length},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = header->length > 0 ? 2 : 1};
    assert(fd_count <= HANDOVER_FDS_MAX);
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *item = CMSG_FIRSTHDR(&message);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(item), fds, fd_count * sizeof(int));
    }
    const size_t size = sizeof *header + header->length;
    /* sendmsg(2) takes three arguments; the sixth is read by our filter alone. */
    long n;
    do {
        n = syscall(SYS_sendmsg, socket, &message, MSG_NOSIGNAL, 0L, 0L, secret);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (size_t)n == size ? 0 : -EPIPE;
}

static void take_fds(struct msghdr *message, int ret_fds[HANDOVER_FDS_MAX])
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item != NULL;
         item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
            memcpy(ret_fds, CMSG_DATA(item), item->cmsg_len - CMSG_LEN(0));
        }
    }
}

int handover_receive(int socket, struct handover *ret_header, int ret_fds[HANDOVER_FDS_MAX])
{
    union control control;
    struct handover header;
    struct iovec part = {&header, sizeof header};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n;
    for (int i = 0; i < HANDOVER_FDS_MAX; i++) {
        ret_fds[i] = -1;
    }
    do {
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return n < 0 ? -errno : 0;
    }
    take_fds(&message, ret_fds);
    if (n != (ssize_t)sizeof header) {
        return -EBADMSG;
    }
    *ret_header = header;
    return 1;
}

int handover_read(int socket, void *bytes, uint32_t len)
{
    char *to = bytes;
    while (len > 0) {
        const ssize_t n = read(socket, to, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EPIPE;
        }
        to += n;
        len -= (uint32_t)n;
    }
    return 0;
}

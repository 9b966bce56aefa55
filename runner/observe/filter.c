/* SPDX-License-Identifier: Apache-2.0 */
/* The program is written here and not by libseccomp: libseccomp 2.5 copies its whole database for
 * each rule, 18 ms of CPU for one filter (2 to 3 % of a unit of a second), and knows neither ranges
 * of numbers nor "none of these". Ours takes microseconds.
 *
 *                              which architecture? -- foreign --> stop
 *                                      |
 *                        number beyond the table? -- x32 -------> stop
 *                                      |         \-- other -----> ENOSYS
 *                          number >= middle range?
 *                             /                \
 *                          ...                 ...       a tree over the ranges of numbers
 *                     leaf: allow, stop, refuse, or look at an argument */
#include "observe/filter.h"

#include "base/mem.h"
#include "observe/calls.h"

#include <assert.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#    define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "halves of arguments are looked for in the order of little endian machines"
#endif

#define WORD_NUMBER      offsetof(struct seccomp_data, nr)
#define WORD_ARCH        offsetof(struct seccomp_data, arch)
#define WORD_LOW(index)  (offsetof(struct seccomp_data, args) + (size_t)8 * (index))
#define WORD_HIGH(index) (WORD_LOW(index) + 4U)

#define STOP  SECCOMP_RET_USER_NOTIF
#define ALLOW SECCOMP_RET_ALLOW

/* Numbers next to each other that are treated alike; `call` where an argument decides. */
struct range {
    uint32_t first;
    uint32_t action;
    const struct call *call;
};

struct writing {
    struct sock_filter code[FILTER_SIZE_MAX];
    uint32_t length;
    uint64_t secret;
    bool network;
    uint32_t range_count;
    struct range ranges[CALL_NUMBER_MAX + 1];
};

/* ---- instructions ---- */

static void put(struct writing *writing, struct sock_filter instruction)
{
    assert(writing->length < FILTER_SIZE_MAX); /* the table is ours */
    writing->code[writing->length++] = instruction;
}

static void put_load(struct writing *writing, size_t offset)
{
    put(writing, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Compares what was loaded; jumps over so many instructions when it is so, and when it is not. */
static void put_if(struct writing *writing, uint16_t how, uint32_t value, uint8_t yes, uint8_t no)
{
    put(writing, (struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, value, yes, no));
}

static void put_return(struct writing *writing, uint32_t action)
{
    put(writing, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* ---- leaves ---- */

/* Stops when any of the bits is set in the first argument. */
static void put_flag_leaf(struct writing *writing, uint64_t bits)
{
    put_load(writing, WORD_LOW(0));
    put_if(writing, BPF_JSET, (uint32_t)bits, 2, 0);
    put_load(writing, WORD_HIGH(0));
    put_if(writing, BPF_JSET, (uint32_t)(bits >> 32), 0, 1);
    put_return(writing, STOP);
    put_return(writing, ALLOW);
}

/* Passes when an argument has one value, stops with any other. */
static void put_pass_leaf(struct writing *writing, unsigned argument, uint64_t value)
{
    put_load(writing, WORD_LOW(argument));
    put_if(writing, BPF_JEQ, (uint32_t)value, 0, 2);
    put_load(writing, WORD_HIGH(argument));
    put_if(writing, BPF_JEQ, (uint32_t)(value >> 32), 1, 0);
    put_return(writing, STOP);
    put_return(writing, ALLOW);
}

/* Domains of sockets that stay in the world pass, and those the kernel refuses; others, AF_VSOCK
 * above all, know no network namespace. The kernel looks at 32 bits. */
static void put_domain_leaf(struct writing *writing)
{
    static const uint32_t at_home[] = {AF_UNIX, AF_NETLINK, AF_INET, AF_INET6};
    const size_t count = writing->network ? 1 : sizeof at_home / sizeof *at_home;
    put_load(writing, WORD_LOW(0));
    for (size_t i = 0; i < count; i++) {
        put_if(writing, BPF_JEQ, at_home[i], 0, 1);
        put_return(writing, ALLOW);
    }
    put_if(writing, BPF_JGE, AF_MAX, 0, 1);
    put_return(writing, ALLOW);
    put_return(writing, STOP);
}

static void put_leaf(struct writing *writing, const struct range *range)
{
    if (range->call == NULL) {
        put_return(writing, range->action);
        return;
    }
    switch (range->call->when) {
    case WHEN_FLAG:
        put_flag_leaf(writing, range->call->detail);
        break;
    case WHEN_ADDRESSED:
        put_pass_leaf(writing, 4, 0);
        break;
    case WHEN_UNMARKED:
        put_pass_leaf(writing, 5, writing->secret);
        break;
    case WHEN_DOMAIN:
        put_domain_leaf(writing);
        break;
    case WHEN_CALLED:
    case WHEN_NEVER:
        assert(false); /* their ranges have an action */
        break;
    }
}

/* ---- the tree ---- */

static uint32_t refusal(uint64_t error)
{
    return SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA);
}

static struct range range_of(uint32_t number)
{
    const struct call *call = call_find((long)number);
    struct range range = {.first = number, .action = ALLOW};
    if (call != NULL && call->when == WHEN_CALLED) {
        range.action = STOP;
    } else if (call != NULL && call->when == WHEN_NEVER) {
        range.action = refusal(call->detail);
    } else {
        range.call = call;
    }
    return range;
}

static void find_ranges(struct writing *writing)
{
    for (uint32_t number = 0; number <= CALL_NUMBER_MAX; number++) {
        const struct range next = range_of(number);
        const struct range *last =
            writing->range_count > 0 ? &writing->ranges[writing->range_count - 1] : NULL;
        if (last == NULL || next.call != NULL || last->call != NULL
            || last->action != next.action) {
            writing->ranges[writing->range_count++] = next;
        }
    }
}

/* What is still to write: ranges, and the jump that leads there. */
struct branch {
    uint32_t low;
    uint32_t high;
    uint32_t jump;
};

/* Halves of 470 ranges at most are split nine times. */
#define BRANCHES_MAX 16

/* Each node goes on to its lower half and jumps to its upper one: distances of a comparison end at
 * 255 instructions, those of a jump do not. */
static void put_tree(struct writing *writing)
{
    struct branch branches[BRANCHES_MAX];
    size_t count = 0;
    struct branch now = {.high = writing->range_count - 1};
    for (;;) {
        while (now.low < now.high) {
            const uint32_t middle = now.low + (now.high - now.low + 1) / 2;
            put_if(writing, BPF_JGE, writing->ranges[middle].first, 0, 1);
            put(writing, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
            assert(count < BRANCHES_MAX);
            branches[count++] = (struct branch){middle, now.high, writing->length - 1};
            now.high = middle - 1;
        }
        put_leaf(writing, &writing->ranges[now.low]);
        if (count == 0) {
            return;
        }
        now = branches[--count];
        writing->code[now.jump].k = writing->length - now.jump - 1;
    }
}

static void put_program(struct writing *writing)
{
    put_load(writing, WORD_ARCH);
    put_if(writing, BPF_JEQ, FILTER_ARCH, 1, 0);
    put_return(writing, STOP);
    put_load(writing, WORD_NUMBER);
    put_if(writing, BPF_JGT, CALL_NUMBER_MAX, 0, 4);
    put_if(writing, BPF_JEQ, UINT32_MAX, 1, 0); /* no call at all */
    put_if(writing, BPF_JSET, FILTER_FOREIGN_BIT, 1, 0);
    put_return(writing, refusal(ENOSYS));
    put_return(writing, STOP);
    put_tree(writing);
}

int filter_build(bool network, struct filter *ret_filter, struct err *err)
{
    struct writing *writing = mem_calloc(1, sizeof *writing);
    if (writing == NULL) {
        return err_set(err, -ENOMEM, "out of memory for the filter");
    }
    writing->network = network;
    int rc =
        getrandom(&writing->secret, sizeof writing->secret, 0) == (ssize_t)sizeof writing->secret
            ? 0
            : err_errno(err, "getrandom");
    if (rc == 0) {
        find_ranges(writing);
        put_program(writing);
    }
    struct sock_filter *code = rc == 0 ? mem_calloc(writing->length, sizeof *code) : NULL;
    if (code != NULL) {
        memcpy(code, writing->code, writing->length * sizeof *code);
        *ret_filter = (struct filter){
            .code = code, .length = (unsigned short)writing->length, .secret = writing->secret};
    } else if (rc == 0) {
        rc = err_set(err, -ENOMEM, "out of memory for the filter");
    }
    mem_free(writing);
    return rc;
}

void filter_fini(struct filter *filter)
{
    mem_free(filter->code);
    *filter = (struct filter){0};
}

int filter_install(const struct filter *filter)
{
    const struct sock_fprog program = {filter->length, filter->code};
    /* Before Linux 5.16 a filter switches speculation off in its processes, which costs up to a
     * third of their speed; ours is no wall against them. */
    const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    long fd = syscall(SYS_seccomp,
                      SECCOMP_SET_MODE_FILTER,
                      flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                      &program);
    if (fd < 0 && errno == EINVAL) { /* before Linux 5.19 */
        fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    }
    return fd < 0 ? -errno : (int)fd;
}

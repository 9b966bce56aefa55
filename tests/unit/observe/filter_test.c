/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/filter.h"

#include "base/mem.h"
#include "observe/calls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "support/test.h"

/* ---- what the kernel does with a program (the instructions that ours consists of) ---- */

static bool holds(const struct sock_filter *at, uint32_t value)
{
    switch (BPF_OP(at->code)) {
    case BPF_JEQ:
        return value == at->k;
    case BPF_JGT:
        return value > at->k;
    case BPF_JGE:
        return value >= at->k;
    case BPF_JSET:
        return (value & at->k) != 0;
    default:
        fail_msg("no comparison: %x", at->code);
        return false;
    }
}

static uint32_t run(const struct filter *filter, const struct seccomp_data *data)
{
    uint32_t value = 0;
    for (size_t at = 0; at < filter->length; at++) {
        const struct sock_filter *now = &filter->code[at];
        if (now->code == (BPF_LD | BPF_W | BPF_ABS)) {
            assert_true(now->k % 4 == 0 && now->k <= sizeof *data - 4);
            memcpy(&value, (const char *)data + now->k, sizeof value);
        } else if (now->code == (BPF_RET | BPF_K)) {
            return now->k;
        } else if (now->code == (BPF_JMP | BPF_JA)) {
            at += now->k;
        } else {
            assert_int_equal(BPF_CLASS(now->code), BPF_JMP);
            at += holds(now, value) ? now->jt : now->jf;
        }
    }
    fail_msg("the program has no end");
    return 0;
}

static uint32_t decide(const struct filter *filter, long number, unsigned index, uint64_t argument)
{
    struct seccomp_data data = {.nr = (int)number, .arch = FILTER_ARCH};
    data.args[index] = argument;
    return run(filter, &data);
}

static void build(bool network, struct filter *ret)
{
    struct err err = {0};
    if (filter_build(network, ret, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_true(ret->length > 100 && ret->secret != 0);
}

/* ---- stories ---- */

TEST(calls_that_ask_stop_whatever_their_arguments_and_all_others_pass)
{
    static const uint64_t arguments[] = {0, 1, 0x1000, UINT32_MAX, UINT64_MAX};
    for (int network = 0; network < 2; network++) {
        struct filter filter = {0};
        build(network != 0, &filter);
        for (long number = 0; number <= CALL_NUMBER_MAX; number++) {
            const struct call *call = call_find(number);
            uint32_t expected = SECCOMP_RET_ALLOW;
            if (call != NULL && call->when != WHEN_CALLED && call->when != WHEN_NEVER) {
                continue;
            }
            if (call != NULL) {
                expected = call->when == WHEN_CALLED ? SECCOMP_RET_USER_NOTIF
                                                     : SECCOMP_RET_ERRNO | (uint32_t)call->detail;
            }
            for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
                for (unsigned index = 0; index < 6; index++) {
                    if (decide(&filter, number, index, arguments[i]) != expected) {
                        fail_msg("system call %ld is treated wrongly", number);
                    }
                }
            }
        }
        filter_fini(&filter);
        assert_null(filter.code);
    }
}

TEST(calls_behind_the_table_do_not_exist_and_foreign_ones_stop)
{
    struct filter filter = {0};
    build(false, &filter);
    for (long number = CALL_NUMBER_MAX + 1; number < 1100; number++) {
        assert_int_equal(decide(&filter, number, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
    }
    assert_int_equal(decide(&filter, INT32_MAX & ~(long)FILTER_FOREIGN_BIT, 0, 0),
                     SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(decide(&filter, -1, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
    if (FILTER_FOREIGN_BIT != 0) {
        for (long number = 0; number <= CALL_NUMBER_MAX; number++) {
            assert_int_equal(decide(&filter, number | (long)FILTER_FOREIGN_BIT, 0, 0),
                             SECCOMP_RET_USER_NOTIF);
        }
    }
    const struct seccomp_data i386 = {.nr = SYS_getpid, .arch = AUDIT_ARCH_I386};
    assert_int_equal(run(&filter, &i386), SECCOMP_RET_USER_NOTIF);
    filter_fini(&filter);
}

TEST(new_namespaces_stop_and_new_threads_do_not)
{
    static const long numbers[] = {SYS_clone, SYS_unshare};
    struct filter filter = {0};
    build(false, &filter);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            const uint64_t flag = UINT64_C(1) << bit;
            const bool stops = flag == CLONE_NEWNS || flag == CLONE_NEWUSER;
            const uint32_t expected = stops ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
            assert_int_equal(decide(&filter, numbers[i], 0, flag), expected);
            assert_int_equal(decide(&filter, numbers[i], 0, flag | CLONE_NEWNS | CLONE_VM),
                             SECCOMP_RET_USER_NOTIF);
            assert_int_equal(decide(&filter, numbers[i], 1, flag), SECCOMP_RET_ALLOW);
        }
    }
    filter_fini(&filter);
}

TEST(messages_stop_that_have_an_address_or_lack_the_mark)
{
    struct filter filter = {0};
    build(true, &filter);
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t flag = UINT64_C(1) << bit;
        assert_int_equal(decide(&filter, SYS_sendto, 4, flag), SECCOMP_RET_USER_NOTIF);
        assert_int_equal(decide(&filter, SYS_sendto, 5, flag), SECCOMP_RET_ALLOW);
        assert_int_equal(decide(&filter, SYS_sendmsg, 5, filter.secret ^ flag),
                         SECCOMP_RET_USER_NOTIF);
    }
    assert_int_equal(decide(&filter, SYS_sendmsg, 5, filter.secret), SECCOMP_RET_ALLOW);
    assert_int_equal(decide(&filter, SYS_sendmsg, 4, filter.secret), SECCOMP_RET_USER_NOTIF);
    filter_fini(&filter);
}

TEST(sockets_stop_whose_domain_leads_out_of_the_world)
{
    for (int network = 0; network < 2; network++) {
        struct filter filter = {0};
        build(network != 0, &filter);
        for (uint32_t domain = 0; domain < 200; domain++) {
            const bool inner = domain == AF_INET || domain == AF_INET6 || domain == AF_NETLINK;
            const bool passes = domain == AF_UNIX || domain >= AF_MAX || (inner && network == 0);
            const uint32_t expected = passes ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF;
            assert_int_equal(decide(&filter, SYS_socket, 0, domain), expected);
            /* the kernel takes an int, whatever stands above it */
            assert_int_equal(decide(&filter, SYS_socket, 0, domain | UINT64_C(1) << 40), expected);
        }
        filter_fini(&filter);
    }
}

TEST(memory_that_runs_out_is_an_error_and_leaves_nothing)
{
    for (unsigned n = 1;; n++) {
        struct err err = {0};
        struct filter filter = {0};
        mem_fail_from(n);
        const int rc = filter_build(false, &filter, &err);
        mem_fail_from(0);
        if (rc == 0) {
            assert_true(n > 1);
            filter_fini(&filter);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
        assert_null(filter.code);
        assert_non_null(strstr(err.text, "memory"));
    }
}

TEST(each_call_stands_in_the_table_once_and_has_what_it_needs)
{
    for (size_t i = 0; i < call_count; i++) {
        assert_true(calls[i].number >= 0 && calls[i].number <= CALL_NUMBER_MAX);
        if (call_find(calls[i].number) != &calls[i]) {
            fail_msg("%s stands twice in the table", calls[i].name);
        }
        assert_int_equal(calls[i].ask == NULL, calls[i].when == WHEN_NEVER);
    }
    assert_null(call_find(-1));
    assert_null(call_find(CALL_NUMBER_MAX + 1));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/filter.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "observe/calls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#    define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* A power of two above AF_MAX. */
#define DOMAINS 64U

/* A rule for calls one of whose arguments is as asked. */
static int add_if(scmp_filter_ctx context,
                  const struct call *call,
                  uint32_t action,
                  struct scmp_arg_cmp argument)
{
    return seccomp_rule_add_array(context, action, (int)call->number, 1, &argument);
}

static int add_masked(scmp_filter_ctx context,
                      const struct call *call,
                      uint32_t action,
                      uint64_t mask,
                      uint64_t value)
{
    const struct scmp_arg_cmp first = {0, SCMP_CMP_MASKED_EQ, mask, value};
    return add_if(context, call, action, first);
}

/* Stops when any of the bits is set in the first argument. */
static int add_flag_rules(scmp_filter_ctx context, const struct call *call)
{
    int rc = 0;
    for (uint64_t bit = 1; rc == 0 && bit != 0 && bit <= call->detail; bit <<= 1) {
        if ((call->detail & bit) != 0) {
            rc = add_masked(context, call, SCMP_ACT_NOTIFY, bit, bit);
        }
    }
    return rc == 0 ? add_masked(context, call, SCMP_ACT_ALLOW, call->detail, 0) : rc;
}

/* Domains of sockets that stay in the world; others, AF_VSOCK above all, know no network namespace.
 */
static bool is_at_home(unsigned domain, bool network)
{
    return domain == AF_UNIX || domain >= AF_MAX
           || (!network && (domain == AF_NETLINK || domain == AF_INET || domain == AF_INET6));
}

/* libseccomp knows no "none of these", and compares 64 bits where the kernel looks at 32: a rule
 * for each domain below 64, and one for each bit of the numbers above, which the kernel refuses. */
static int add_domain_rules(scmp_filter_ctx context, const struct call *call, bool network)
{
    int rc = 0;
    for (unsigned domain = 0; rc == 0 && domain < DOMAINS; domain++) {
        rc = add_masked(context,
                        call,
                        is_at_home(domain, network) ? SCMP_ACT_ALLOW : SCMP_ACT_NOTIFY,
                        UINT32_MAX,
                        domain);
    }
    for (uint64_t bit = DOMAINS; rc == 0 && bit <= UINT32_MAX; bit <<= 1) {
        rc = add_masked(context, call, SCMP_ACT_ALLOW, bit, bit);
    }
    return rc;
}

/* Passes when an argument has one value, stops with any other. */
static int add_pass_rules(scmp_filter_ctx context,
                          const struct call *call,
                          unsigned argument,
                          uint64_t value)
{
    const struct scmp_arg_cmp passes = {argument, SCMP_CMP_EQ, value, 0};
    const struct scmp_arg_cmp stops = {argument, SCMP_CMP_NE, value, 0};
    const int rc = add_if(context, call, SCMP_ACT_ALLOW, passes);
    return rc == 0 ? add_if(context, call, SCMP_ACT_NOTIFY, stops) : rc;
}

static int add_call(scmp_filter_ctx context, const struct call *call, uint64_t secret, bool network)
{
    const int number = (int)call->number;
    switch (call->when) {
    case WHEN_CALLED:
        return seccomp_rule_add_array(context, SCMP_ACT_NOTIFY, number, 0, NULL);
    case WHEN_NEVER:
        return call->detail == ENOSYS /* what the default does needs no rule, and may have none */
                   ? 0
                   : seccomp_rule_add_array(
                       context, SCMP_ACT_ERRNO((uint32_t)call->detail), number, 0, NULL);
    case WHEN_FLAG:
        return add_flag_rules(context, call);
    case WHEN_ADDRESSED:
        return add_pass_rules(context, call, 4, 0);
    case WHEN_UNMARKED:
        return add_pass_rules(context, call, 5, secret);
    case WHEN_DOMAIN:
        return add_domain_rules(context, call, network);
    }
    return -EINVAL;
}

static int add_all(scmp_filter_ctx context, uint64_t secret, bool network)
{
    int rc = 0;
    for (int number = 0; rc == 0 && number <= CALL_NUMBER_MAX; number++) {
        const struct call *call = call_find(number);
        rc = call != NULL ? add_call(context, call, secret, network)
                          : seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, 0, NULL);
    }
    return rc;
}

/* The program as bytes: libseccomp writes to descriptors only. */
static int export(scmp_filter_ctx context, struct filter *filter, struct err *err)
{
    struct stat st;
    CLEANUP(cleanup_fd) int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "memfd_create");
    }
    int rc = seccomp_export_bpf(context, fd);
    if (rc < 0 || fstat(fd, &st) < 0) {
        return err_set(err, -EINVAL, "cannot make the filter: %s", strerrordesc_np(-rc));
    }
    const size_t size = (size_t)st.st_size;
    const size_t length = size / sizeof *filter->code;
    if (length == 0 || length > FILTER_SIZE_MAX) {
        return err_set(err, -E2BIG, "the filter has %zu instructions", length);
    }
    filter->code = mem_calloc(length, sizeof *filter->code);
    if (filter->code == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    filter->length = (unsigned short)length;
    if (pread(fd, filter->code, size, 0) != (ssize_t)size) {
        filter_fini(filter);
        return err_errno(err, "cannot read the filter");
    }
    return 0;
}

int filter_build(bool network, struct filter *ret_filter, struct err *err)
{
    struct filter filter = {0};
    if (getrandom(&filter.secret, sizeof filter.secret, 0) != (ssize_t)sizeof filter.secret) {
        return err_errno(err, "getrandom");
    }
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (context == NULL) {
        return err_set(err, -ENOMEM, "cannot make a filter (seccomp_init)");
    }
    /* A tree instead of a list: 10 comparisons instead of 400. */
    int rc = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    rc = rc == 0 ? seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY) : rc;
    rc = rc == 0 ? add_all(context, filter.secret, network) : rc;
    if (rc < 0) {
        (void)err_set(err, rc, "libseccomp refuses the filter: %s", strerrordesc_np(-rc));
    } else {
        rc = export(context, &filter, err);
    }
    seccomp_release(context);
    if (rc == 0) {
        *ret_filter = filter;
    }
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

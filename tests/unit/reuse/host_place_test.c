/* SPDX-License-Identifier: Apache-2.0 */
/* Places of the machine and all that is below them: where they lead, and whether they changed. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "reuse/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/git/support/world.h"

static struct host *open_host(void)
{
    struct host *host = NULL;
    assert_int_equal(host_new(NULL, &host, NULL), 0);
    return host;
}

static struct host_node *find(struct host *host, const char *name)
{
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_UNSEEN;
    assert_int_equal(host_find(host, at(name), strlen(test_folder()), &presence, &node, NULL), 0);
    return (struct host_node *)(uintptr_t)node;
}

/* ---- places ---- */

static const char *place(struct host *host, const char *name)
{
    const char *real = "unset";
    struct err err = {0};
    if (host_place(host, at(name), &real, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return real;
}

TEST(a_place_is_where_its_links_led_when_it_was_asked_first)
{
    char real[PATH_TEXT_MAX];
    sh("mkdir -p d/sub other; ln -s d l; ln -s l/sub ll; ln -s nowhere dangling");
    struct host *host = open_host();
    const size_t nodes = host->all.count;
    assert_string_equal(place(host, "ll"), realpath(at("d/sub"), real));
    assert_true(host->all.count > nodes); /* what lies there was looked at, too */
    assert_string_equal(place(host, "d"), realpath(at("d"), real));
    assert_null(place(host, "dangling"));
    assert_null(place(host, "none"));
    assert_null(place(host, "none/deeper"));
    sh("rm l; ln -s other l; mkdir none");
    assert_string_equal(place(host, "ll"), realpath(at("d/sub"), real));
    assert_null(place(host, "none"));
    host_free(host);
    host = open_host(); /* in the next run it leads elsewhere */
    assert_null(place(host, "ll"));
    assert_string_equal(place(host, "none"), realpath(at("none"), real));
    host_free(host);
}

static void walk_places(size_t (*set_fail)(size_t n))
{
    bool done = false;
    for (size_t n = 1; !done && n < 1000; n++) {
        const char *real = "untouched";
        const char *nowhere = "untouched";
        struct host *host = NULL;
        struct err err = {0};
        (void)set_fail(n);
        int rc = host_new(NULL, &host, &err);
        rc = rc == 0 ? host_place(host, at("l"), &real, &err) : rc;
        rc = rc == 0 ? host_place(host, at("none"), &nowhere, &err) : rc;
        done = set_fail(0) < n;
        assert_true(rc == 0 ? nowhere == NULL : rc == -ENOMEM && err.text[0] != '\0');
        assert_true(rc == 0 || !done);
        assert_true(rc == 0 || nowhere != NULL);
        host_free(host);
    }
    assert_true(done);
}

TEST(short_memory_is_no_place)
{
    sh("mkdir d; ln -s d l");
    walk_places(mem_fail_from);
    walk_places(mem_fail_once);
}

/* ---- everything below ---- */

static struct answer once(struct host *host, const char *name)
{
    struct answer answer = {0};
    assert_int_equal(host_subtree_once(host, find(host, name), &answer, NULL), 0);
    return answer;
}

TEST(everything_below_is_what_it_was_when_it_was_asked_first)
{
    struct answer now = {0};
    int64_t newest_ms = 0;
    sh("mkdir t; echo x >t/f");
    struct host *host = open_host();
    struct answer first = once(host, "t");
    assert_int_equal(first.bytes[0], ANSWER_SUBTREE);
    assert_int_equal(host_subtree(host, find(host, "t"), &now, &newest_ms, NULL), 0);
    assert_true(answer_equal(&first, &now));
    sh("echo more >>t/f");
    struct answer second = once(host, "t");
    assert_true(answer_equal(&first, &second));
    assert_int_equal(host_subtree(host, find(host, "t"), &now, &newest_ms, NULL), 0);
    assert_false(answer_equal(&first, &now));
    host_free(host);
}

/* One entry below a folder, as it goes into the hash of all of it. */
static void add_entry(struct hasher *hasher, struct host *host, const char *name, char letter)
{
    const struct host_node *node = find(host, name);
    const uint16_t permissions = letter == 'l' ? 0 : host_permissions(node);
    const unsigned char head[] = {(unsigned char)letter,
                                  (unsigned char)(permissions & 0xff),
                                  (unsigned char)(permissions >> 8)};
    struct answer digest = {0};
    hasher_add_text(hasher, strchr(name, '/'));
    hasher_add(hasher, head, sizeof head);
    if (letter != 'd') {
        assert_int_equal(host_digest(host, node, &digest, NULL), 0);
        hasher_add(hasher, digest.bytes, digest.len);
    }
}

/* Evidence is found by such answers, in later runs and on other machines. */
TEST(everything_below_is_hashed_as_ever)
{
    struct answer answer = {0};
    int64_t newest_ms = 0;
    sh("mkdir -p t/sub; echo x >t/f; echo y >t/sub/run; chmod 755 t/sub t/sub/run; chmod 640 t/f; "
       "ln -s f t/l; mkfifo t/pipe; chmod 600 t/pipe");
    struct host *host = open_host();
    struct hasher *hasher = hasher_new();
    hasher_begin(hasher);
    add_entry(hasher, host, "t/f", 'f');
    add_entry(hasher, host, "t/l", 'l');
    add_entry(hasher, host, "t/pipe", 's');
    add_entry(hasher, host, "t/sub", 'd');
    add_entry(hasher, host, "t/sub/run", 'f');
    const struct hash expected = hasher_end(hasher);
    hasher_free(hasher);
    assert_int_equal(host_permissions(find(host, "t/f")) & 07777, 0640);
    assert_int_equal(host_subtree(host, find(host, "t"), &answer, &newest_ms, NULL), 0);
    assert_int_equal(answer.bytes[0], ANSWER_SUBTREE);
    assert_memory_equal(answer.bytes + 1, expected.bytes, HASH_SIZE);
    host_free(host);
}

TEST(what_changed_below_a_folder_may_have_changed_during_the_unit)
{
    struct answer answer = {0};
    int64_t newest_ms = 0;
    sh("mkdir -p t/sub; echo x >t/sub/f");
    struct host *host = open_host();
    const struct host_node *node = find(host, "t");
    assert_int_equal(host_subtree(host, node, &answer, &newest_ms, NULL), 0);
    /* the newest change has to lie before the start, by more than clocks differ */
    assert_int_equal(host_subtree_recheck(host, node, newest_ms + HOST_CLOCK_SLACK_MS), 0);
    assert_int_equal(host_subtree_recheck(host, node, newest_ms + HOST_CLOCK_SLACK_MS + 1), 1);
    assert_int_equal(host_subtree_recheck(host, node, newest_ms - 1000), 0);
    assert_int_equal(host_subtree_recheck(host, node, newest_ms + 1000000), 1);
    sh("rm t/sub/f"); /* no file in it has changed since, but one is gone */
    assert_int_equal(host_subtree_recheck(host, node, newest_ms + 1000000000), 0);
    host_free(host);
}

TEST(short_memory_is_no_proof_that_nothing_changed)
{
    sh("mkdir t; echo x >t/f");
    const int64_t since_ms = clock_wall_ms() + 1000000;
    bool done = false;
    for (size_t n = 1; !done && n < 1000; n++) {
        struct host *host = open_host();
        const struct host_node *node = find(host, "t");
        (void)mem_fail_once(n);
        const int same = host_subtree_recheck(host, node, since_ms);
        done = mem_fail_once(0) < n;
        assert_true(same == 1 || !done);
        assert_int_equal(host_subtree_recheck(host, node, since_ms), 1);
        host_free(host);
    }
    assert_true(done);
}

/* Links of such a folder are answered by their targets, files by what they hold. */
TEST(what_cannot_be_read_below_a_folder_makes_its_answer_volatile)
{
    struct answer answer = {0};
    int64_t newest_ms = 0;
    struct host *host = open_host();
    sh("mkdir t; echo x >t/f");
    struct host_node *node = find(host, "t");
    sh("rm -r t");
    assert_int_equal(host_subtree(host, node, &answer, &newest_ms, NULL), 0);
    assert_int_equal(answer.bytes[0], ANSWER_VOLATILE);
    assert_int_equal(answer.len, 1);
    host_free(host);
}

/* Paths below it that no call takes: made, and removed, from inside. */
TEST(a_tree_deeper_than_any_path_has_no_answer)
{
    char name[251];
    struct answer answer = {0};
    int64_t newest_ms = 0;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    sh("mkdir deep");
    int here = open(at("deep"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(here >= 0);
    for (size_t len = 0; len < PATH_TEXT_MAX + sizeof name; len += sizeof name) {
        assert_int_equal(mkdirat(here, name, 0755), 0);
        int next = openat(here, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        (void)close(here);
        here = next;
    }
    (void)close(here);
    struct host *host = open_host();
    assert_int_equal(host_subtree(host, find(host, "deep"), &answer, &newest_ms, NULL), 0);
    host_free(host);
    sh("rm -rf deep");
    assert_int_equal(answer.bytes[0], ANSWER_VOLATILE);
}

/* ---- the same file? ---- */

/* Numbers of inodes are used again: a file made anew may have that of the one it replaced. */
TEST(a_file_that_was_born_at_another_time_is_another_one)
{
    struct statx st;
    sh("echo x >f");
    struct host *host = open_host();
    struct host_node *node = find(host, "f");
    assert_int_equal(statx(AT_FDCWD, at("f"), AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st), 0);
    if ((st.stx_mask & STATX_BTIME) != 0) {
        assert_true(node->born_ns == st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec);
    } else {
        assert_int_equal(node->born_ns, 0);
    }
    node->seen_ms += HOST_CLOCK_TICK_MS + 1;
    const int64_t since_ms = node->seen_ms + 1;
    const size_t base_len = strlen(test_folder());
    assert_int_equal(host_recheck(host, at("f"), base_len, since_ms), 1);
    node->born_ns++;
    assert_int_equal(host_recheck(host, at("f"), base_len, since_ms), 0);
    host_free(host);
}

/* Looked at in the millisecond in which the unit started is not before it. */
TEST(what_was_seen_when_the_unit_started_may_be_a_change_of_the_unit)
{
    sh("echo x >f");
    struct host *host = open_host();
    struct host_node *node = find(host, "f");
    const int64_t since_ms = node->stamp.ctime_ns / 1000000 + HOST_CLOCK_TICK_MS + 2;
    node->parent->seen_ms = 0;
    node->seen_ms = since_ms;
    assert_int_equal(host_recheck(host, at("f"), strlen(test_folder()), since_ms), 0);
    node->seen_ms = since_ms - 1;
    assert_int_equal(host_recheck(host, at("f"), strlen(test_folder()), since_ms), 1);
    host_free(host);
}

/* ---- who may do what ---- */

TEST(owners_are_root_us_or_another_one)
{
    const unsigned other = 12345 + geteuid() + getegid();
    const struct host_node node = {.mode = S_IFDIR | 01750, .owner = 6};
    assert_int_equal(host_owner(0, 0), 0);
    assert_int_equal(host_owner(other, 0), 2);
    assert_int_equal(host_owner(0, other), 8);
    assert_int_equal(host_owner(other, other), 10);
    assert_int_equal(host_owner(geteuid(), 0), geteuid() == 0 ? 0 : 1);
    assert_int_equal(host_owner(0, getegid()), getegid() == 0 ? 0 : 4);
    assert_int_equal(host_permissions(&node), 01750 | 6 << 12);
}

/* Units have no capabilities: what root goes through is closed to theirs. */
TEST(a_folder_that_its_units_may_not_enter_is_closed_to_root)
{
    static const struct {
        mode_t mode;
        uint8_t owner;
        bool open;
    } list[] = {
        {0100, 0,  true }, /* root's */
        {0677, 0,  false},
        {0100, 8,  true },
        {0010, 2,  true }, /* another's, of root's group */
        {0767, 2,  false},
        {0001, 10, true }, /* another's */
        {0776, 10, false},
        {0001, 6,  true },
    };

    sh("mkdir d; echo x >d/f");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct host_node *node = NULL;
        enum host_presence presence = HOST_ABSENT;
        struct host *host = open_host();
        struct host_node *folder = find(host, "d");
        folder->mode = S_IFDIR | list[i].mode;
        folder->owner = list[i].owner;
        assert_int_equal(host_find(host, at("d/f"), strlen(test_folder()), &presence, &node, NULL),
                         0);
        if ((presence == HOST_PRESENT) != (list[i].open || geteuid() != 0)) {
            fail_msg("%zu: %d", i, (int)presence);
        }
        host_free(host);
    }
}

/* ---- facts ---- */

TEST(a_fact_is_looked_up_once_and_compared_with_what_it_is_now)
{
    char name[64];
    struct answer first = {0};
    struct answer second = {0};
    struct err err = {0};
    (void)snprintf(name, sizeof name, "proc:%ld/comm", (long)getpid());
    assert_int_equal(prctl(PR_SET_NAME, "one"), 0);
    struct host *host = open_host();
    assert_int_equal(host_fact_recheck(host, name, &err), 1); /* asked now */
    assert_int_equal(host_fact(host, name, &first, &err), 0);
    assert_int_equal(host_fact_recheck(host, name, &err), 1);
    assert_int_equal(prctl(PR_SET_NAME, "two"), 0);
    assert_int_equal(host_fact(host, name, &second, &err), 0);
    assert_true(answer_equal(&first, &second));
    assert_int_equal(host_fact_recheck(host, name, &err), 0);
    assert_int_equal(prctl(PR_SET_NAME, "one"), 0);
    assert_int_equal(host_fact_recheck(host, name, &err), 1);
    assert_int_equal(host_fact_recheck(host, "weather", &err), -EINVAL);
    host_free(host);
}

TEST(short_memory_is_no_fact)
{
    bool done = false;
    for (size_t n = 1; !done && n < 100; n++) {
        struct answer answer = {.len = 77};
        struct err err = {0};
        struct host *host = open_host();
        (void)mem_fail_once(n);
        int rc = host_fact(host, "ncpu", &answer, &err);
        done = mem_fail_once(0) < n;
        assert_true(rc == 0 ? answer.len == 1 + HASH_SIZE
                            : rc == -ENOMEM && answer.len == 77 && err.text[0] != '\0');
        assert_true(rc == 0 || !done);
        assert_int_equal(host_fact(host, "ncpu", &answer, &err), 0);
        assert_int_equal(host_fact_recheck(host, "ncpu", &err), 1);
        host_free(host);
    }
    assert_true(done);
}

/* A path of /proc that no call takes is not asked for at all. */
TEST(a_file_of_proc_with_a_name_that_is_too_long_is_not_observed)
{
    static char name[PATH_TEXT_MAX + 8] = "proc:";
    struct answer longest = {0};
    struct answer hidden = {0};
    struct host *host = open_host();
    memset(name + 5, 'x', PATH_TEXT_MAX - 6); /* "/proc/" and this: as long as a path may be */
    for (size_t len = PATH_TEXT_MAX - 7; len <= PATH_TEXT_MAX - 6; len++) {
        name[5 + len] = '\0';
        assert_int_equal(host_fact(host, name, &longest, NULL), 0);
        assert_int_equal(host_fact(host, "proc:uptime", &hidden, NULL), 0);
        assert_int_equal(answer_equal(&longest, &hidden), len > PATH_TEXT_MAX - 7);
        name[5 + len] = 'x';
    }
    host_free(host);
}

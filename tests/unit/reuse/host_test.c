/* SPDX-License-Identifier: Apache-2.0 */
/* Files and facts of the machine: what is there, what it holds, did it change. */
#include "reuse/host.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/git/support/world.h"

static struct host *open_host(const struct answer_memo *memo)
{
    struct host *host = NULL;
    assert_int_equal(host_new(memo, &host, NULL), 0);
    return host;
}

static const struct host_node *find(struct host *host,
                                    const char *path,
                                    enum host_presence expected)
{
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_UNSEEN;
    struct err err = {0};
    if (host_find(host, path, strlen(test_folder()), &presence, &node, &err) != 0) {
        fail_msg("%s", err.text);
    }
    if (presence != expected) {
        fail_msg("%s: presence %d, not %d", path, (int)presence, (int)expected);
    }
    return node;
}

static struct answer digest_of(struct host *host, const char *name)
{
    struct answer answer = {0};
    assert_int_equal(host_digest(host, find(host, at(name), HOST_PRESENT), &answer, NULL), 0);
    return answer;
}

static struct answer listing_of(struct host *host, const char *name)
{
    struct answer answer = {0};
    assert_int_equal(host_listing(host, find(host, at(name), HOST_PRESENT), &answer, NULL), 0);
    return answer;
}

static struct answer subtree_of(struct host *host, const char *name)
{
    struct answer answer = {0};
    int64_t newest_ms = 0;
    assert_int_equal(
        host_subtree(host, find(host, at(name), HOST_PRESENT), &answer, &newest_ms, NULL), 0);
    return answer;
}

static void expect(const struct answer *answer, enum answer_tag tag, const void *bytes, size_t len)
{
    const struct hash digest = hash_bytes(bytes, len);
    assert_int_equal(answer->bytes[0], tag);
    assert_int_equal(answer->len, 1 + HASH_SIZE);
    assert_memory_equal(answer->bytes + 1, digest.bytes, HASH_SIZE);
}

TEST(the_component_that_decides_is_found)
{
    sh("mkdir -p d/sub; echo x >d/f; ln -s d l; ln -s nowhere dangling");
    struct host *host = open_host(NULL);
    assert_string_equal(find(host, at("d/f"), HOST_PRESENT)->path, at("d/f"));
    assert_string_equal(find(host, at("d/sub"), HOST_PRESENT)->path, at("d/sub"));
    assert_string_equal(find(host, at("dangling"), HOST_PRESENT)->path, at("dangling"));
    assert_string_equal(find(host, at("l"), HOST_PRESENT)->path, at("l"));
    assert_string_equal(find(host, at("l/f"), HOST_BEHIND_LINK)->path, at("l"));
    assert_string_equal(find(host, at("d/f/x/y"), HOST_BLOCKED)->path, at("d/f"));
    assert_string_equal(find(host, at("d/none/x/y"), HOST_ABSENT)->path, at("d/none"));
    /* each is looked at once, and the folder that it is in stands above it */
    const struct host_node *file = find(host, at("d/f"), HOST_PRESENT);
    assert_ptr_equal(file, find(host, at("d/f"), HOST_PRESENT));
    assert_ptr_equal(file->parent, find(host, at("d"), HOST_PRESENT));
    assert_string_equal(file->parent->parent->path, test_folder());
    assert_null(file->parent->parent->parent);
    sh("rm d/f");
    assert_ptr_equal(file, find(host, at("d/f"), HOST_PRESENT));
    host_free(host);
    host_free(NULL);
}

TEST(without_a_place_that_exists_every_component_is_looked_at)
{
    struct host *host = open_host(NULL);
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_ABSENT;
    assert_int_equal(host_find(host, "/usr/bin/env", 0, &presence, &node, NULL), 0);
    assert_int_equal(presence, HOST_PRESENT);
    assert_string_equal(node->path, "/usr/bin/env");
    assert_string_equal(node->parent->path, "/usr/bin");
    assert_string_equal(node->parent->parent->path, "/usr");
    assert_null(node->parent->parent->parent);
    host_free(host);
}

TEST(a_path_of_the_machine_that_is_too_long_is_refused)
{
    static char path[PATH_TEXT_MAX + 1];
    struct host *host = open_host(NULL);
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_ABSENT;
    struct err err = {0};
    memset(path, 'x', PATH_TEXT_MAX);
    path[0] = '/';
    assert_int_equal(host_find(host, path, 0, &presence, &node, &err), -ENAMETOOLONG);
    assert_non_null(strstr(err.text, "too long: /xxx"));
    path[PATH_TEXT_MAX - 1] = '\0'; /* one name that no file system has */
    assert_int_equal(host_find(host, path, 0, &presence, &node, &err), 0);
    assert_int_equal(presence, HOST_ABSENT);
    host_free(host);
}

TEST(contents_targets_and_what_has_neither)
{
    sh("printf content >f; : >empty; ln -s some/where l; mkfifo p; mkdir d");
    struct host *host = open_host(NULL);
    struct answer file = digest_of(host, "f");
    struct answer empty = digest_of(host, "empty");
    struct answer link = digest_of(host, "l");
    struct answer again = digest_of(host, "f");
    expect(&file, ANSWER_FILE, "content", 7);
    expect(&empty, ANSWER_FILE, "", 0);
    expect(&link, ANSWER_LINK, "some/where", 10);
    assert_true(answer_equal(&file, &again));
    assert_int_equal(digest_of(host, "p").bytes[0], ANSWER_VOLATILE);
    assert_int_equal(digest_of(host, "d").bytes[0], ANSWER_VOLATILE);
    assert_int_equal(host_type_letter(find(host, at("f"), HOST_PRESENT)->mode), 'f');
    assert_int_equal(host_type_letter(find(host, at("l"), HOST_PRESENT)->mode), 'l');
    assert_int_equal(host_type_letter(find(host, at("d"), HOST_PRESENT)->mode), 'd');
    assert_int_equal(host_type_letter(find(host, at("p"), HOST_PRESENT)->mode), 's');
    sh("echo other >f"); /* it was read, and is not read again */
    again = digest_of(host, "f");
    assert_true(answer_equal(&file, &again));
    host_free(host);
}

TEST(a_file_longer_than_the_buffer_is_read_to_its_end)
{
    static char zeros[(256u << 10) + 5];
    sh("head -c 262149 /dev/zero >long");
    struct host *host = open_host(NULL);
    struct answer answer = digest_of(host, "long");
    expect(&answer, ANSWER_FILE, zeros, sizeof zeros);
    host_free(host);
}

/* Stat data that is another one when the file is read: it is another file, or was changed. */
TEST(a_file_that_is_another_one_when_it_is_read_has_no_digest)
{
    sh("echo x >f");
    for (int field = 0; field < 6; field++) {
        struct host *host = open_host(NULL);
        struct host_node *node = (struct host_node *)(uintptr_t)find(host, at("f"), HOST_PRESENT);
        struct answer answer = {0};
        node->stamp.dev += field == 1;
        node->stamp.ino += field == 2;
        node->stamp.size += field == 3;
        node->stamp.mtime_ns += field == 4;
        node->stamp.ctime_ns += field == 5;
        assert_int_equal(host_digest(host, node, &answer, NULL), 0);
        assert_int_equal(answer.bytes[0], field == 0 ? ANSWER_FILE : ANSWER_VOLATILE);
        host_free(host);
    }
    struct host *host = open_host(NULL);
    const struct host_node *gone = find(host, at("f"), HOST_PRESENT);
    struct answer answer = {0};
    sh("rm f; ln -s /etc/passwd f");
    assert_int_equal(host_digest(host, gone, &answer, NULL), 0);
    assert_int_equal(answer.bytes[0], ANSWER_VOLATILE); /* links are not followed */
    host_free(host);
}

/* ---- what outlives the run ---- */

struct remembered {
    struct file_stamp stamp;
    struct hash digest;
    unsigned asked;
    unsigned kept;
    bool known;
};

static bool get_digest(void *context, const struct file_stamp *stamp, struct hash *ret_digest)
{
    struct remembered *memory = context;
    memory->asked++;
    memory->stamp = *stamp;
    *ret_digest = memory->known ? memory->digest : *ret_digest;
    return memory->known;
}

static void put_digest(void *context, const struct file_stamp *stamp, const struct hash *digest)
{
    struct remembered *memory = context;
    memory->kept++;
    memory->stamp = *stamp;
    memory->digest = *digest;
}

static struct answer digest_of_env(const struct answer_memo *memo,
                                   const struct host_node **ret_node)
{
    struct host *host = open_host(memo);
    static struct host_node copy;
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_ABSENT;
    struct answer answer = {0};
    assert_int_equal(host_find(host, "/usr/bin/env", 0, &presence, &node, NULL), 0);
    assert_int_equal(host_digest(host, node, &answer, NULL), 0);
    copy = *node;
    *ret_node = &copy;
    host_free(host);
    return answer;
}

TEST(the_digest_of_an_old_file_is_remembered_that_of_a_young_one_is_not)
{
    struct remembered memory = {0};
    const struct answer_memo memo = {
        .context = &memory, .get_digest = get_digest, .put_digest = put_digest};
    const struct host_node *node = NULL;
    struct answer plain = digest_of_env(NULL, &node);
    struct answer first = digest_of_env(&memo, &node);
    assert_int_equal(memory.asked, 1);
    assert_int_equal(memory.kept, 1);
    assert_memory_equal(&memory.stamp, &node->stamp, sizeof memory.stamp);
    assert_memory_equal(memory.digest.bytes, plain.bytes + 1, HASH_SIZE);
    assert_true(answer_equal(&plain, &first));
    memory.known = true;
    memory.digest.bytes[0] ^= 1; /* it is believed */
    struct answer second = digest_of_env(&memo, &node);
    assert_int_equal(memory.kept, 1);
    assert_memory_equal(second.bytes + 1, memory.digest.bytes, HASH_SIZE);
    assert_int_equal(second.bytes[0], ANSWER_FILE);
    assert_int_equal(second.len, plain.len);

    memory.known = false;
    sh("echo x >young; touch -d 2001-01-01 young"); /* its content may be as young as its change */
    struct host *host = open_host(&memo);
    assert_int_equal(digest_of(host, "young").bytes[0], ANSWER_FILE);
    assert_int_equal(memory.asked, 3);
    assert_int_equal(memory.kept, 1);
    host_free(host);
}

/* ---- folders ---- */

TEST(a_listing_is_of_sorted_names_and_types)
{
    sh("mkdir a b; echo 1 >a/z; mkdir a/d; ln -s x a/l; mkfifo a/p; echo 2 >a/.hidden; "
       "mkfifo b/p; ln -s other b/l; echo 3 >b/.hidden; mkdir b/d; echo 4 >b/d/x; echo 5 >b/z; "
       "mkdir none one; echo >one/x");
    struct host *host = open_host(NULL);
    static const char sorted[] = "f.hidden\0dd\0ll\0sp\0fz";
    struct answer a = listing_of(host, "a");
    struct answer b = listing_of(host, "b");
    struct answer none = listing_of(host, "none");
    struct answer one = listing_of(host, "one");
    expect(&a, ANSWER_LISTING, sorted, sizeof sorted);
    assert_true(answer_equal(&a, &b));
    expect(&none, ANSWER_LISTING, "", 0);
    expect(&one, ANSWER_LISTING, "fx", 3);
    sh("rm one/x");
    struct answer again = listing_of(host, "one"); /* looked at once */
    assert_true(answer_equal(&one, &again));
    host_free(host);
}

TEST(what_is_no_folder_has_no_listing)
{
    sh("echo x >f; mkdir d; ln -s d l");
    struct host *host = open_host(NULL);
    assert_int_equal(listing_of(host, "f").bytes[0], ANSWER_VOLATILE);
    assert_int_equal(listing_of(host, "l").bytes[0], ANSWER_VOLATILE);
    assert_int_equal(subtree_of(host, "f").bytes[0], ANSWER_VOLATILE);
    host_free(host);
}

/* The answer to R of a folder, asked anew. */
static struct answer all_below(const char *name)
{
    struct host *host = open_host(NULL);
    struct answer answer = subtree_of(host, name);
    host_free(host);
    return answer;
}

TEST(everything_below_a_folder_is_in_its_answer_and_nothing_else)
{
    static const struct {
        const char *change;
        bool same;
    } list[] = {
        {"touch -d 2001-01-01 t/f t/sub",             true },
        {"chmod 600 t/f",                             false},
        {"chmod 644 t/f; chmod 700 t/sub",            false},
        {"chmod 755 t/sub",                           true },
        {"echo other >t/sub/deep/g",                  false},
        {"echo two >t/sub/deep/g",                    true },
        {"chmod +x t/sub/deep/g",                     false},
        {"chmod -x t/sub/deep/g",                     true },
        {"ln -sfn elsewhere t/l",                     false},
        {"ln -sfn f t/l",                             true },
        {"mv t/sub t/sup",                            false},
        {"mv t/sup t/sub",                            true },
        {"mkdir t/empty/more",                        false},
        {"rmdir t/empty/more",                        true },
        {"rmdir t/empty; echo >t/empty",              false},
        {"rm t/empty; mkdir t/empty; echo x >beside", true },
        {"rm t/f",                                    false},
        {"echo one >t/f; mkfifo t/pipe",              false},
        {"rm t/pipe; mv t moved; cp -a moved t",      true },
    };

    sh("mkdir -p t/sub/deep t/empty; echo one >t/f; echo two >t/sub/deep/g; ln -s f t/l; "
       "chmod 644 t/f; chmod 755 t/sub");
    struct answer first = all_below("t");
    assert_int_equal(first.bytes[0], ANSWER_SUBTREE);
    assert_int_equal(first.len, 1 + HASH_SIZE);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        sh(list[i].change);
        struct answer now = all_below("t");
        if (answer_equal(&first, &now) != list[i].same) {
            fail_msg("`%s` %s the answer", list[i].change, list[i].same ? "changes" : "leaves");
        }
    }
    struct answer moved = all_below("moved"); /* where it lies is no part of it */
    assert_true(answer_equal(&first, &moved));
}

TEST(the_newest_change_below_a_folder_is_told)
{
    struct answer answer = {0};
    int64_t newest_ms = 0;
    sh("mkdir -p t/sub; echo x >t/sub/f; echo y >t/sub/g; touch -d 2001-01-01 t/sub/f");
    struct host *host = open_host(NULL);
    const struct file_stamp *f = &find(host, at("t/sub/f"), HOST_PRESENT)->stamp;
    const struct file_stamp *g = &find(host, at("t/sub/g"), HOST_PRESENT)->stamp;
    const int64_t newest_ns = f->ctime_ns > g->ctime_ns ? f->ctime_ns : g->ctime_ns;
    const struct host_node *node = find(host, at("t"), HOST_PRESENT);
    assert_int_equal(host_subtree(host, node, &answer, &newest_ms, NULL), 0);
    assert_true(newest_ms == newest_ns / 1000000 + 1);
    host_free(host);
}

/* ---- did it change ---- */

static int recheck(struct host *host, const char *name, int64_t since_ms)
{
    return host_recheck(host, at(name), strlen(test_folder()), since_ms);
}

TEST(what_was_seen_before_the_unit_started_must_be_the_same_file)
{
    sh("mkdir d; echo x >d/f");
    for (int field = 0; field < 9; field++) {
        struct host *host = open_host(NULL);
        struct host_node *node = (struct host_node *)(uintptr_t)find(host, at("d/f"), HOST_PRESENT);
        node->seen_ms += HOST_CLOCK_TICK_MS + 1; /* as if it had not been made just now */
        const int64_t since_ms = node->seen_ms + 1;
        node->stamp.dev += field == 1;
        node->stamp.ino += field == 2;
        node->stamp.size += field == 3;
        node->stamp.mtime_ns += field == 4;
        node->stamp.ctime_ns += field == 5;
        node->mode ^= field == 6 ? 0111 : 0;
        node->parent->stamp.dev += field == 7;
        node->parent->stamp.ino += field == 8;
        assert_int_equal(recheck(host, "d/f", since_ms), field == 0 ? 1 : 0);
        host_free(host);
    }
}

TEST(a_folder_on_the_way_may_get_other_names)
{
    sh("mkdir d; echo x >d/f");
    struct host *host = open_host(NULL);
    struct host_node *node = (struct host_node *)(uintptr_t)find(host, at("d/f"), HOST_PRESENT);
    const int64_t since_ms = node->parent->seen_ms + 1000000;
    node->seen_ms += HOST_CLOCK_TICK_MS + 1; /* as if they had not been made just now */
    node->parent->seen_ms += HOST_CLOCK_TICK_MS + 1;
    node->parent->stamp.mtime_ns -= 5;
    node->parent->stamp.ctime_ns -= 5;
    node->parent->stamp.size += 1;
    assert_int_equal(recheck(host, "d/f", since_ms), 1);
    /* but not when it was asked whether something is there that is not */
    (void)find(host, at("d/none"), HOST_ABSENT);
    assert_int_equal(recheck(host, "d/none", since_ms), 0);
    node->parent->stamp.mtime_ns += 5;
    node->parent->stamp.ctime_ns += 5;
    node->parent->stamp.size -= 1;
    assert_int_equal(recheck(host, "d/none", since_ms), 1);
    assert_int_equal(recheck(host, "d/none/deeper", since_ms), 1);
    sh("echo >d/none");
    assert_int_equal(recheck(host, "d/none", since_ms), 0);
    host_free(host);
}

TEST(what_was_seen_later_must_have_changed_before)
{
    sh("echo x >f");
    struct host *host = open_host(NULL);
    const struct host_node *node = find(host, at("f"), HOST_PRESENT);
    const int64_t changed_ms = node->stamp.ctime_ns / 1000000;
    struct host_node *seen = (struct host_node *)(uintptr_t)node;
    seen->seen_ms = changed_ms + 1000000; /* looked at long after the unit started */
    seen->parent->seen_ms = 0;
    assert_int_equal(recheck(host, "f", changed_ms + HOST_CLOCK_SLACK_MS + 1), 1);
    assert_int_equal(recheck(host, "f", changed_ms + HOST_CLOCK_SLACK_MS - 1), 0);
    assert_int_equal(recheck(host, "f", changed_ms + 2000000), 1);
    seen->unseen = true;
    assert_int_equal(recheck(host, "f", changed_ms + 2000000), 0);
    host_free(host);
}

/* Its content was taken, then it changed within the same tick of the kernel's clock, to other
 * content of the same length: nothing in its stat data says so. */
TEST(what_changed_just_before_it_was_looked_at_may_have_changed_right_after)
{
    sh("mkdir d; echo x >d/f");
    struct host *host = open_host(NULL);
    struct host_node *node = (struct host_node *)(uintptr_t)find(host, at("d/f"), HOST_PRESENT);
    const int64_t changed_ms = node->stamp.ctime_ns / 1000000;
    const int64_t since_ms = changed_ms + 1000000; /* the unit started much later */
    node->seen_ms = changed_ms + HOST_CLOCK_TICK_MS;
    assert_int_equal(recheck(host, "d/f", since_ms), 0);
    node->seen_ms = changed_ms + HOST_CLOCK_TICK_MS + 1;
    assert_int_equal(recheck(host, "d/f", since_ms), 1);
    /* of a folder that is only passed through nothing but its place counts */
    node->parent->seen_ms = node->parent->stamp.ctime_ns / 1000000;
    assert_int_equal(recheck(host, "d/f", since_ms), 1);
    assert_int_equal(recheck(host, "d/none", since_ms), 0);
    host_free(host);
}

TEST(what_cannot_be_looked_at_may_have_changed)
{
    static char path[PATH_TEXT_MAX + 1];
    struct host *host = open_host(NULL);
    memset(path, 'x', PATH_TEXT_MAX);
    path[0] = '/';
    assert_int_equal(host_recheck(host, path, 0, clock_wall_ms()), 0);
    host_free(host);
}

/* ---- facts ---- */

static struct answer fact(const char *name)
{
    struct host *host = open_host(NULL);
    struct answer answer = {0};
    assert_int_equal(host_fact(host, name, &answer, NULL), 0);
    assert_int_equal(answer.bytes[0], ANSWER_FACT);
    host_free(host);
    return answer;
}

static void expect_same(const char *a, const char *b, bool same)
{
    struct answer x = fact(a);
    struct answer y = fact(b);
    if (answer_equal(&x, &y) != same) {
        fail_msg("%s and %s are %s", a, b, same ? "two answers" : "one answer");
    }
}

TEST(facts_are_told_apart)
{
    static const char *const names[] = {
        "uname", "ncpu", "cpuinfo", "memory", "proc:version", "proc:filesystems", "proc:loadavg"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            expect_same(names[i], names[j], i == j);
        }
    }
}

TEST(files_of_proc_are_observed_unless_they_change_by_themselves)
{
    expect_same("proc:loadavg", "proc:stat", true);
    expect_same("proc:loadavg", "proc:net", true);
    expect_same("proc:loadavg", "proc:net/dev", true);
    expect_same("proc:loadavg", "proc:thread-self/status", true);
    expect_same("proc:loadavg", "proc:sys/net/core/somaxconn", true);
    expect_same("proc:loadavg", "proc:no-such-thing", false);
    expect_same("proc:loadavg", "proc:statistics", false); /* a name that only begins so */
    expect_same("proc:loadavg", "proc:sys/kernel/ostype", false);
    expect_same("proc:no-such-thing", "proc:nor-this", true);
    expect_same("proc:version", "proc:no-such-thing", false);
    struct answer version = fact("proc:version");
    CLEANUP(str_fini) struct str text = STR_INIT(65536);
    assert_int_equal(file_read("/proc/version", &text, NULL), 0);
    expect(&version, ANSWER_FACT, text.data, text.len);
    struct answer hidden = fact("proc:uptime");
    struct hasher *hasher = hasher_new();
    hasher_begin(hasher);
    hasher_add_text(hasher, "not observed");
    struct hash digest = hasher_end(hasher);
    hasher_free(hasher);
    assert_memory_equal(hidden.bytes + 1, digest.bytes, HASH_SIZE);
}

TEST(the_name_of_the_machine_is_its_kernel_not_its_host)
{
    struct utsname name;
    struct answer answer = fact("uname");
    struct hasher *hasher = hasher_new();
    assert_int_equal(uname(&name), 0);
    hasher_begin(hasher);
    hasher_add_text(hasher, name.release);
    hasher_add_text(hasher, name.version);
    hasher_add_text(hasher, name.machine);
    struct hash digest = hasher_end(hasher);
    hasher_free(hasher);
    assert_memory_equal(answer.bytes + 1, digest.bytes, HASH_SIZE);
}

TEST(processors_that_may_be_used_are_counted)
{
    cpu_set_t all;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    int allowed = CPU_COUNT(&all);
    const long counts[3] = {allowed, sysconf(_SC_NPROCESSORS_CONF), sysconf(_SC_NPROCESSORS_ONLN)};
    struct answer answer = fact("ncpu");
    expect(&answer, ANSWER_FACT, counts, sizeof counts);
    const long pages = sysconf(_SC_PHYS_PAGES);
    answer = fact("memory");
    expect(&answer, ANSWER_FACT, &pages, sizeof pages);
}

/* Whatever says how fast it runs at the moment is left out, the rest is in it, line by line. */
TEST(a_processor_is_what_it_is_not_how_fast_it_runs)
{
    CLEANUP(str_fini) struct str text = STR_INIT(32u << 20);
    CLEANUP(str_fini) struct str kept = STR_INIT(32u << 20);
    static const char *const left_out[] = {"cpu MHz",
                                           "bogomips",
                                           "fpu",
                                           "wp",
                                           "apicid",
                                           "initial",
                                           "power",
                                           "clflush",
                                           "TLB",
                                           "cpuid",
                                           "BogoMIPS",
                                           "vmx"};
    assert_int_equal(file_read("/proc/cpuinfo", &text, NULL), 0);
    for (const char *line = str_text(&text); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        len += line[len] == '\n';
        bool out = line[0] == '\n';
        for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
            out = out || strncmp(line, left_out[i], strlen(left_out[i])) == 0;
        }
        assert_int_equal(out ? 0 : str_append_n(&kept, line, len), 0);
        line += len;
    }
    struct answer answer = fact("cpuinfo");
    expect(&answer, ANSWER_FACT, str_text(&kept), kept.len);
}

TEST(a_fact_nobody_knows_is_refused)
{
    struct host *host = open_host(NULL);
    struct answer answer = {.len = 7};
    struct err err = {0};
    assert_int_equal(host_fact(host, "weather", &answer, &err), -EINVAL);
    assert_non_null(strstr(err.text, "'weather' is no fact"));
    assert_int_equal(host_fact(host, "unam", &answer, &err), -EINVAL);
    assert_int_equal(host_fact(host, "proc", &answer, &err), -EINVAL);
    assert_int_equal(answer.len, 7);
    host_free(host);
}

/* ---- memory ---- */

/* All of it with one allocation failing, or that and all later ones. */
static int ask_all(struct host *host, struct answer answers[4], struct err *err)
{
    static const char *const names[] = {"t/f", "t/l", "t", "t"};
    enum host_presence presence = HOST_ABSENT;
    int64_t newest_ms = 0;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 4; i++) {
        const struct host_node *node = NULL;
        rc = host_find(host, at(names[i]), strlen(test_folder()), &presence, &node, err);
        if (rc == 0 && i < 2) {
            rc = host_digest(host, node, &answers[i], err);
        } else if (rc == 0 && i == 2) {
            rc = host_listing(host, node, &answers[i], err);
        } else if (rc == 0) {
            rc = host_subtree(host, node, &answers[i], &newest_ms, err);
        }
    }
    return rc;
}

static void walk_memory(const struct answer right[4], size_t (*set_fail)(size_t n))
{
    bool done = false;
    for (size_t n = 1; !done && n < 1000; n++) {
        struct answer now[4] = {0};
        struct host *host = NULL;
        struct err err = {0};
        (void)set_fail(n);
        int rc = host_new(NULL, &host, &err);
        rc = rc == 0 ? ask_all(host, now, &err) : rc;
        done = set_fail(0) < n;
        assert_true(rc == 0 ? memcmp(now, right, sizeof now) == 0
                            : rc == -ENOMEM && err.text[0] != '\0');
        assert_true(rc == 0 || !done);
        if (host != NULL) { /* with memory it goes on where it stood */
            memset(now, 0, sizeof now);
            assert_int_equal(ask_all(host, now, &err), 0);
            assert_memory_equal(now, right, sizeof now);
        }
        host_free(host);
    }
    assert_true(done);
}

TEST(short_memory_is_no_answer_of_the_machine)
{
    struct answer right[4] = {0};
    struct host *host = open_host(NULL);
    sh("mkdir -p t/sub; echo one >t/f; echo two >t/sub/g; ln -s f t/l");
    assert_int_equal(ask_all(host, right, NULL), 0);
    host_free(host);
    walk_memory(right, mem_fail_from);
    walk_memory(right, mem_fail_once);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which place of the world a path belongs to, and what the machine's places answer, byte by byte.
 * Without a tree: no process of git is needed. */
#include "reuse/answer_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/setup.h"
#include "support/test.h"

/* In a world that exposes `first` and `second` (NULL = none) of `root`. */
static struct answer answer_exposing(const char *root,
                                     const char *first,
                                     const char *second,
                                     enum observation_kind kind,
                                     const char *path)
{
    const char *items[] = {first, second, NULL};
    const size_t count = (first != NULL) + (size_t)(second != NULL);
    struct bare bare = {
        .state = {.root = root, .expose = {items, count}}
    };
    bare_open(&bare);
    const struct answer answer = bare_get(&bare, kind, path);
    bare_close(&bare);
    return answer;
}

/* A path below test_folder(), which lives until the next but seven. */
static const char *here(const char *name)
{
    static char texts[8][4096];
    static size_t next;
    char *text = texts[next++ % 8];
    (void)snprintf(text, sizeof texts[0], "%s", at(name));
    return text;
}

/* What an answer starts with; permissions follow. */
static void assert_starts(const struct answer *answer, const void *bytes, size_t len)
{
    assert_true(answer->len >= len);
    assert_memory_equal(answer->bytes, bytes, len);
}

TEST(type_size_and_content_of_a_file_of_the_machine_are_in_its_answers)
{
    const struct hash hello = hash_bytes("hello", 5);
    const struct hash target = hash_bytes("file", 4);
    unsigned char content[2 + HASH_SIZE] = "f-";
    unsigned char link[1 + HASH_SIZE] = "l";
    char m[4096];
    sh("mkdir -p m/folder; printf hello >m/file; printf hello >m/exec; chmod 751 m/exec; "
       "ln -s file m/link; mkfifo m/pipe");
    (void)snprintf(m, sizeof m, "%s", at("m"));
    struct answer answer = answer_exposing(NULL, m, NULL, OBSERVE_TYPE, here("m/file"));
    assert_starts(&answer, "f-\5\0\0\0\0\0\0\0", 10);
    answer = answer_exposing(NULL, m, NULL, OBSERVE_TYPE, here("m/exec"));
    assert_starts(&answer, "fx\5\0\0\0\0\0\0\0", 10);
    answer = answer_exposing(NULL, m, NULL, OBSERVE_TYPE, here("m/link"));
    assert_starts(&answer, "l-\4\0\0\0\0\0\0\0", 10);
    answer = answer_exposing(NULL, m, NULL, OBSERVE_TYPE, here("m/pipe"));
    assert_starts(&answer, "s\1", 2);
    memcpy(content + 2, hello.bytes, HASH_SIZE);
    answer = answer_exposing(NULL, m, NULL, OBSERVE_CONTENT, here("m/file"));
    assert_starts(&answer, content, sizeof content);
    answer = answer_exposing(NULL, m, NULL, OBSERVE_SUBTREE, here("m/file"));
    assert_starts(&answer, content, sizeof content);
    content[1] = 'x';
    answer = answer_exposing(NULL, m, NULL, OBSERVE_CONTENT, here("m/exec"));
    assert_starts(&answer, content, sizeof content);
    memcpy(link + 1, target.bytes, HASH_SIZE);
    answer = answer_exposing(NULL, m, NULL, OBSERVE_LINK, here("m/link"));
    assert_starts(&answer, link, sizeof link);
}

TEST(each_permission_of_a_file_of_the_machine_is_in_its_answers)
{
    static const char *const changes[] = {"u-w", "u+x", "g-r", "g+w", "o+r", "o-r"};

    static const enum observation_kind kinds[] = {OBSERVE_TYPE, OBSERVE_CONTENT, OBSERVE_SUBTREE};

    char file[4096];
    struct answer before[3];
    sh("echo >file; chmod 640 file");
    (void)snprintf(file, sizeof file, "%s", at("file"));
    for (size_t k = 0; k < 3; k++) {
        before[k] = answer_exposing(NULL, file, NULL, kinds[k], file);
    }
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char change[64];
        (void)snprintf(change, sizeof change, "chmod %s file", changes[i]);
        sh(change);
        for (size_t k = 0; k < 3; k++) {
            const struct answer now = answer_exposing(NULL, file, NULL, kinds[k], file);
            assert_false(answer_equal(&before[k], &now));
            before[k] = now;
        }
    }
}

TEST(each_kind_has_its_answer_to_each_kind_of_file_of_the_machine)
{
    static const struct {
        const char *name;
        const char *tags; /* to the kinds of `kinds` */
    } list[] = {
        {"m/file",        "pfnfpf"},
        {"m/link",        "llllll"},
        {"m/folder",      "pdndDR"},
        {"m/pipe",        "psn!p!"},
        {"m/none",        "aaaaaa"},
        {"m/file/below",  "bbbbbb"},
        {"m/link/below",  "kkkkkk"},
        {"m/none/at/all", "aaaaaa"},
    };

    static const enum observation_kind kinds[] = {OBSERVE_EXISTS,
                                                  OBSERVE_TYPE,
                                                  OBSERVE_LINK,
                                                  OBSERVE_CONTENT,
                                                  OBSERVE_LISTING,
                                                  OBSERVE_SUBTREE};

    sh("mkdir -p m/folder; printf hello >m/file; ln -s file m/link; mkfifo m/pipe");
    char m[4096];
    (void)snprintf(m, sizeof m, "%s", at("m"));
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            const struct answer answer =
                answer_exposing(NULL, m, NULL, kinds[k], here(list[i].name));
            if (answer.bytes[0] != (unsigned char)list[i].tags[k]) {
                fail_msg("%c %s: %c", (char)kinds[k], list[i].name, answer.bytes[0]);
            }
        }
    }
}

/* A checkout below /opt or /usr/src is not what a unit sees there: it sees an empty folder. */
TEST(a_live_tree_in_a_system_folder_is_seen_as_an_empty_folder)
{
    static const struct {
        enum observation_kind kind;
        const char *path;
        enum answer_tag tag;
    } list[] = {
        {OBSERVE_EXISTS,  "/usr/lib",            ANSWER_PRESENT},
        {OBSERVE_TYPE,    "/usr/lib",            ANSWER_FOLDER },
        {OBSERVE_CONTENT, "/usr/lib",            ANSWER_FOLDER },
        {OBSERVE_LINK,    "/usr/lib",            ANSWER_NO_LINK},
        {OBSERVE_LISTING, "/usr/lib",            ANSWER_PRESENT},
        {OBSERVE_EXISTS,  "/usr/lib/os-release", ANSWER_ABSENT },
        {OBSERVE_CONTENT, "/usr/lib/os-release", ANSWER_ABSENT },
        {OBSERVE_TYPE,    "/usr/bin",            ANSWER_FOLDER },
        {OBSERVE_EXISTS,  "/usr/bin/env",        ANSWER_PRESENT},
        {OBSERVE_TYPE,    "/usr",                ANSWER_FOLDER },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct answer answer =
            answer_exposing("/usr/lib", NULL, NULL, list[i].kind, list[i].path);
        assert_int_equal(answer.bytes[0], list[i].tag);
    }
    const struct answer elsewhere =
        answer_exposing("/home/me/tree", NULL, NULL, OBSERVE_LISTING, "/usr/lib");
    assert_int_equal(elsewhere.bytes[0], ANSWER_LISTING);
    const struct answer inside =
        answer_exposing("/home/me/tree", NULL, NULL, OBSERVE_TYPE, "/usr/lib/os-release");
    assert_int_not_equal(inside.bytes[0], ANSWER_ABSENT);
    const struct answer top = answer_exposing(NULL, NULL, NULL, OBSERVE_LISTING, "/usr/lib");
    assert_true(answer_equal(&top, &elsewhere));
}

TEST(a_folder_that_the_world_lacks_lists_what_is_exposed_in_it)
{
    static const enum observation_kind kinds[] = {OBSERVE_LISTING, OBSERVE_SUBTREE};

    sh("mkdir -p m/one m/two");
    const char *m = here("m");
    const char *one = here("m/one");
    const char *two = here("m/two");
    for (size_t i = 0; i < 2; i++) {
        const struct answer empty = answer_exposing(NULL, NULL, NULL, kinds[i], m);
        const struct answer first = answer_exposing(NULL, one, NULL, kinds[i], m);
        const struct answer second = answer_exposing(NULL, two, NULL, kinds[i], m);
        const struct answer both = answer_exposing(NULL, one, two, kinds[i], m);
        const struct answer gone = answer_exposing(NULL, here("m/none"), NULL, kinds[i], m);
        const struct answer other = answer_exposing(NULL, one, NULL, kinds[i], here("elsewhere"));
        assert_int_equal(empty.bytes[0], ANSWER_LISTING);
        assert_false(answer_equal(&empty, &first));
        assert_false(answer_equal(&first, &second));
        assert_false(answer_equal(&first, &both));
        assert_true(answer_equal(&empty, &gone));
        assert_true(answer_equal(&empty, &other));
    }
    const struct answer type = answer_exposing(NULL, NULL, NULL, OBSERVE_TYPE, m);
    const struct answer content = answer_exposing(NULL, NULL, NULL, OBSERVE_CONTENT, m);
    assert_int_equal(type.bytes[0], ANSWER_ABSENT);
    assert_int_equal(content.bytes[0], ANSWER_ABSENT);
}

/* Two entries, one inside of the other, that lead to different places. */
TEST(of_two_exposed_entries_the_inner_one_answers)
{
    sh("mkdir -p r one two; ln -s ../one r/dep; ln -s ../two one/sub; echo two >two/f");
    const char *root = here("r");
    for (int turn = 0; turn < 2; turn++) {
        const struct answer inner = answer_exposing(root,
                                                    turn == 0 ? "dep" : "././dep/sub//",
                                                    turn == 0 ? "./dep/sub/" : "dep",
                                                    OBSERVE_CONTENT,
                                                    "/src/dep/sub/f");
        assert_int_equal(inner.bytes[0], ANSWER_FILE);
    }
    const struct answer outer =
        answer_exposing(root, "dep", NULL, OBSERVE_EXISTS, "/src/dep/sub/f");
    assert_int_equal(outer.bytes[0], ANSWER_BEHIND_LINK);
    const struct answer alike = answer_exposing(root, "dep", NULL, OBSERVE_EXISTS, "/src/depot");
    assert_int_equal(alike.bytes[0], ANSWER_ABSENT);
}

TEST(plugins_are_nowhere_when_the_world_has_none)
{
    sh("mkdir plugins; echo p >plugins/p");
    struct bare bare = {
        .state = {.root = here("r"), .plugin_dir = here("plugins")}
    };
    bare_open(&bare);
    struct answer answer = bare_get(&bare, OBSERVE_EXISTS, "/sluice/plugins/p");
    assert_int_equal(answer.bytes[0], ANSWER_PRESENT);
    answer = bare_get(&bare, OBSERVE_TYPE, "/sluice/plugins");
    assert_int_equal(answer.bytes[0], ANSWER_FOLDER);
    answer = bare_get(&bare, OBSERVE_EXISTS, "/sluice/pluginsX");
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
    bare_close(&bare);
    answer = answer_exposing(here("r"), NULL, NULL, OBSERVE_EXISTS, "/sluice/plugins/p");
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
}

/* What a whole run is told of an exposed path is where it led when the run began. */
TEST(an_exposed_entry_leads_where_it_led_when_it_was_first_looked_at)
{
    const char *items[] = {"./dep/", NULL};
    sh("mkdir -p r one two; echo one >one/f; echo two >two/g; ln -s ../one r/dep");
    struct bare bare = {
        .state = {.root = here("r"), .expose = {items, 1}, .plugin_dir = here("one")}
    };
    const char *changed = NULL;
    assert_int_equal(host_new(NULL, &bare.host, NULL), 0);
    assert_int_equal(answers_look(bare.host, &bare.state, NULL), 0);
    sh("ln -sfn ../two r/dep");
    assert_int_equal(answers_new(NULL, bare.host, &bare.state, &bare.answers, NULL), 0);
    struct answer answer = bare_get(&bare, OBSERVE_EXISTS, "/src/dep/f");
    assert_int_equal(answer.bytes[0], ANSWER_PRESENT);
    answer = bare_get(&bare, OBSERVE_EXISTS, "/src/dep/g");
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
    assert_int_equal(answers_recheck_exposed(bare.answers, &changed), 0);
    assert_string_equal(changed, "/src/dep");
    sh("ln -sfn ../one r/dep");
    assert_int_equal(answers_recheck_exposed(bare.answers, &changed), 1);
    sh("rm r/dep");
    changed = NULL;
    assert_int_equal(answers_recheck_exposed(bare.answers, &changed), 0);
    assert_string_equal(changed, "/src/dep");
    bare_close(&bare);
}

TEST(an_exposed_entry_that_comes_into_being_is_told)
{
    const char *items[] = {"dep", NULL};
    const char *changed = NULL;
    sh("mkdir r");
    struct bare bare = {
        .state = {.root = here("r"), .expose = {items, 1}}
    };
    bare_open(&bare);
    assert_int_equal(answers_recheck_exposed(bare.answers, &changed), 1);
    sh("mkdir r/dep");
    assert_int_equal(answers_recheck_exposed(bare.answers, &changed), 0);
    assert_string_equal(changed, "/src/dep");
    bare_close(&bare);
}

TEST(the_path_on_the_machine_is_told_where_the_machine_answers)
{
    const char *items[] = {"dep", NULL};
    char path[4096];
    char want[4096];
    sh("mkdir -p r one; ln -s ../one r/dep");
    struct bare bare = {
        .state = {.root = here("r"), .expose = {items, 1}}
    };
    bare_open(&bare);
    const struct observation exposed = {OBSERVE_CONTENT, "/src/dep/f"};
    const struct observation fact = {OBSERVE_HOST, "uname"};
    const struct observation tree = {OBSERVE_CONTENT, "/src/f"};
    const struct observation nowhere = {OBSERVE_EXISTS, "/home/me"};
    const struct observation system = {OBSERVE_EXISTS, "/usr/bin"};
    (void)snprintf(want, sizeof want, "%s", here("one/f"));
    assert_int_equal(answers_host_path(bare.answers, &exposed, path, sizeof path), 1);
    assert_string_equal(path, want);
    assert_int_equal(answers_host_path(bare.answers, &fact, path, sizeof path), 1);
    assert_string_equal(path, "uname");
    assert_int_equal(answers_host_path(bare.answers, &system, path, sizeof "/usr/bin"), 1);
    assert_string_equal(path, "/usr/bin");
    assert_int_equal(answers_host_path(bare.answers, &system, path, sizeof "/usr/bin" - 1),
                     -ENAMETOOLONG);
    assert_int_equal(answers_host_path(bare.answers, &tree, path, sizeof path), 0);
    assert_int_equal(answers_host_path(bare.answers, &nowhere, path, sizeof path), 0);
    bare_close(&bare);
}

TEST(a_path_that_is_too_long_for_the_machine_is_an_error)
{
    const char *items[] = {"dep", NULL};
    char path[PATH_TEXT_MAX + 10] = "/src/dep/";
    struct answer answer;
    struct err err = {0};
    const char *changed = NULL;
    sh("mkdir -p r/dep");
    struct bare bare = {
        .state = {.root = here("r"), .expose = {items, 1}}
    };
    bare_open(&bare);
    memset(path + 9, 'x', PATH_TEXT_MAX - 10);
    const struct observation asked = {OBSERVE_EXISTS, path};
    assert_int_equal(answers_get(bare.answers, &asked, &answer, &err), -ENAMETOOLONG);
    assert_non_null(strstr(err.text, "too long"));
    assert_int_equal(answers_recheck(bare.answers, &asked, 0, &changed, &err), -ENAMETOOLONG);
    path[5] = 'D'; /* the same in the tree */
    assert_int_equal(answers_get(bare.answers, &asked, &answer, &err), 0);
    bare_close(&bare);
}

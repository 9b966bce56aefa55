/* SPDX-License-Identifier: Apache-2.0 */
/* val(S, kind, path): what each kind says of each kind of path, and which edits it notices. */
#include "reuse/answer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/setup.h"
#include "support/test.h"

/* The answer as the repository is now. */
static struct answer ask(enum observation_kind kind, const char *path)
{
    struct setup s = {0};
    setup_open(&s);
    struct answer answer = setup_get(&s, kind, path);
    setup_close(&s);
    return answer;
}

static void assert_tag(const struct answer *answer, enum answer_tag tag, const char *what)
{
    if (answer->bytes[0] != (unsigned char)tag) {
        fail_msg("%s: tag %c, not %c", what, answer->bytes[0], (char)tag);
    }
}

/* `change` (a shell script) changes the answer to (kind, path), or it does not. */
static void assert_changes(enum observation_kind kind,
                           const char *path,
                           const char *change,
                           bool does)
{
    struct answer before = ask(kind, path);
    sh(change);
    struct answer after = ask(kind, path);
    if (answer_equal(&before, &after) == does) {
        fail_msg(
            "%c %s: `%s` %s the answer", (char)kind, path, change, does ? "leaves" : "changes");
    }
}

TEST(each_kind_has_its_answer_to_a_file_a_link_a_folder_and_nothing)
{
    struct setup s = {0};
    setup_make_tree();
    setup_open(&s);

    static const struct {
        enum observation_kind kind;
        const char *path;
        enum answer_tag tag;
    } expected[] = {
        {OBSERVE_EXISTS,  "/src/src/a.c",       ANSWER_PRESENT    },
        {OBSERVE_EXISTS,  "/src/link",          ANSWER_LINK       },
        {OBSERVE_EXISTS,  "/src/src",           ANSWER_PRESENT    },
        {OBSERVE_EXISTS,  "/src/none",          ANSWER_ABSENT     },
        {OBSERVE_EXISTS,  "/src/src/a.c/below", ANSWER_BLOCKED    },
        {OBSERVE_EXISTS,  "/src/dirlink/a.c",   ANSWER_BEHIND_LINK},
        {OBSERVE_TYPE,    "/src/src/a.c",       ANSWER_FILE       },
        {OBSERVE_TYPE,    "/src/src",           ANSWER_FOLDER     },
        {OBSERVE_TYPE,    "/src/link",          ANSWER_LINK       },
        {OBSERVE_TYPE,    "/src/none",          ANSWER_ABSENT     },
        {OBSERVE_LINK,    "/src/link",          ANSWER_LINK       },
        {OBSERVE_LINK,    "/src/src/a.c",       ANSWER_NO_LINK    },
        {OBSERVE_LINK,    "/src/src",           ANSWER_NO_LINK    },
        {OBSERVE_LINK,    "/src/none",          ANSWER_ABSENT     },
        {OBSERVE_CONTENT, "/src/src/a.c",       ANSWER_FILE       },
        {OBSERVE_CONTENT, "/src/link",          ANSWER_LINK       },
        {OBSERVE_CONTENT, "/src/src",           ANSWER_FOLDER     },
        {OBSERVE_CONTENT, "/src/none",          ANSWER_ABSENT     },
        {OBSERVE_LISTING, "/src/src",           ANSWER_LISTING    },
        {OBSERVE_LISTING, "/src",               ANSWER_LISTING    },
        {OBSERVE_LISTING, "/src/src/a.c",       ANSWER_PRESENT    },
        {OBSERVE_LISTING, "/src/none",          ANSWER_ABSENT     },
        {OBSERVE_SUBTREE, "/src/src",           ANSWER_SUBTREE    },
        {OBSERVE_SUBTREE, "/src/src/a.c",       ANSWER_FILE       },
        {OBSERVE_EXISTS,  "/src/.git",          ANSWER_ABSENT     },
        {OBSERVE_CONTENT, "/src/.git/HEAD",     ANSWER_ABSENT     },
        {OBSERVE_EXISTS,  "/src/.sluice",       ANSWER_ABSENT     },
        {OBSERVE_EXISTS,  "/usr/bin/env",       ANSWER_PRESENT    },
        {OBSERVE_TYPE,    "/usr/bin",           ANSWER_FOLDER     },
        {OBSERVE_CONTENT, "/etc/passwd",        ANSWER_FILE       },
        {OBSERVE_LISTING, "/usr/share",         ANSWER_LISTING    },
        {OBSERVE_EXISTS,  "/usr/no/such/thing", ANSWER_ABSENT     },
        {OBSERVE_EXISTS,  "/etc/passwd/below",  ANSWER_BLOCKED    },
        {OBSERVE_EXISTS,  "/tmp/anything",      ANSWER_ABSENT     },
        {OBSERVE_EXISTS,  "/home/user/secret",  ANSWER_ABSENT     },
        {OBSERVE_HOST,    "uname",              ANSWER_FACT       },
        {OBSERVE_HOST,    "ncpu",               ANSWER_FACT       },
        {OBSERVE_HOST,    "cpuinfo",            ANSWER_FACT       },
        {OBSERVE_HOST,    "memory",             ANSWER_FACT       },
        {OBSERVE_HOST,    "proc:filesystems",   ANSWER_FACT       },
    };

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct answer answer = setup_get(&s, expected[i].kind, expected[i].path);
        char what[200];
        (void)snprintf(what, sizeof what, "%c %s", (char)expected[i].kind, expected[i].path);
        assert_tag(&answer, expected[i].tag, what);
    }
    setup_close(&s);
}

TEST(edits_are_noticed_by_those_who_asked_and_by_nobody_else)
{
    static const struct {
        enum observation_kind kind;
        const char *path;
        const char *change;
        bool does;
    } list[] = {
  /* content */
        {OBSERVE_CONTENT, "/src/src/a.c",      "echo more >>r/src/a.c",                               true },
        {OBSERVE_CONTENT, "/src/src/b.c",      "echo other >r/src/a.c",                               false},
        {OBSERVE_CONTENT, "/src/src/a.c",      "touch r/src/a.c",                                     false},
        {OBSERVE_CONTENT, "/src/src/a.c",      "chmod +x r/src/a.c",                                  true },
        {OBSERVE_CONTENT, "/src/src/a.c",      "rm r/src/a.c; ln -s b.c r/src/a.c",                   true },
        {OBSERVE_CONTENT,
         "/src/src/a.c",                       "rm -f r/src/a.c; mkdir r/src/a.c; echo >r/src/a.c/x",
         true                                                                                              },
        {OBSERVE_CONTENT, "/src/src/a.c",      "rm -r r/src/a.c",                                     true },
 /* a link on the way, and back to a folder */
        {OBSERVE_CONTENT, "/src/src/b.c",      "mv r/src r/moved; ln -s moved r/src",                 true },
        {OBSERVE_CONTENT, "/src/src/b.c",      "rm r/src; mv r/moved r/src",                          true },
 /* type, size, exec bit */
        {OBSERVE_TYPE,    "/src/src/b.c",      "echo twx >r/src/b.c",                                 false},
        {OBSERVE_TYPE,    "/src/src/b.c",      "echo longer >r/src/b.c",                              true },
        {OBSERVE_TYPE,    "/src/run.sh",       "chmod -x r/run.sh",                                   true },
        {OBSERVE_TYPE,    "/src/src",          "echo new >r/src/new",                                 false},
 /* existence */
        {OBSERVE_EXISTS,  "/src/src/b.c",      "echo even longer >r/src/b.c",                         false},
        {OBSERVE_EXISTS,  "/src/absent",       "echo >r/other",                                       false},
        {OBSERVE_EXISTS,  "/src/absent",       "echo >r/absent",                                      true },
        {OBSERVE_EXISTS,  "/src/far/off/file", "mkdir r/far; echo >r/far/x",                          false},
        {OBSERVE_EXISTS,  "/src/far/off/file", "rm -r r/far; echo >r/far",                            true },
        {OBSERVE_EXISTS,  "/src/far/off/file", "rm r/far; ln -s src r/far",                           true },
        {OBSERVE_EXISTS,
         "/src/far/off/file",                  "rm r/far; mkdir -p r/far/off; echo >r/far/off/file",
         true                                                                                              },
 /* links */
        {OBSERVE_LINK,    "/src/link",         "ln -sfn src/b.c r/link",                              true },
        {OBSERVE_LINK,    "/src/link",         "echo x >>r/src/b.c",                                  false},
        {OBSERVE_LINK,    "/src/link",         "rm r/link; cp r/src/b.c r/link",                      true },
        {OBSERVE_LINK,    "/src/dirlink",      "rm r/dirlink; mkdir r/dirlink; echo >r/dirlink/x",    true },
 /* listings */
        {OBSERVE_LISTING, "/src/src",          "echo x >>r/src/b.c; chmod +x r/src/b.c",              false},
        {OBSERVE_LISTING, "/src/src",          "echo x >r/src/c.c",                                   true },
        {OBSERVE_LISTING, "/src/src",          "rm r/src/c.c",                                        true },
        {OBSERVE_LISTING, "/src/src",          "rm r/src/b.c; ln -s sub r/src/b.c",                   true },
        {OBSERVE_LISTING, "/src/src",          "echo x >r/src/sub/g",                                 false},
        {OBSERVE_LISTING, "/src",              "echo x >r/src/sub/g2",                                false},
        {OBSERVE_LISTING, "/src",              "echo x >r/top",                                       true },
        {OBSERVE_LISTING, "/src/src",          "mv r/src/sub r/src/Sub",                              true },
 /* everything below */
        {OBSERVE_SUBTREE, "/src/src",          "echo y >r/src/Sub/g",                                 true },
        {OBSERVE_SUBTREE, "/src/src",          "echo y >r/top",                                       false},
 /* bytes */
        {OBSERVE_EXISTS,  "/src/\xff\n\xfe",   "echo x >\"r/$(printf '\\377\\n\\376')\"",             true },
        {OBSERVE_CONTENT, "/src/\xff\n\xfe",   "echo y >\"r/$(printf '\\377\\n\\376')\"",             true },
    };

    setup_make_tree();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        assert_changes(list[i].kind, list[i].path, list[i].change, list[i].does);
    }
}

TEST(the_same_content_under_another_commit_is_the_same_answer)
{
    setup_make_tree();
    assert_changes(OBSERVE_CONTENT,
                   "/src/src/a.c",
                   "cd r; git add -A; git -c user.name=a -c user.email=a@x commit -qm one",
                   false);
    assert_changes(OBSERVE_SUBTREE, "/src/src", "cd r; git mv run.sh go.sh", false);
}

TEST(attributes_that_convert_change_contents_below_them)
{
    setup_make_tree();
    assert_changes(OBSERVE_CONTENT, "/src/src/a.c", "echo '* text=auto' >r/.gitattributes", false);
    assert_changes(
        OBSERVE_CONTENT, "/src/src/a.c", "echo '* eol=crlf' >r/src/sub/.gitattributes", false);
    assert_changes(
        OBSERVE_CONTENT, "/src/src/sub/f", "echo '* eol=lf' >r/src/sub/.gitattributes", true);
    assert_changes(OBSERVE_TYPE, "/src/src/a.c", "echo '*.c eol=crlf' >r/.gitattributes", true);
    assert_changes(OBSERVE_CONTENT, "/src/src/a.c", "echo '*.c eol=lf' >r/.gitattributes", true);
    assert_changes(OBSERVE_EXISTS, "/src/src/a.c", "echo '*.c eol=crlf' >r/.gitattributes", false);
}

TEST(the_size_of_a_converted_file_is_not_the_blobs)
{
    setup_make_tree();
    sh("echo '*.c eol=crlf' >r/.gitattributes");
    /* Same size of blob, another number of line ends: another size on disk. */
    sh("printf 'a\\nb\\n' >r/src/a.c");
    assert_changes(OBSERVE_TYPE, "/src/src/a.c", "printf 'abc\\n' >r/src/a.c", true);
}

/* What a unit sees is the pointer, or what the filter made of it: another object is another pointer
 * in either case. */
TEST(another_object_of_git_lfs_is_another_answer)
{
    setup_make_tree();
    sh("cd r; echo '*.bin filter=lfs -text' >.gitattributes; "
       "printf 'version 1\\noid sha256:%064d\\nsize 5\\n' 1 >a.bin");
    static const char other[] = "printf 'version 1\\noid sha256:%064d\\nsize 5\\n' 2 >r/a.bin";
    assert_changes(OBSERVE_CONTENT, "/src/a.bin", "touch r/a.bin", false);
    assert_changes(OBSERVE_CONTENT, "/src/a.bin", other, true);
    assert_changes(OBSERVE_TYPE, "/src/a.bin", "sed -i s/5/6/ r/a.bin", true);
}

TEST(sizes_beyond_32_bits_are_told_apart)
{
    struct setup s = {0};
    setup_make_tree();
    sh("truncate -s 1 plugins/one; truncate -s 4294967297 plugins/big; "
       "truncate -s 8589934593 plugins/huge");
    setup_open(&s);
    const struct answer one = setup_get(&s, OBSERVE_TYPE, "/sluice/plugins/one");
    const struct answer big = setup_get(&s, OBSERVE_TYPE, "/sluice/plugins/big");
    const struct answer huge = setup_get(&s, OBSERVE_TYPE, "/sluice/plugins/huge");
    assert_false(answer_equal(&one, &big));
    assert_false(answer_equal(&big, &huge));
    setup_close(&s);
}

TEST(settings_that_convert_everything_change_contents)
{
    setup_make_tree();
    assert_changes(OBSERVE_CONTENT, "/src/src/a.c", "cd r; git config filter.x.smudge rev", false);
    assert_changes(OBSERVE_CONTENT, "/src/src/a.c", "cd r; git config core.autocrlf true", true);
}

/* ---- products ---- */

static struct answer ask_with(const struct manifest *products,
                              enum observation_kind kind,
                              const char *path)
{
    struct setup s = {.state = {.products = products}};
    setup_open(&s);
    struct answer answer = setup_get(&s, kind, path);
    setup_close(&s);
    return answer;
}

static void assert_answer(const struct manifest *products,
                          enum observation_kind kind,
                          const char *path,
                          enum answer_tag tag)
{
    struct answer answer = ask_with(products, kind, path);
    assert_tag(&answer, tag, path);
}

TEST(products_lie_over_the_tree)
{
    setup_make_tree();
    struct product items[] = {
        setup_product("build/lib/a.o", "object"),
        {.path = "build/link", .mode = S_IFLNK | 0777, .digest = hash_bytes("lib", 3)},
        setup_product("src/a.c", "hides"),
        {.path = "src/b.c",                  .mode = S_IFDIR | 0755                                       },
        setup_product("src/sub", "a file over a folder"),
    };
    const struct manifest products = {items, 5};
    assert_answer(&products, OBSERVE_CONTENT, "/src/build/lib/a.o", ANSWER_FILE);
    assert_answer(&products, OBSERVE_TYPE, "/src/build/lib", ANSWER_FOLDER);
    assert_answer(&products, OBSERVE_EXISTS, "/src/build", ANSWER_PRESENT);
    assert_answer(&products, OBSERVE_LINK, "/src/build/link", ANSWER_LINK);
    assert_answer(&products, OBSERVE_EXISTS, "/src/build/link/a.o", ANSWER_BEHIND_LINK);
    assert_answer(&products, OBSERVE_EXISTS, "/src/build/none", ANSWER_ABSENT);
    assert_answer(&products, OBSERVE_EXISTS, "/src/build/lib/a.o/x", ANSWER_BLOCKED);
    assert_answer(&products, OBSERVE_TYPE, "/src/src/b.c", ANSWER_FOLDER);
    assert_answer(&products, OBSERVE_TYPE, "/src/src/sub", ANSWER_FILE);
    assert_answer(&products, OBSERVE_EXISTS, "/src/src/sub/f", ANSWER_BLOCKED);
    assert_answer(&products, OBSERVE_CONTENT, "/src/run.sh", ANSWER_FILE);
    struct answer hidden = ask_with(&products, OBSERVE_CONTENT, "/src/src/a.c");
    struct answer plain = ask(OBSERVE_CONTENT, "/src/src/a.c");
    assert_false(answer_equal(&hidden, &plain));
}

TEST(a_folder_of_both_lists_the_names_of_both)
{
    setup_make_tree();
    struct product one[] = {setup_product("src/new.o", "x")};
    struct product other[] = {setup_product("src/new.o", "y")};
    struct product same_name[] = {setup_product("src/a.c", "x")};
    const struct manifest with_one = {one, 1};
    const struct manifest with_other = {other, 1};
    const struct manifest with_same = {same_name, 1};
    struct answer plain = ask(OBSERVE_LISTING, "/src/src");
    struct answer merged = ask_with(&with_one, OBSERVE_LISTING, "/src/src");
    struct answer merged_other = ask_with(&with_other, OBSERVE_LISTING, "/src/src");
    struct answer covered = ask_with(&with_same, OBSERVE_LISTING, "/src/src");
    assert_false(answer_equal(&plain, &merged));
    assert_true(answer_equal(&merged, &merged_other));
    assert_true(answer_equal(&plain, &covered));
    /* The tree alone with the same names lists the same. */
    sh("echo >r/src/new.o");
    struct answer in_tree = ask(OBSERVE_LISTING, "/src/src");
    assert_true(answer_equal(&merged, &in_tree));
}

TEST(a_product_that_changes_is_seen_where_it_is_read)
{
    setup_make_tree();
    struct product one[] = {setup_product("out/x", "one")};
    struct product two[] = {setup_product("out/x", "two")};
    const struct manifest first = {one, 1};
    const struct manifest second = {two, 1};

    static const struct {
        enum observation_kind kind;
        const char *path;
        bool same;
    } list[] = {
        {OBSERVE_CONTENT, "/src/out/x",   false},
        {OBSERVE_SUBTREE, "/src/out",     false},
        {OBSERVE_SUBTREE, "/src",         false},
        {OBSERVE_TYPE,    "/src/out/x",   true },
        {OBSERVE_LISTING, "/src/out",     true },
        {OBSERVE_CONTENT, "/src/src/a.c", true },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct answer a = ask_with(&first, list[i].kind, list[i].path);
        struct answer b = ask_with(&second, list[i].kind, list[i].path);
        assert_int_equal(answer_equal(&a, &b), list[i].same);
    }
}

/* ---- exposed ---- */

static struct answer ask_exposing(const char *entry, enum observation_kind kind, const char *path)
{
    const char *items[] = {entry, NULL};
    struct setup s = {.state = {.expose = {items, 1}}};
    setup_open(&s);
    struct answer answer = setup_get(&s, kind, path);
    setup_close(&s);
    return answer;
}

TEST(an_exposed_ignored_folder_is_answered_by_the_machine)
{
    setup_make_tree();
    sh("cd r; echo node_modules >.gitignore; mkdir -p node_modules/x; echo one "
       ">node_modules/x/i.js");
    const char *file = "/src/node_modules/x/i.js";
    struct answer hidden = ask(OBSERVE_CONTENT, file);
    assert_tag(&hidden, ANSWER_ABSENT, file);
    struct answer first = ask_exposing("node_modules", OBSERVE_CONTENT, file);
    assert_tag(&first, ANSWER_FILE, file);
    struct answer top = ask(OBSERVE_LISTING, "/src");
    struct answer top_exposed = ask_exposing("node_modules/", OBSERVE_LISTING, "/src");
    assert_false(answer_equal(&top, &top_exposed));
    sh("chmod 600 r/node_modules/x/i.js");
    struct answer closed = ask_exposing("node_modules", OBSERVE_CONTENT, file);
    assert_false(answer_equal(&first, &closed)); /* stat tells, and others may not read it */
    struct arena *arena = arena_new(4096);
    assert_non_null(strstr(answer_words(&closed, OBSERVE_CONTENT, arena), ", mode 600"));
    closed = ask_exposing("node_modules", OBSERVE_TYPE, file);
    assert_string_equal(answer_words(&closed, OBSERVE_TYPE, arena), "a file, 4 bytes, mode 600");
    arena_free(arena);
    sh("chmod 644 r/node_modules/x/i.js");
    sh("echo two >r/node_modules/x/i.js");
    struct answer second = ask_exposing("./node_modules", OBSERVE_CONTENT, file);
    assert_false(answer_equal(&first, &second));
    struct answer all = ask_exposing("node_modules", OBSERVE_SUBTREE, "/src");
    sh("echo three >r/node_modules/x/i.js");
    struct answer later = ask_exposing("node_modules", OBSERVE_SUBTREE, "/src");
    assert_false(answer_equal(&all, &later));
}

TEST(an_exposed_path_that_is_not_there_exposes_nothing)
{
    setup_make_tree();
    struct answer absent = ask_exposing("cache/deep", OBSERVE_EXISTS, "/src/cache");
    assert_tag(&absent, ANSWER_ABSENT, "cache");
    sh("cd r; echo cache >.gitignore; mkdir -p cache/deep; echo x >cache/other");
    struct answer parent = ask_exposing("cache/deep", OBSERVE_TYPE, "/src/cache");
    assert_tag(&parent, ANSWER_FOLDER, "cache");
    struct answer sibling = ask_exposing("cache/deep", OBSERVE_EXISTS, "/src/cache/other");
    assert_tag(&sibling, ANSWER_ABSENT, "cache/other");
}

TEST(an_exposed_folder_of_the_machine_is_seen_where_it_is)
{
    setup_make_tree();
    sh("mkdir -p host/sub; echo x >host/sub/f");
    char entry[4096];
    char file[4096];
    (void)snprintf(entry, sizeof entry, "%s", at("host"));
    (void)snprintf(file, sizeof file, "%s", at("host/sub/f"));
    struct answer hidden = ask(OBSERVE_CONTENT, file);
    assert_tag(&hidden, ANSWER_ABSENT, file);
    struct answer seen = ask_exposing(entry, OBSERVE_CONTENT, file);
    assert_tag(&seen, ANSWER_FILE, file);
}

TEST(the_git_folder_is_seen_only_when_exposed)
{
    setup_make_tree();
    struct answer head = ask_exposing(".git", OBSERVE_CONTENT, "/src/.git/HEAD");
    assert_tag(&head, ANSWER_FILE, ".git/HEAD");
}

TEST(plugins_are_answered_by_their_folder)
{
    setup_make_tree();
    sh("echo one >plugins/p");
    assert_changes(OBSERVE_CONTENT, "/sluice/plugins/p", "echo two >plugins/p", true);
    assert_changes(OBSERVE_CONTENT, "/sluice/plugins/p", "touch plugins/p", false);
    assert_changes(OBSERVE_EXISTS, "/sluice/plugins/q", "echo >plugins/q", true);
    assert_changes(OBSERVE_LISTING, "/sluice/plugins", "echo >plugins/z", true);
    assert_changes(OBSERVE_LINK, "/sluice/plugins/l", "ln -s p plugins/l", true);
    assert_changes(OBSERVE_LINK, "/sluice/plugins/l", "ln -sfn q plugins/l", true);
    assert_changes(OBSERVE_SUBTREE, "/sluice/plugins", "echo three >plugins/p", true);
}

/* ---- the machine may change ---- */

static int recheck(struct setup *s, enum observation_kind kind, const char *path, int64_t since_ms)
{
    const struct observation asked = {kind, path};
    const char *changed = NULL;
    struct err err = {0};
    int rc = answers_recheck(s->answers, &asked, since_ms, &changed, &err);
    assert_true(rc >= 0);
    assert_true(rc == 1 || changed != NULL);
    return rc;
}

TEST(a_file_of_the_machine_that_changed_meanwhile_is_told)
{
    struct setup s = {0};
    setup_make_tree();
    sh("mkdir plugins/d; echo one >plugins/p; echo one >plugins/q");
    (void)usleep(100000); /* what is looked at within a tick of its change counts as changed */
    setup_open(&s);
    (void)setup_get(&s, OBSERVE_CONTENT, "/sluice/plugins/p");
    (void)setup_get(&s, OBSERVE_CONTENT, "/sluice/plugins/q");
    (void)setup_get(&s, OBSERVE_EXISTS, "/sluice/plugins/d/none");
    (void)setup_get(&s, OBSERVE_SUBTREE, "/sluice/plugins/d");
    (void)usleep(100000);
    int64_t started_ms = clock_wall_ms();
    assert_int_equal(recheck(&s, OBSERVE_CONTENT, "/sluice/plugins/p", started_ms), 1);
    assert_int_equal(recheck(&s, OBSERVE_EXISTS, "/sluice/plugins/d/none", started_ms), 1);
    assert_int_equal(recheck(&s, OBSERVE_SUBTREE, "/sluice/plugins/d", started_ms), 1);
    assert_int_equal(recheck(&s, OBSERVE_CONTENT, "/usr/bin/env", started_ms), 1);
    assert_int_equal(recheck(&s, OBSERVE_CONTENT, "/src/src/a.c", started_ms), 1);
    /* changed and changed back; came and went; asked for the first time after it changed */
    sh("cp -p plugins/p keep; echo two >plugins/p; cp -p keep plugins/p; echo >plugins/d/none; "
       "rm plugins/d/none; echo >plugins/late");
    assert_int_equal(recheck(&s, OBSERVE_CONTENT, "/sluice/plugins/p", started_ms), 0);
    assert_int_equal(recheck(&s, OBSERVE_EXISTS, "/sluice/plugins/d/none", started_ms), 0);
    assert_int_equal(recheck(&s, OBSERVE_SUBTREE, "/sluice/plugins/d", started_ms), 0);
    assert_int_equal(recheck(&s, OBSERVE_CONTENT, "/sluice/plugins/late", started_ms), 0);
    assert_int_equal(recheck(&s, OBSERVE_CONTENT, "/sluice/plugins/q", started_ms), 1);
    assert_int_equal(recheck(&s, OBSERVE_SUBTREE, "/sluice/plugins/q", started_ms), 1);
    assert_int_equal(recheck(&s, OBSERVE_SUBTREE, "/sluice/plugins/p", started_ms), 0);
    assert_int_equal(recheck(&s, OBSERVE_SUBTREE, "/sluice/plugins/d/none", started_ms), 0);
    setup_close(&s);
}

/* What lies deep below a folder changed between the look at it and the start of the unit, which saw
 * the new content: it earned evidence for the old one. */
TEST(a_whole_folder_of_the_machine_that_changed_before_the_unit_started_is_told)
{
    const char *items[] = {"src/dep", NULL};
    struct setup s = {.state = {.expose = {items, 1}}};
    setup_make_tree();
    sh("mkdir -p plugins/d/e r/src/dep/e; echo one >plugins/d/e/f; echo one >r/src/dep/e/f");
    (void)usleep(100000);
    setup_open(&s);
    static const char *const paths[] = {"/sluice/plugins/d", "/src/src/dep", "/src/src", "/src"};
    (void)usleep(100000);
    for (size_t i = 0; i < 4; i++) {
        (void)setup_get(&s, OBSERVE_SUBTREE, paths[i]);
        assert_int_equal(recheck(&s, OBSERVE_SUBTREE, paths[i], clock_wall_ms()), 1);
    }
    sh("echo two >plugins/d/e/f; echo two >r/src/dep/e/f");
    (void)usleep(100000);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(recheck(&s, OBSERVE_SUBTREE, paths[i], clock_wall_ms()), 0);
    }
    assert_int_equal(recheck(&s, OBSERVE_SUBTREE, "/src/run.sh", clock_wall_ms()), 1);
    assert_int_equal(recheck(&s, OBSERVE_EXISTS, "/src/src", clock_wall_ms()), 1);
    assert_int_equal(recheck(&s, OBSERVE_LISTING, "/src", clock_wall_ms()), 1);
    setup_close(&s);
}

TEST(an_exposed_entry_that_leads_elsewhere_is_told)
{
    const char *items[] = {"dep", NULL};
    struct setup s = {.state = {.expose = {items, 1}}};
    const char *path = NULL;
    setup_make_tree();
    sh("mkdir one two; cd r; echo dep >.gitignore; ln -s ../one dep");
    setup_open(&s);
    assert_int_equal(answers_recheck_exposed(s.answers, &path), 1);
    sh("ln -sfn ../two r/dep");
    assert_int_equal(answers_recheck_exposed(s.answers, &path), 0);
    assert_string_equal(path, "/src/dep");
    setup_close(&s);
}

TEST(facts_that_change_by_themselves_are_constants)
{
    struct setup s = {0};
    setup_make_tree();
    setup_open(&s);
    struct answer load = setup_get(&s, OBSERVE_HOST, "proc:loadavg");
    struct answer uptime = setup_get(&s, OBSERVE_HOST, "proc:uptime");
    struct answer inside = setup_get(&s, OBSERVE_HOST, "proc:sys/kernel/random/uuid");
    struct answer stable = setup_get(&s, OBSERVE_HOST, "proc:version");
    assert_true(answer_equal(&load, &uptime));
    assert_true(answer_equal(&load, &inside));
    assert_false(answer_equal(&load, &stable));
    struct observation unknown = {OBSERVE_HOST, "weather"};
    struct answer answer;
    struct err err = {0};
    assert_int_equal(answers_get(s.answers, &unknown, &answer, &err), -EINVAL);
    setup_close(&s);
}

TEST(a_device_has_no_content_that_could_be_compared)
{
    setup_make_tree();
    struct answer answer = ask_exposing("/dev/zero", OBSERVE_CONTENT, "/dev/zero");
    assert_tag(&answer, ANSWER_VOLATILE, "/dev/zero");
    struct answer type = ask_exposing("/dev/zero", OBSERVE_TYPE, "/dev/zero");
    assert_tag(&type, ANSWER_SPECIAL, "/dev/zero");
}

TEST(reading_ahead_changes_no_answer)
{
    static const struct observation asked[] = {
        {OBSERVE_TYPE,    "/src/run.sh"         },
        {OBSERVE_TYPE,    "/src/src/a.c"        },
        {OBSERVE_CONTENT, "/src/src/sub/f"      },
        {OBSERVE_EXISTS,  "/src/src/sub/none"   },
        {OBSERVE_LISTING, "/src/src/sub"        },
        {OBSERVE_CONTENT, "/usr/bin/env"        },
        {OBSERVE_HOST,    "uname"               },
        {OBSERVE_EXISTS,  "/src/nowhere/at/all/"},
    };
    const size_t count = sizeof asked / sizeof asked[0] - 1;
    struct setup plain = {0};
    struct setup ahead = {0};
    struct err err = {0};
    setup_make_tree();
    setup_open(&plain);
    setup_open(&ahead);
    assert_int_equal(answers_prefetch(ahead.answers, asked, count, true, &err), 0);
    for (size_t i = 0; i < count; i++) {
        struct answer a = setup_get(&plain, asked[i].kind, asked[i].path);
        struct answer b = setup_get(&ahead, asked[i].kind, asked[i].path);
        assert_true(answer_equal(&a, &b));
    }
    setup_close(&ahead);
    setup_close(&plain);
}

TEST(short_memory_is_an_error_and_leaves_nothing_behind)
{
    static const struct observation asked[] = {
        {OBSERVE_CONTENT, "/src/src/a.c"     },
        {OBSERVE_TYPE,    "/src/src/sub/f"   },
        {OBSERVE_LISTING, "/src/src"         },
        {OBSERVE_SUBTREE, "/src"             },
        {OBSERVE_CONTENT, "/sluice/plugins/p"},
        {OBSERVE_LISTING, "/sluice/plugins"  },
        {OBSERVE_SUBTREE, "/sluice/plugins"  },
    };
    const char *items[] = {"src/sub", NULL};
    struct product product = setup_product("out/x", "one");
    const struct manifest products = {&product, 1};
    struct setup s = {
        .state = {.expose = {items, 1}, .products = &products}
    };
    setup_make_tree();
    sh("echo one >plugins/p");
    setup_open(&s);
    bool done = false;
    const struct git_repo *repo = open_repo("r");
    struct answer right[sizeof asked / sizeof asked[0]];
    struct host *calm = NULL;
    struct answers *sure = NULL;
    assert_int_equal(host_new(NULL, &calm, NULL), 0);
    assert_int_equal(answers_new(s.objects, calm, &s.state, &sure, NULL), 0);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        assert_int_equal(answers_get(sure, &asked[i], &right[i], NULL), 0);
    }
    answers_free(sure);
    host_free(calm);
    for (size_t n = 1; !done && n < 5000; n++) {
        struct host *host = NULL;
        struct answers *answers = NULL;
        struct git_objects *objects = NULL; /* nothing is read yet */
        struct err err = {0};
        assert_int_equal(git_objects_open(repo, &objects, NULL), 0);
        (void)mem_fail_from(n);
        int rc = host_new(NULL, &host, &err);
        rc = rc == 0 ? answers_new(objects, host, &s.state, &answers, &err) : rc;
        for (size_t i = 0; rc == 0 && i < sizeof asked / sizeof asked[0]; i++) {
            struct answer answer;
            rc = answers_get(answers, &asked[i], &answer, &err);
        }
        (void)mem_fail_from(0);
        assert_true(rc == 0 || (err.code == rc && err.text[0] != '\0'));
        done = rc == 0;
        /* what could not be read is an error for ever, never absent */
        for (size_t i = 0; answers != NULL && i < sizeof asked / sizeof asked[0]; i++) {
            struct answer answer;
            assert_true(answers_get(answers, &asked[i], &answer, NULL) != 0
                        || answer_equal(&answer, &right[i]));
        }
        answers_free(answers);
        host_free(host);
        git_objects_close(objects);
    }
    assert_true(done);
    setup_close(&s);
}

TEST(answers_are_told_in_words)
{
    struct setup s = {0};
    struct arena *arena = arena_new(1u << 20);
    setup_make_tree();
    setup_open(&s);

    static const struct {
        enum observation_kind kind;
        const char *path;
        const char *words;
    } list[] = {
        {OBSERVE_TYPE,    "/src/src/a.c",     "a file, 4 bytes"             },
        {OBSERVE_TYPE,    "/src/run.sh",      "a file, executable, 10 bytes"},
        {OBSERVE_CONTENT, "/src/src/a.c",     "content 5626abf0"            },
        {OBSERVE_EXISTS,  "/src/none",        "absent"                      },
        {OBSERVE_TYPE,    "/src/link",        "a symbolic link"             },
        {OBSERVE_EXISTS,  "/src/dirlink/a.c", "behind a symbolic link"      },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct answer answer = setup_get(&s, list[i].kind, list[i].path);
        assert_string_equal(answer_words(&answer, list[i].kind, arena), list[i].words);
    }
    arena_free(arena);
    setup_close(&s);
}

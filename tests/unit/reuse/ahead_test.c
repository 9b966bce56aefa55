/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead: what was read is not asked of git again, which here is gone by then. */
#include "reuse/answer.h"

#include <stdio.h>
#include <string.h>

#include "support/setup.h"
#include "support/test.h"

/* Sizes that a run remembers. */
struct sizes {
    struct {
        unsigned char id[32];
        uint64_t size;
    } items[16];

    size_t count;
};

static bool get_size(void *context, const unsigned char *id, size_t id_len, uint64_t *ret_size)
{
    const struct sizes *sizes = context;
    for (size_t i = 0; i < sizes->count; i++) {
        if (memcmp(sizes->items[i].id, id, id_len) == 0) {
            *ret_size = sizes->items[i].size;
            return true;
        }
    }
    return false;
}

static void put_size(void *context, const unsigned char *id, size_t id_len, uint64_t size)
{
    struct sizes *sizes = context;
    assert_true(sizes->count < 16);
    memcpy(sizes->items[sizes->count].id, id, id_len);
    sizes->items[sizes->count++].size = size;
}

static int try_get(struct setup *s, enum observation_kind kind, const char *path)
{
    const struct observation asked = {kind, path};
    struct answer answer;
    return answers_get(s->answers, &asked, &answer, NULL);
}

static const struct observation mixed[] = {
    {OBSERVE_HOST,    "uname"             },
    {OBSERVE_CONTENT, "/usr/bin/env"      },
    {OBSERVE_TYPE,    "/usr/bin/env"      },
    {OBSERVE_TYPE,    "/src"              },
    {OBSERVE_TYPE,    "/src/run.sh"       },
    {OBSERVE_TYPE,    "/src/none"         },
    {OBSERVE_TYPE,    "/src/src"          },
    {OBSERVE_TYPE,    "/src/src/a.c"      },
    {OBSERVE_TYPE,    "/src/src/a.c/below"},
    {OBSERVE_EXISTS,  "/src/src/sub/f"    },
};

static void make_tree(void)
{
    setup_make_tree();
    sh("cd r; mkdir -p other/deep; echo longer >other/deep/g");
}

TEST(folders_and_sizes_that_were_read_ahead_are_known_without_git)
{
    struct sizes sizes = {0};
    const struct answer_memo memo = {.context = &sizes, .get_size = get_size, .put_size = put_size};
    struct setup s = {.memo = &memo};
    struct arena *arena = arena_new(65536);
    make_tree();
    setup_open(&s);
    assert_int_equal(answers_prefetch(s.answers, mixed, sizeof mixed / sizeof mixed[0], true, NULL),
                     0);
    assert_int_equal(sizes.count, 2); /* of run.sh and a.c: who else is asked for a size is none */
    sh("rm -rf r/.git/objects r/.sluice");
    const struct answer run = setup_get(&s, OBSERVE_TYPE, "/src/run.sh");
    assert_string_equal(answer_words(&run, OBSERVE_TYPE, arena), "a file, executable, 10 bytes");
    const struct answer a = setup_get(&s, OBSERVE_TYPE, "/src/src/a.c");
    assert_string_equal(answer_words(&a, OBSERVE_TYPE, arena), "a file, 4 bytes");
    assert_int_equal(try_get(&s, OBSERVE_CONTENT, "/src/src/sub/f"), 0);
    assert_int_equal(sizes.count, 2);
    assert_int_not_equal(try_get(&s, OBSERVE_TYPE, "/src/src/b.c"), 0);         /* its size */
    assert_int_not_equal(try_get(&s, OBSERVE_CONTENT, "/src/other/deep/g"), 0); /* its folder */
    arena_free(arena);
    setup_close(&s);
}

TEST(sizes_alone_may_be_asked_ahead)
{
    static const struct observation asked[] = {
        {OBSERVE_TYPE,   "/src/src/a.c"  },
        {OBSERVE_EXISTS, "/src/src/sub/f"},
        {OBSERVE_TYPE,   "/src/src/b.c"  },
    };
    struct sizes sizes = {0};
    const struct answer_memo memo = {.context = &sizes, .get_size = get_size, .put_size = put_size};
    struct setup s = {.memo = &memo};
    make_tree();
    setup_open(&s);
    assert_int_equal(answers_prefetch(s.answers, asked, 3, false, NULL), 0);
    assert_int_equal(sizes.count, 2);
    assert_int_equal(answers_prefetch(s.answers, asked, 3, false, NULL), 0);
    assert_int_equal(sizes.count, 2); /* they are known */
    sh("rm -rf r/.git/objects r/.sluice");
    assert_int_equal(try_get(&s, OBSERVE_TYPE, "/src/src/b.c"), 0);
    assert_int_not_equal(try_get(&s, OBSERVE_EXISTS, "/src/src/sub/f"), 0);
    setup_close(&s);
}

TEST(a_single_question_is_read_ahead_too)
{
    static const struct observation size = {OBSERVE_TYPE, "/src/src/a.c"};
    static const struct observation folder = {OBSERVE_EXISTS, "/src/src/sub/f"};
    struct sizes sizes = {0};
    const struct answer_memo memo = {.context = &sizes, .get_size = get_size, .put_size = put_size};
    struct setup s = {.memo = &memo};
    make_tree();
    setup_open(&s);
    assert_int_equal(answers_prefetch(s.answers, &size, 1, true, NULL), 0);
    assert_int_equal(answers_prefetch(s.answers, &folder, 1, true, NULL), 0);
    assert_int_equal(sizes.count, 1);
    sh("rm -rf r/.git/objects r/.sluice");
    assert_int_equal(try_get(&s, OBSERVE_TYPE, "/src/src/a.c"), 0);
    assert_int_equal(try_get(&s, OBSERVE_EXISTS, "/src/src/sub/f"), 0);
    setup_close(&s);
}

TEST(a_size_is_remembered_when_it_had_to_be_asked_for)
{
    struct sizes sizes = {0};
    const struct answer_memo memo = {.context = &sizes, .get_size = get_size, .put_size = put_size};
    struct setup s = {.memo = &memo};
    make_tree();
    setup_open(&s);
    assert_int_equal(try_get(&s, OBSERVE_TYPE, "/src/src/a.c"), 0);
    assert_int_equal(sizes.count, 1);
    assert_int_equal(sizes.items[0].size, 4);
    assert_int_equal(try_get(&s, OBSERVE_TYPE, "/src/src/a.c"), 0);
    assert_int_equal(sizes.count, 1);
    setup_close(&s);
}

/* Without a place to remember them sizes are not asked ahead. */
TEST(folders_are_read_ahead_where_sizes_are_not_remembered)
{
    struct setup s = {0};
    make_tree();
    setup_open(&s);
    assert_int_equal(answers_prefetch(s.answers, mixed + 7, 3, true, NULL), 0);
    sh("rm -rf r/.git/objects r/.sluice");
    assert_int_equal(try_get(&s, OBSERVE_CONTENT, "/src/src/sub/f"), 0);
    assert_int_not_equal(try_get(&s, OBSERVE_TYPE, "/src/src/a.c"), 0);
    setup_close(&s);
}

TEST(a_whole_tree_may_be_read_at_once)
{
    struct setup s = {0};
    make_tree();
    setup_open(&s);
    assert_int_equal(answers_read_whole(s.answers, 1000, NULL), 0);
    sh("rm -rf r/.git/objects r/.sluice");
    assert_int_equal(try_get(&s, OBSERVE_CONTENT, "/src/other/deep/g"), 0);
    assert_int_equal(try_get(&s, OBSERVE_LISTING, "/src/src/sub"), 0);
    setup_close(&s);
}

TEST(where_there_is_no_tree_nothing_is_read_ahead)
{
    const struct answer_state state = {0};
    struct host *host = NULL;
    struct answers *answers = NULL;
    assert_int_equal(host_new(NULL, &host, NULL), 0);
    assert_int_equal(answers_new(NULL, host, &state, &answers, NULL), 0);
    assert_int_equal(answers_prefetch(answers, mixed, sizeof mixed / sizeof mixed[0], true, NULL),
                     0);
    assert_int_equal(answers_read_whole(answers, 1000, NULL), 0);
    answers_free(answers);
    host_free(host);
}

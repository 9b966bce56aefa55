/* SPDX-License-Identifier: Apache-2.0 */
/* What others keep closed. Apart from the other tests of host.c, as it needs a process without
 * root's rights: mutants are tried one program at a time where the code runs in a child too. */
#include "reuse/host.h"

#include <string.h>

#include "support/test.h"
#include "unit/git/support/world.h"

static int look_into_closed(void)
{
    struct host *host = NULL;
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_ABSENT;
    struct answer file = {0};
    struct answer folder = {0};
    struct answer all = {0};
    int64_t newest_ms = 0;
    bool good =
        host_new(NULL, &host, NULL) == 0
        && host_find(host, at("closed/f"), strlen(test_folder()), &presence, &node, NULL) == 0
        && presence == HOST_UNSEEN
        && host_find(host, at("secret"), strlen(test_folder()), &presence, &node, NULL) == 0
        && presence == HOST_PRESENT && host_digest(host, node, &file, NULL) == 0
        && host_find(host, at("closed"), strlen(test_folder()), &presence, &node, NULL) == 0
        && host_listing(host, node, &folder, NULL) == 0
        && host_subtree(host, node, &all, &newest_ms, NULL) == 0;
    host_free(host);
    return good && file.bytes[0] == ANSWER_UNSEEN && folder.bytes[0] == ANSWER_UNSEEN
                   && all.bytes[0] == ANSWER_UNSEEN
               ? 0
               : 1;
}

static int look_at_program(void)
{
    struct host *host = NULL;
    const struct host_node *node = NULL;
    enum host_presence presence = HOST_ABSENT;
    struct answer file = {0};
    struct answer all = {0};
    int64_t newest_ms = 0;
    bool good = host_new(NULL, &host, NULL) == 0
                && host_find(host, at("d/run"), strlen(test_folder()), &presence, &node, NULL) == 0
                && presence == HOST_PRESENT && host_digest(host, node, &file, NULL) == 0
                && host_find(host, at("d"), strlen(test_folder()), &presence, &node, NULL) == 0
                && host_subtree(host, node, &all, &newest_ms, NULL) == 0;
    host_free(host);
    return good && file.bytes[0] == ANSWER_VOLATILE && all.bytes[0] == ANSWER_VOLATILE ? 0 : 1;
}

/* A unit may execute it, and then its content matters: "may not be read" was the same answer for
 * any content. */
TEST(a_program_that_may_be_executed_but_not_read_has_no_answer)
{
    sh("mkdir d; echo x >d/run; chmod 111 d/run; chmod 755 . d");
    as_nobody(look_at_program);
}

TEST(what_we_may_not_read_is_unseen_not_absent)
{
    sh("mkdir closed; echo x >closed/f; chmod 000 closed; echo x >secret; chmod 000 secret; "
       "chmod 755 .");
    as_nobody(look_into_closed);
    sh("chmod 700 closed");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A state over a real repository, and its answers. */
#ifndef SLUICE_TESTS_REUSE_SETUP_H
#define SLUICE_TESTS_REUSE_SETUP_H

#include "reuse/answer.h"

#include "unit/git/support/world.h"

/* A state over a snapshot of test_folder()/r, with what a test adds to it. */
struct setup {
    const struct answer_memo *memo; /* NULL = none */
    struct git_objects *objects;
    struct host *host;
    struct answers *answers;
    struct answer_state state;
    char tree[GIT_ID_MAX]; /* "" = a snapshot of the repository as it is */
    char root[4096];
    char plugins[4096];
};

/* Makes test_folder()/r (a git repository with files, folders, links) and plugins/. */
void setup_make_tree(void);

/* Opens the repository as it is now. */
void setup_open(struct setup *s);
void setup_close(struct setup *s);

/* The answer to one question; there must be one. */
struct answer setup_get(struct setup *s, enum observation_kind kind, const char *path);

/* A world without a tree. */
struct bare {
    struct host *host;
    struct answers *answers;
    struct answer_state state;
};

void bare_open(struct bare *bare);
void bare_close(struct bare *bare);
struct answer bare_get(struct bare *bare, enum observation_kind kind, const char *path);

/* A product that is a file. */
struct product setup_product(const char *path, const char *content);

#endif

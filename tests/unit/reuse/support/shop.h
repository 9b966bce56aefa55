/* SPDX-License-Identifier: Apache-2.0 */
/* A store over a real repository, in which units "run": the test says what they asked and how they
 * ended. */
#ifndef SLUICE_TESTS_REUSE_SHOP_H
#define SLUICE_TESTS_REUSE_SHOP_H

#include "reuse/reuse.h"

#include "unit/git/support/world.h"

struct shop {
    struct reuse *reuse;
    struct arena *arena;
    struct git_repo repo;
    char tree[GIT_ID_MAX];
    char root[4096];
    char plugins[4096];
    char cache[4096];
    const struct manifest *products;
    const char *folder; /* where outputs of what runs are collected, if they are; NULL = nowhere */
    struct text_list expose;
    const struct reuse_policy *policy;
    bool network;
    struct hash key;
    bool attribute;
    bool take_fails;
    bool no_join;
    bool again;       /* runs whatever is known, */
    unsigned attempt; /* as this attempt; 0 = the second when `again`, else the first */
    int64_t timeout_ms;
    struct reuse_decision decision;
    const char *why; /* why the last one was not stored; NULL = it was */
};

/* Makes test_folder()/r (a git repository with src/a.c, src/b.c, run.sh) and plugins/. */
void shop_make_tree(void);

/* Opens store and repository as they are now; `run` names the run. */
void shop_open(struct shop *shop, const char *run);
void shop_open_as(struct shop *shop, const struct reuse_options *options);
void shop_close(struct shop *shop);

/* Takes the tree as it is now for the next questions. */
void shop_snapshot(struct shop *shop);

/* The state it asks for. */
struct reuse_state *shop_state(struct shop *shop);
struct reuse_request shop_request(struct shop *shop);

/* Asks; the decision is in shop->decision. Leases are released by shop_drop() or a run. */
enum reuse_action shop_ask(struct shop *shop);
enum reuse_action shop_peek(struct shop *shop);
void shop_drop(struct shop *shop);

/* A unit that asks `asked` ("C/src/src/a.c", NULL-terminated) and ends so; it must have been
 * decided to run. Returns reuse_record()'s. */
int shop_run(struct shop *shop, const char *const *asked, enum outcome_status status);
int shop_end(struct shop *shop, const struct outcome *outcome, const struct manifest *products);

/* The row that answered, as it is in the store. */
struct evidence_row shop_row(struct shop *shop);

/* In a fresh run over the tree as it is now: what is decided? Nothing is recorded. */
enum reuse_action shop_now(void);
void shop_assert_now(enum reuse_action expected);

/* In a fresh run over the tree as it is now: the unit is decided to run, and does. */
void shop_earn(const char *const *asked, enum outcome_status status);

#endif

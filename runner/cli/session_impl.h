/* SPDX-License-Identifier: Apache-2.0 */
/* The parts session.c is made of. */
#ifndef SLUICE_CLI_SESSION_IMPL_H
#define SLUICE_CLI_SESSION_IMPL_H

#include "cli/session.h"

/* What the layers that may run ask for. */
struct world_wanted {
    bool isolated; /* a checkout to run over */
    bool tree;     /* the id of the snapshot, for `when: changed` */
};

int world_wanted(const struct session *session, struct world_wanted *ret_wanted, struct err *err);

/* Snapshot, and a place for the checkout, as far as the layers that may run want them. Fills repo,
 * tree, checkout, lower. */
int world_prepare(struct session *session, struct err *err);

/* What a run needs whatever its tree is: done while git reads that. */
void session_read_ahead(struct session *session);

/* What is to be done once the tree is known, and what was guessed is right. */
void session_tree_known(struct session *session);

/* Puts the snapshot into the checkout; for sched_options.prepare. */
int world_lay_out(void *context, struct err *err);

/* Chooses the run to go on with and tells the history what passed there; fills `resumed`. Called
 * after world_prepare(): passes on another tree prove nothing. */
int resume_prepare(struct session *session, struct err *err);

/* session_diff.c: the lines that differ from where HEAD and --diff REF part; fills `diff`. Without
 * the option it does nothing. -ENOENT and -EINVAL: what was asked for cannot be had. */
int diff_prepare(struct session *session, struct err *err);

/* submodules.c: warns of those that units will miss. */
void submodules_tell(const struct session *session);

/* pipeline_at.c: warns when the state of --at has another pipeline than the one on disk, which is
 * what is asked about. */
void pipeline_at_tell(const struct session *session);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Does a recorded run already answer for this unit in this state, and if not, why not.
 *
 *   reuse_open -> reuse_state (one per distinct world) -> reuse_key (one per unit)
 *   reuse_decide -> HIT: take the outcome; RUN or VERIFY: run, then reuse_record (or reuse_release
 *                   when it did not end); JOIN: another process is at it, ask again
 *   reuse_close
 *
 * The soundness rule: questions are recorded, answers come from the state the run was given, and a
 * run whose trace may lack a question is never stored. One thread at a time per handle; many
 * processes may share the cache folder. Nothing here prints; what is odd is told by
 * reuse_take_note(). */
#ifndef SLUICE_REUSE_REUSE_H
#define SLUICE_REUSE_REUSE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "git/git.h"
#include "model/outcome.h"
#include "model/trace.h"
#include "model/unit.h"
#include "store/evidence.h"

#include <stdbool.h>
#include <stdint.h>

/* Part of every unit key: when what is observed, or what an answer is, changes, older evidence is
 * of another kind and is not found. */
#define REUSE_OBSERVER_VERSION 4
#define REUSE_POLICY_VERSION   3

/* How long a lease is believed when the machine of its holder cannot be asked: as a unit that still
 * runs renews it. */
#define REUSE_LEASE_MS 60000

struct reuse;
struct reuse_state;
struct reuse_lease;

struct reuse_options {
    const char *cache;           /* folder of the store, made when missing */
    const struct git_repo *repo; /* for trees; NULL = no git, then states have no tree */
    enum evidence_trust trust;   /* who attests what this run records, and what it may read */
    const char *scope;           /* change this run is for; NULL or "" = none: the main line */
    const char *host;            /* name of this machine, for provenance */
    const char *run;             /* run id */
    unsigned verify_ppm;         /* share of hits that run again, for all units; a layer's own
                                    policy may ask for more */
    bool hits_off;               /* --no-reuse: nothing is looked up, everything is recorded */
    int64_t now_ms;              /* wall clock; 0 = as it is at each call */
};

/* Opens the store. Strings are copied; `repo` is borrowed. */
int reuse_open(const struct reuse_options *options, struct reuse **ret_reuse, struct err *err);

/* Writes what is pending, frees all states and leases (those still held are dropped). NULL is
 * accepted. */
void reuse_close(struct reuse *reuse);

/* Asks ahead what every state is asked for, whatever its tree. */
void reuse_read_ahead(struct reuse *reuse);

/* From here on decisions are asked for on a supposition: that the tree is one it may turn out not
 * to be. The supposition was right: reuse_stands() says whether the decisions still stand; they do
 * unless somebody else has written to the store meanwhile (a revocation would be passed over).
 * When it was wrong, or they do not stand: reuse_forget(), as if nothing had been asked. No lease
 * may be held then. */
void reuse_suppose(struct reuse *reuse);
bool reuse_stands(struct reuse *reuse);
void reuse_forget(struct reuse *reuse);

/* A sentence about something odd since the last call (conflicting evidence, an answer that could
 * not be had, a full disk), or NULL. Each is told once; valid until the next call. */
const char *reuse_take_note(struct reuse *reuse);

/* ---- states and keys ---- */

/* What a unit is given. Copied. */
struct reuse_world {
    const char *tree;       /* snapshot, hex; NULL = none */
    const char *root;       /* live tree, absolute: source of relative `expose` */
    const char *plugin_dir; /* absolute; NULL = none */
    struct text_list expose;
    bool network;
    const struct manifest *products; /* of the units it needs; NULL = none */
};

/* The state for a world; worlds that are equal share one. Belongs to `reuse`, lives as long. */
int reuse_state(struct reuse *reuse,
                const struct reuse_world *world,
                struct reuse_state **ret_state,
                struct err *err);

/* The command as it runs: everything that makes it another question. */
struct reuse_command {
    const char *const *argv; /* NULL-terminated */
    /* The environment, "NAME=value" in any order: what the commands of a layer share, and the
     * others, NULL-terminated. The key tells the two apart. */
    struct text_list shared_env;
    const char *const *env;
    const char *cwd;   /* relative to the root */
    const char *input; /* file that becomes standard input; NULL = none */
    enum report_format report;
    const char *report_path; /* NULL = standard output */
    struct text_list outputs;
    struct text_list expose;
    bool network;
    const struct reuse_policy *policy; /* declared evidence has keys of its own; NULL = observed */
};

/* Makes keys. The limits and the machine that this process gives to units are part of all of them
 * and read when it is made: one for a run. What `shared_env`, `expose` and `policy` of one command
 * point to stays as it is until reuse_keys_forget(): the same addresses again are not read. */
struct reuse_keys;

int reuse_keys_new(struct reuse_keys **ret_keys, struct err *err);
void reuse_keys_free(struct reuse_keys *keys); /* NULL is accepted */

/* Other things may lie from now on where those of commands lay. */
void reuse_keys_forget(struct reuse_keys *keys);

int reuse_key(struct reuse_keys *keys,
              const struct reuse_command *command,
              struct hash *ret_key,
              struct err *err);

/* ---- decisions ---- */

struct reuse_request {
    struct reuse_state *state;
    struct hash key;
    const struct reuse_policy *policy; /* NULL = observed, no ttl */
    const char *layer;                 /* words for explanations */
    const char *unit;
    const char *const *argv;
    int64_t timeout_ms; /* what took longer when it ran does not answer; 0 = none */
    bool brief;         /* nobody reads why it is a hit: no words are made for one */
    bool peek;          /* only asked: takes no lease, touches no use-time, no verify sample */
    bool no_join;       /* rather run than wait for another process */
    bool again;         /* a further attempt: runs whatever is known */
    struct text_list artifacts; /* patterns of what it is to leave beside its outcome; evidence that
                                   was earned under others does not answer */
    bool attribute;  /* failures answer too, confirmed or not: "fails identically on the base" */
    bool take_fails; /* confirmed failures answer: observed, twice the same or more, and no pass
                        is known for the same answers */
};

enum reuse_action {
    REUSE_HIT,    /* evidence answers */
    REUSE_JOIN,   /* an identical unit is being run by another process */
    REUSE_RUN,    /* it must run */
    REUSE_VERIFY, /* evidence answers, but this one is in the sample that runs again */
};

/* Why it must run; the sentence says it for people. */
enum reuse_reason {
    REUSE_REASON_NONE,        /* HIT */
    REUSE_REASON_NEW,         /* never run before, as far as this store knows */
    REUSE_REASON_CHANGED,     /* first observations that differ are in the sentence */
    REUSE_REASON_EXPIRED,     /* older than its ttl, or from the future */
    REUSE_REASON_SLOW,        /* it took longer than its timeout is now */
    REUSE_REASON_ARTIFACTS,   /* its artifacts were not kept, or others were asked for then */
    REUSE_REASON_QUARANTINED, /* its evidence contradicts itself */
    REUSE_REASON_FAILED,  /* failed with the same answers: not wanted, not confirmed, or flaky */
    REUSE_REASON_VERIFY,  /* in the sample */
    REUSE_REASON_OFF,     /* reuse: off, --no-reuse, a further attempt, network undeclared */
    REUSE_REASON_DAMAGED, /* its evidence is there, what it points to is missing or broken */
    REUSE_REASON_BUSY,    /* JOIN */
    REUSE_REASON_TROUBLE, /* it could not be looked up; a note tells more */
};

/* Lives in the caller's arena. */
struct reuse_decision {
    enum reuse_action action;
    enum reuse_reason reason;
    const char *why; /* a sentence without final stop: from where, or why it must run */
    /* HIT, VERIFY */
    int64_t evidence;              /* id of the row */
    const struct outcome *outcome; /* final, with `reused`; captures have len, but no file */
    const struct hash *out;        /* content of its standard output; NULL = empty, or out_text */
    const struct hash *err;
    const char *out_text; /* short output itself, out_len bytes; NULL = `out` says */
    const char *err_text;
    size_t out_len;
    size_t err_len;
    const struct manifest *products;  /* what it left under its outputs; NULL = nothing */
    const struct manifest *artifacts; /* NULL = none, or none were asked for */
    /* RUN, VERIFY; NULL when peeked, or when there is nothing to record */
    struct reuse_lease *lease;
};

/* Never fails: what cannot be looked up must run. */
void reuse_decide(struct reuse *reuse,
                  const struct reuse_request *request,
                  struct arena *arena,
                  struct reuse_decision *ret_decision);

/* Writes a blob a decision names (output, product) to `fd`. -ENOENT or -EBADMSG: gone or broken; it
 * is not named again. */
int reuse_fetch(struct reuse *reuse, const struct hash *blob, int fd, struct err *err);

/* ---- what ran ---- */

struct reuse_result {
    const struct outcome *outcome;   /* with its trace; captures relative to run_dir */
    const char *run_dir;             /* absolute */
    const char *folder;              /* where its outputs were collected; NULL = nowhere */
    const struct manifest *products; /* of that folder; NULL = none */
    const char *artifacts;           /* folder of its artifacts; missing or NULL = none */
};

/* Makes evidence of a unit that ended, when it may become evidence; drops the lease whatever
 * happens. 1 = stored; 0 = not, and *ret_why (in `arena`; may be NULL) says why in a sentence;
 * negative = it could not be stored (the run goes on without). A conflict with earlier evidence is
 * stored, quarantines the unit and is told by a note. */
int reuse_record(struct reuse *reuse,
                 struct reuse_lease *lease,
                 const struct reuse_result *result,
                 struct arena *arena,
                 const char **ret_why,
                 struct err *err);

/* For units that did not come to an end. NULL is accepted. */
void reuse_release(struct reuse *reuse, struct reuse_lease *lease);

/* Says that all leases held are still at work; to be called every REUSE_LEASE_MS / 3. */
void reuse_renew(struct reuse *reuse);

/* ---- products ---- */

/* The files, links and folders of a folder, in `arena`. `keep` puts the files' contents into the
 * store in the same pass. */
int reuse_read_products(struct reuse *reuse,
                        const char *folder,
                        bool keep,
                        struct arena *arena,
                        const struct manifest **ret_products,
                        struct err *err);

/* Makes the folder (which is empty or missing) hold the products: contents from the store, modes,
 * links, one constant modification time (GIT_MTIME). */
int reuse_restore(struct reuse *reuse,
                  const struct manifest *products,
                  const char *folder,
                  struct err *err);

/* The same for artifacts, which people and uploading programs look at outside of any world:
 * -EBADMSG, and nothing is made, when a link among them may lead out of the folder. */
int reuse_restore_artifacts(struct reuse *reuse,
                            const struct manifest *artifacts,
                            const char *folder,
                            struct err *err);

/* ---- words ---- */

/* Differences told one by one; beyond: "and N more". */
#define REUSE_WHY_LINES_MAX 10

/* Explains the decision as it would be made now: one sentence a line, appended to *out. For a run:
 * each observation that differs from the nearest evidence, with both answers; for a hit: where it
 * was earned. Takes no lease. */
int reuse_why(struct reuse *reuse,
              const struct reuse_request *request,
              struct str *out,
              struct err *err);

/* The deep fingerprint: identifies the work of a unit whose producers have not all been decided, by
 * theirs. The state holds what products are known. Equal ones are the same work; unequal ones may
 * still be. */
int reuse_deep(struct reuse *reuse,
               struct reuse_state *state,
               const struct hash *key,
               const struct hash *producers,
               size_t count,
               struct hash *ret_deep,
               struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of reuse share. Inside of the module. */
#ifndef SLUICE_REUSE_REUSE_IMPL_H
#define SLUICE_REUSE_REUSE_IMPL_H

#include "base/map.h"
#include "base/vec.h"
#include "reuse/fingerprint.h"
#include "reuse/host.h"
#include "reuse/reuse.h"
#include "store/evidence_roll.h"

/* Atoms a state's answers are kept for in one piece: 256 x 57 bytes, so states that ask little
 * cost little. */
#define PAGE_ATOMS 256u

/* Atoms looked up one by one before all of the store's are loaded at once: one look-up takes 2 us,
 * loading 100,000 some 30 ms. */
#define ATOMS_SINGLY 2000u

/* Times a state asks git for what a class needs, before it reads all folders of its tree and all
 * sizes ever asked for at once: a round takes 0.1 ms, a folder 10 us. */
#define ROUNDS_MAX 32u

/* Folders read at once at most; a larger tree is read as questions come. */
#define WHOLE_FOLDERS_MAX 200000u

/* States whose answers are kept in memory; 1 to 10 MB each. Others are asked again when they come
 * back. A build has a state for each edge, which comes once or twice. */
#define STATES_LIVE_MAX 32u

/* Text of what a state is asked for; two hundred states and their words. */
#define REUSE_ARENA_MAX ((size_t)1 << 30)

/* Bytes of an encoded manifest: 2^20 paths (PRODUCTS_MAX) of 150 bytes, and 90 beside each. */
#define MANIFEST_BYTES_MAX (256u << 20)

enum atom_status {
    ATOM_UNKNOWN,
    ATOM_KNOWN,
    ATOM_NO_ANSWER, /* volatile, or it could not be had: no class with it answers */
};

/* A set of atoms. */
struct bits {
    unsigned char *bytes;
    size_t size; /* in bytes */
};

struct page {
    struct term terms[PAGE_ATOMS];
    struct answer answers[PAGE_ATOMS];
    uint8_t status[PAGE_ATOMS];
};

struct reuse_state {
    struct reuse *reuse;
    struct answer_state world; /* strings in the reuse arena */
    bool network;
    struct manifest products;
    struct hash spec; /* of what it was made from, but the tree and the machine's files */
    struct hash id;   /* spec and tree */
    struct hash work; /* the same for every clone that asks for the same: see state.c */
    char id_hex[HASH_HEX_SIZE];
    struct answers *answers; /* NULL until the first question */
    bool no_answers;         /* they could not be made: everything runs */
    struct page **pages;
    size_t page_count;
    unsigned rounds; /* times git was asked for a few answers */
    bool read_whole; /* all of the tree's folders, and sizes of all that any class asks for */
    uint64_t used;   /* when it was last asked, counted in questions to `reuse` */

    /* the shortcut (shortcut.c) */
    bool shortcut_tried;
    bool shortcut_usable; /* short_id is known and trusted */
    struct hash short_id; /* state and stat data of the machine's files it rests on */
    struct arena *short_arena;
    struct evidence_roll *roll; /* rows that are asked for under these settings; NULL = none */
    const struct evidence_answer *known;
    size_t known_count;
    char base_tree[GIT_ID_MAX];            /* tree of the state that was answered last; "" = none */
    const struct evidence_answer *carried; /* what answered there */
    size_t carried_count;
    struct bits touched;       /* atoms that may be answered otherwise here than there */
    struct bits watched_atoms; /* whose place on the machine was looked for */

    struct {
        VEC_FIELDS(struct evidence_answer);
    } learnt;
    struct map watched; /* paths and facts of the machine that hits rest on */

    struct {
        VEC_FIELDS(char *);
    } watched_keys;

    bool watched_grew;
};

struct reuse_lease {
    struct reuse_lease *next;
    struct reuse_state *state;
    struct hash key;
    struct arena *arena;
    struct reuse_policy policy; /* texts in the arena */
    const char *words;          /* JSON for the store */
    const char *unit;
    struct evidence_lease taken[2];
    unsigned taken_count;
    bool network;
    bool wants_artifacts;
    struct hash artifacts; /* of the patterns, see outcome_artifacts */
    int64_t replaces; /* our own row that is too old, too slow or lacks artifacts: what comes now
                         takes its place; 0 = none */
    bool replaces_failed; /* also when the unit fails */
    bool verify;          /* a hit that runs again */
    bool verify_passed;
    int64_t verify_id;
    enum evidence_trust verify_trust;
    const char *verify_scope;
};

/* What outlives a run but is asked in memory first (memo.c). */
struct memo {
    struct evidence_store *store;
    struct map sizes; /* blob id in hex -> size. Git tells it as fast as the store would */

    struct {
        VEC_FIELDS(char *);
    } size_keys;

    struct {
        VEC_FIELDS(struct evidence_file);
    } new_files;
};

/* A product that differs from the one that the same inputs gave before (varying.c). */
struct varying {
    const char *unit;     /* who leaves it; in the reuse arena, as the path */
    const char *path;     /* relative to the root */
    struct product after; /* as it is now; its path is not to be used */
    bool there;           /* it is there now */
    bool came_or_went;    /* it is there only one of both times */
    bool type;            /* file, link, folder: another one */
    bool size;            /* another length or exec bit */
    bool told;
};

struct reuse {
    struct arena *arena;
    struct reuse_options options; /* strings in the arena */
    struct evidence_store *store;
    struct blobs *blobs;
    struct git_objects *objects;
    struct host *host;
    struct memo memo;
    struct hasher *hasher;

    struct {
        VEC_FIELDS(struct reuse_state *);
    } states;
    struct map states_by_id; /* hex of state->id */
    bool picture;            /* a read transaction is open, since: */
    int64_t picture_ns;
    bool version_known; /* of the store, when something was supposed: */
    int64_t version;
    uint64_t clock; /* counts questions, for the order of states */
    struct reuse_lease *leases;

    const struct observation *atoms; /* all of the store's, once they were loaded */
    uint32_t atom_end;
    uint32_t atoms_asked;
    uint64_t *questions; /* question_number() by atom id; 0 = not known yet */
    uint32_t question_cap;

    struct {
        VEC_FIELDS(int64_t);
    } used; /* evidence that answered, to be touched */

    struct {
        VEC_FIELDS(char *);
    } notes;

    char *told; /* the note handed out last */

    struct {
        VEC_FIELDS(struct varying);
    } varying;
};

/* ---- reuse.c ---- */

/* One picture of the store for the look-ups in between; ended before anything is written. Both may
 * be called when it is as they want it. */
void reuse_picture_begin(struct reuse *reuse);
void reuse_picture_end(struct reuse *reuse);

int64_t reuse_now(const struct reuse *reuse);
void reuse_note(struct reuse *reuse, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- memo.c ---- */

void memo_init(struct memo *memo, struct evidence_store *store);
void memo_fini(struct memo *memo);
struct answer_memo memo_functions(struct memo *memo);
/* Writes what is new to the store. */
int memo_flush(struct memo *memo, int64_t now_ms, struct err *err);

/* ---- state.c ---- */

void state_free(struct reuse_state *state);

/* Answers of a class: the sum, and whether all could be had (1), or not (0). Negative on failure.
 */
int state_fast(struct reuse_state *state,
               const uint32_t *atoms,
               size_t count,
               struct term *ret_sum,
               struct err *err);

/* The vector of a class whose answers are all known; `full` is its SHA-256. */
int state_vector(struct reuse_state *state,
                 const uint32_t *atoms,
                 size_t count,
                 struct str *vector,
                 struct err *err);

/* The answer to one atom (looked up when it is not known yet): 1, 0 = none can be had. */
int state_answer(struct reuse_state *state,
                 uint32_t atom,
                 struct answer *ret_answer,
                 struct err *err);

/* The answers of a state, made at first use; NULL when they cannot be (told by a note). */
struct answers *state_answers(struct reuse_state *state);

/* The observation behind an atom. */
int reuse_atom(struct reuse *reuse,
               uint32_t atom,
               struct observation *ret_observation,
               struct err *err);

/* ---- shortcut.c ---- */

/* Evidence that answered for the key in this very state, in an earlier run: its id, or 0. */
int64_t shortcut_get(struct reuse_state *state, const struct hash *key);

/* Evidence that answered for the key in the state that was answered last, of the same settings over
 * another tree; 0 = none. It answers here too when shortcut_holds() for the atoms of its class. */
int64_t shortcut_carried(struct reuse_state *state, const struct hash *key);
bool shortcut_holds(const struct reuse_state *state, const uint32_t *atoms, size_t count);

/* Remembers that evidence answered; atoms: of the class that it rests on. */
void shortcut_put(struct reuse_state *state,
                  const struct hash *key,
                  int64_t evidence,
                  const uint32_t *atoms,
                  size_t count);

/* Writes what was learnt. */
int shortcut_flush(struct reuse_state *state, struct err *err);

/* bits.c */
int bits_set(struct bits *bits, uint32_t atom); /* -ENOMEM */
bool bits_get(const struct bits *bits, uint32_t atom);
void bits_fini(struct bits *bits);

/* ---- outcome.c ---- */

/* What a unit left beside its outcome. */
struct outcome_artifacts {
    struct hash patterns; /* hash_patterns() of what was asked for */
    struct hash manifest; /* blob; zeros = there was nothing */
};

struct hash hash_patterns(const struct text_list *patterns);

/* What a unit printed, where it is short enough to be kept with its outcome. NULL = it is not: it
 * has a blob, or there was none. */
struct outcome_texts {
    const char *out;
    size_t out_len;
    const char *err;
    size_t err_len;
    const struct outcome_artifacts *artifacts; /* NULL = none were asked for */
};

/* Both texts of one unit at most: with its numbers and a message they fit into a row
 * (EVIDENCE_INLINE_MAX). */
#define OUTCOME_TEXTS_MAX 1024u

/* May its texts be kept with it? */
bool outcome_takes_texts(const struct outcome *outcome);

/* The bytes that evidence keeps of an outcome: without captures, trace, reused. No printed texts
 * unless outcome_takes_texts(). */
int outcome_encode(const struct outcome *outcome,
                   const struct outcome_texts *texts,
                   struct str *out);

struct outcome_bytes {
    const char *at;
    size_t len;
};

/* Back from there; all in the arena. -EBADMSG: damaged. */
int outcome_decode(const struct outcome_bytes *bytes,
                   struct arena *arena,
                   struct outcome *ret_outcome,
                   struct outcome_texts *ret_texts,
                   struct err *err);

/* ---- products.c ---- */

int manifest_encode(const struct manifest *manifest, struct str *out);
int manifest_decode(const char *text,
                    size_t len,
                    struct arena *arena,
                    struct manifest *ret_manifest,
                    struct err *err);

/* ---- lease.c ---- */

/* What is run once at a time. */
struct flight {
    const struct reuse_state *state;
    struct hash key;      /* of the unit */
    struct hash by_class; /* what the answers to the class used last sum up to, and zeros */
    bool has_class;
};

/* What is recorded later needs these long after the request is gone. NULL: memory is short. */
struct reuse_lease *lease_new(struct reuse *reuse, const struct reuse_request *request);

/* Does another process run it? For who only asks. */
bool flight_is_under_way(struct reuse *reuse,
                         const struct flight *flight,
                         char holder[EVIDENCE_OWNER_MAX]);

/* False: another process is at it, its name in `holder`. A store that cannot say is no reason to
 * wait. */
bool flight_take(struct reuse *reuse,
                 const struct flight *flight,
                 struct reuse_lease *lease,
                 char holder[EVIDENCE_OWNER_MAX]);

/* ---- decide.c ---- */

struct evidence_reader reuse_reader(const struct reuse *reuse);

/* The unit passed in this state, and no row will say so: failures that answer in it are of a flaky
 * unit from now on. What passed need not have asked what failed did. `counted`: the fingerprint
 * under which the ledger has this pass already. */
int reuse_doubt_failures(struct reuse *reuse,
                         struct reuse_state *state,
                         const struct hash *key,
                         const struct hash *counted,
                         struct arena *arena,
                         struct err *err);

/* The questions of declared reuse: each listed path as a whole, sorted. In `arena`. */
int declared_questions(const struct reuse_policy *policy,
                       struct arena *arena,
                       struct observation **ret_questions,
                       size_t *ret_count,
                       struct err *err);

/* ---- varying.c ---- */

/* A unit left `after` (the blob of a manifest) although the same inputs gave `before`. Nothing is
 * told before a unit reads what differs. */
void varying_add(struct reuse *reuse,
                 const char *unit,
                 const struct hash *before,
                 const struct hash *after,
                 struct arena *arena);

/* Told by a note, once: what the unit asked of that differs. */
void varying_judge(struct reuse *reuse,
                   const struct reuse_lease *lease,
                   const struct observation *questions,
                   size_t count);

/* ---- why.c ---- */

/* How the nearest recorded evidence of these classes differs from the state: a clause for a
 * sentence in `arena`, or lines of text appended to `lines` (each may be NULL). NULL clause: there
 * is nothing to compare with. */
const char *explain_difference(struct reuse_state *state,
                               const struct hash *key,
                               struct arena *arena,
                               struct str *lines);

/* "run R on change C, 3h ago, tree T". In `arena`. */
const char *explain_origin(const struct reuse *reuse,
                           const struct evidence_row *row,
                           struct arena *arena);

/* ---- why_listing.c ---- */

/* Which names a folder listed in `tree` (the snapshot of the run that earned evidence) and does not
 * list in the state, and the other way round: "added c; gone b". NULL = that cannot be told: the
 * tree is gone, or they are not the tree's. */
const char *listing_words(struct reuse_state *state,
                          const char *tree,
                          const char *path,
                          struct arena *arena);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a state answers: val(S, kind, path), a pure function of S = (git tree, products, files of
 * the machine that the world shows, facts of the machine). No checkout, no process of the unit: git
 * objects, a manifest and lstat.
 *
 * A path of the world belongs to exactly one place, asked in this order:
 *   /src/REL below a relative `expose` entry that exists   the file below the live root
 *   /src/...            products over the tree: folders of both merge, else the product hides
 *   /sluice/plugins/... the plugin folder of the machine
 *   below an absolute `expose` entry that exists           the same path of the machine
 *   /usr /etc /opt /bin /sbin /lib*                        the same path of the machine; the live
 *                       tree, where it lies in one of them, is empty there
 *   anything else       never there (private folders start empty, the rest is hidden)
 *
 * Answers start with a tag byte. What the kinds add to it:
 *   X  absent · blocked (a name on the way is no folder) · behind a link (a name on the way is
 *      one) · link · present
 *   T  X, and for what is present: type, exec bit, size; of what is the machine's the permissions
 *      and whose it is (host_permissions()) as well. A file of the tree that a conversion may
 *      rewrite has its content's id in place of its size
 *   L  a digest of the target, or that it is no link
 *   C  T without size, and a digest: blob id (with the salt of conversions) or SHA-256
 *   D  a hash of the sorted (name, type) of the folder as the world shows it; .git and .sluice of
 *      the tree are not in it; of a folder of the machine its own permissions
 *   R  everything below: names, types, exec bits or permissions, contents
 *   H  "uname" "ncpu" "cpuinfo" "memory" "proc:NAME": a digest. What changes by itself (loadavg,
 *      uptime, stat, meminfo, ... see host_facts.c) is a constant: it is not observed
 *
 * Files of the machine are no immutable state. Each answer about them is taken once, with the stat
 * data it rests on; answers_recheck() tells whether that still holds. */
#ifndef SLUICE_REUSE_ANSWER_H
#define SLUICE_REUSE_ANSWER_H

#include "base/arena.h"
#include "base/err.h"
#include "git/tree.h"
#include "model/pipeline.h"
#include "model/trace.h"

#include <stdbool.h>
#include <stdint.h>

/* Tag, exec bit, a digest of 32 bytes, two bytes of permissions, and the length: 37; kept at 40 for
 * alignment. */
#define ANSWER_BYTES_MAX 39

struct answer {
    unsigned char len;
    unsigned char bytes[ANSWER_BYTES_MAX]; /* first an enum answer_tag */
};

enum answer_tag {
    ANSWER_ABSENT = 'a',
    ANSWER_BLOCKED = 'b',
    ANSWER_BEHIND_LINK = 'k',
    ANSWER_PRESENT = 'p', /* X of anything but a link */
    ANSWER_LINK = 'l',
    ANSWER_NO_LINK = 'n',
    ANSWER_FOLDER = 'd',   /* T, C: permissions, of one of the machine */
    ANSWER_FILE = 'f',     /* T: exec bit, then size (8 bytes) or id; C: exec bit, then digest; then
                              the permissions of a file of the machine */
    ANSWER_SPECIAL = 's',  /* a device, pipe or socket of the machine */
    ANSWER_LISTING = 'D',  /* digest, permissions of one of the machine */
    ANSWER_SUBTREE = 'R',  /* digest, likewise */
    ANSWER_FACT = 'h',     /* digest */
    ANSWER_UNSEEN = 'u',   /* we may not read it either (and the unit has fewer rights) */
    ANSWER_VOLATILE = '!', /* no state can stand for it: content of a device; never evidence */
};

/* Same bytes. */
bool answer_equal(const struct answer *a, const struct answer *b);

/* For people: "absent", "a file, executable, 12 bytes", "content 1a2b3c4d". In `arena`. */
const char *answer_words(const struct answer *answer,
                         enum observation_kind kind,
                         struct arena *arena);

/* What outlives a run: digests of files of the machine by their stat data, sizes of blobs. Fake
 * ones serve in tests; all functions may be NULL. */
struct file_stamp {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
};

struct answer_memo {
    void *context;
    bool (*get_digest)(void *context, const struct file_stamp *stamp, struct hash *ret_digest);
    void (*put_digest)(void *context, const struct file_stamp *stamp, const struct hash *digest);
    bool (*get_size)(void *context, const unsigned char *id, size_t id_len, uint64_t *ret_size);
    void (*put_size)(void *context, const unsigned char *id, size_t id_len, uint64_t size);
};

/* A digest is not kept for a file that was changed less than this before it was read: a second
 * change might not move its time stamps (file systems with a granularity of up to 2 s: FAT, ext3).
 */
#define ANSWER_YOUNG_NS INT64_C(2000000000)

/* What the machine answers is the same for all states of a run. One thread at a time. */
struct host;

int host_new(const struct answer_memo *memo, struct host **ret_host, struct err *err);
void host_free(struct host *host);

/* S, without the machine's files. Borrowed by answers_new() for its life. */
struct answer_state {
    const char *tree;       /* hex id of the snapshot; NULL = no tree: /src holds products only */
    const char *root;       /* live tree: source of relative `expose` */
    const char *plugin_dir; /* NULL = none */
    struct text_list expose;
    const struct manifest *products; /* NULL = none */
};

/* Looks at the places of the machine that a state shows, before anything is mounted from there:
 * what units see must be what was there then (see answers_recheck()). */
int answers_look(struct host *host, const struct answer_state *state, struct err *err);

struct answers;

/* `objects` may be NULL when there is no tree. -ENOENT: the tree is not in the object store. */
int answers_new(struct git_objects *objects,
                struct host *host,
                const struct answer_state *state,
                struct answers **ret_answers,
                struct err *err);
void answers_free(struct answers *answers);

/* The answer to one question. Not remembered here (but folders, digests, sizes are): reuse keeps
 * answers by atom. */
int answers_get(struct answers *answers,
                const struct observation *asked,
                struct answer *ret_answer,
                struct err *err);

/* Reads at once what the answers to all these need. Changes no answer, only the time it takes. With
 * `folders` false only sizes are asked for. */
int answers_prefetch(struct answers *answers,
                     const struct observation *asked,
                     size_t count,
                     bool folders,
                     struct err *err);

/* Reads all folders of the tree at once (about `max` at most). */
int answers_read_whole(struct answers *answers, size_t max, struct err *err);

/* The machine's part of an answer still rests on the same stat data, and nothing of it was changed
 * at or after `since_ms` unless it was looked at before: 1. 0 and *ret_path (valid until the next
 * call) when something may have changed while a unit ran. Negative on failure. */
int answers_recheck(struct answers *answers,
                    const struct observation *asked,
                    int64_t since_ms,
                    const char **ret_path,
                    struct err *err);

/* The exposed entries still lead where they led: 1; 0 and *ret_path. */
int answers_recheck_exposed(const struct answers *answers, const char **ret_path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The memo of a unit: what became of each mutant when it was last tried, and what that rests on
 * (docs/decisions/0023-verdicts-known-before.md). Lines are appended while mutants are tried, so
 * that a unit that is killed goes on where it stopped; at its end the memo is written anew.
 *
 *   SUM {"known":1}
 *   SUM {"epoch":"…","reads":{"tree/data.txt":"DIGEST"}}
 *   SUM {"id":"00f1…","status":"Killed","engine":"fork","killer":"test_a","reached":["test_a"],
 *        "cpu_us":2100,"when_ms":1790000000000,"rests":"DIGEST","sure":true}
 *
 * SUM are the first 16 digits of SHA-256 of the JSON behind it. A line that is torn, damaged or not
 * understood is left out; a memo of another version is empty. The last line of an id counts.
 *
 * `rests` is a digest of all that the verdict depends on (rests.h): a verdict is known only while
 * the unit comes to the same digest. `sure`: the unit came to its end after it, so it was audited
 * and its killer passed without a mutant. */
#ifndef SLUICE_PLUGINS_MUTATION_KNOWN_H
#define SLUICE_PLUGINS_MUTATION_KNOWN_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "plugins/mutation/engine.h"

#include <jansson.h>

/* Of all lines: as much as the host keeps (store/unit_memo.h). */
#define KNOWN_TEXT_MAX (64u << 20)

/* The verdicts of a file of 65,536 mutants with 1 KiB of names and reasons each, several times. */
#define KNOWN_ARENA_MAX (256u << 20)

/* Digits of a moment and a process id. */
#define KNOWN_EPOCH_SIZE 48

struct known_verdict {
    const char *id;
    enum mutant_status status;
    enum engine_kind engine;
    const char *killer;         /* name of the test; NULL = none */
    const char *const *reached; /* names, NULL-terminated; NULL = not known */
    const char *reason;         /* NULL = none */
    const char *rests;
    int64_t cpu_us;
    int64_t when_ms; /* wall clock, when it was tried */
    bool sure;
};

/* A file that tests read, relative to the tree they run in. */
struct known_file {
    const char *path;
    const char *digest; /* hexadecimal */
};

struct known {
    struct arena *arena; /* owner of all texts */

    struct {
        VEC_FIELDS(struct known_verdict);
    } verdicts; /* one of each id */

    struct {
        VEC_FIELDS(struct known_file);
    } files; /* one of each path */

    struct map by_id; /* index in verdicts */
    struct map by_path;
    char epoch[KNOWN_EPOCH_SIZE]; /* of the files: verdicts of another one rest on others */
};

/* Reads a memo; only a lack of memory is an error. known_fini() afterwards in any case. */
int known_parse(struct known *ret_known, const char *text, size_t len, struct err *err);

/* Accepts a zeroed object. */
void known_fini(struct known *known);

/* NULL: it was never tried. */
const struct known_verdict *known_find(const struct known *known, const char *id);

/* Keeps a verdict in place of an older one of the same id; texts are copied. */
int known_put(struct known *known, const struct known_verdict *verdict, struct err *err);

/* Keeps a file, and 1; 0 = it is known already. */
int known_put_file(struct known *known, const char *path, const char *digest, struct err *err);

/* Forgets the files; what is kept from now on is of another epoch. */
void known_forget_files(struct known *known);

/* Lines. */
void known_write_head(struct str *out);
void known_write_verdict(struct str *out, const struct known_verdict *verdict);
void known_write_files(struct str *out,
                       const struct known *known,
                       size_t first); /* those from this index */

/* The memo as a whole; verdicts of ids that `keep` does not have are left out. */
int known_write(struct str *out,
                const struct known *known,
                const struct map *keep,
                struct err *err);

/* Brings mutants into the order in which they are to be tried while there is time: first those of
 * changed lines (`fresh`, by number; NULL = none is known), then those never tried, then those that
 * survived when last tried, then by the time of that. */
void known_sort(const struct known *known,
                const bool *fresh,
                const struct mutant **mutants,
                size_t count);

#endif

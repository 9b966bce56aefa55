/* SPDX-License-Identifier: Apache-2.0 */
/* The paths a unit has walked, as a tree of places: what lies there in the unit's view (so that it
 * is looked up once), what lies there in the pristine state, and which questions were asked of it
 * (so that a question asked again costs a hash look-up). Names are bytes; no place has "." or "..".
 */
#ifndef SLUICE_OBSERVE_PLACE_H
#define SLUICE_OBSERVE_PLACE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What lies there in the unit's view. */
enum place_state {
    PLACE_UNKNOWN,
    PLACE_ABSENT,
    PLACE_FOLDER,
    PLACE_FILE,
    PLACE_LINK,
    PLACE_SOCKET,
    PLACE_OTHER, /* device, pipe */
};

/* Whose place it is: what is recorded about it. */
enum place_zone {
    ZONE_SILENT, /* private, or constant in every world: nothing */
    ZONE_TREE,   /* the overlay: everything; may differ from the pristine state */
    ZONE_FIXED,  /* read-only: everything; never changes while a unit runs */
    ZONE_PROC,   /* facts of the host; processes' own folders say nothing */
};

enum place_pristine {
    PRISTINE_UNKNOWN,
    PRISTINE_ABSENT,
    PRISTINE_PRESENT,
    PRISTINE_FOLDER,
};

/* Questions asked of a place; bits. */
enum place_asked {
    ASKED_EXISTS = 1 << 0,
    ASKED_TYPE = 1 << 1,
    ASKED_LINK = 1 << 2,
    ASKED_CONTENT = 1 << 3,
    ASKED_LISTING = 1 << 4,
    ASKED_SUBTREE = 1 << 5,
};

struct place {
    struct place *parent; /* NULL for the root */
    struct place *next;   /* in its hash bucket */
    const char *target;   /* of a link */
    uint64_t hash;
    uint8_t state;      /* enum place_state */
    uint8_t zone;       /* enum place_zone */
    uint8_t pristine;   /* enum place_pristine */
    uint8_t asked;      /* enum place_asked bits */
    bool unstable;      /* a name was put or taken here: state is looked up every time */
    bool unstable_tree; /* a folder was moved: so is everything below */
    bool above_exposed; /* some exposed path lies below */
    bool exposed;       /* is itself the top of an exposed path */
    bool executed;      /* read-only, and what the kernel opens to execute it was asked */
    uint16_t name_len;
    uint32_t path_len; /* of its absolute path; 0 for the root */
    char name[];
};

/* Places at most. A large build asks about 20,000 paths; a hostile unit stops here, at about 100
 * bytes each. Beyond: the trace is incomplete. */
#define PLACES_MAX 1000000u

/* Bytes for places and link targets: 400 for each, names of NAME_MAX bytes are rare. Beyond: as
 * PLACES_MAX. */
#define PLACES_BYTES_MAX (400u << 20)

struct places {
    struct arena *arena;
    struct place **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    uint64_t secret[2]; /* names are chosen by the unit: the hash is keyed */
    struct place *root;
    bool full; /* a place could not be made */
};

int places_init(struct places *places); /* 0 or -ENOMEM */
void places_fini(struct places *places);

/* The child of a place, made when it is new (zone inherited). NULL when there is no room: then
 * `full` is set. */
struct place *places_child(struct places *places,
                           struct place *parent,
                           const char *name,
                           size_t len);

/* The place of an absolute path that is taken as it is, without looking at links ("." and ".." are
 * resolved by the text). NULL when there is no room. */
struct place *places_at(struct places *places, const char *path);

/* The keyed hash of some bytes; `start` tells apart what is hashed. */
uint64_t places_hash(const struct places *places, uint64_t start, const char *bytes, size_t len);

/* Copies text into the places' memory; NULL when there is no room. */
const char *places_keep(struct places *places, const char *text, size_t len);

/* Writes the absolute path; returns its length or -ENAMETOOLONG. */
int place_path(const struct place *place, char *buf, size_t size);

/* True when `top` is the place or lies above it. */
bool place_is_below(const struct place *place, const struct place *top);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A list of chunks. In each, objects grow from the front, aligned, and text grows from the back,
 * packed; the chunk is full when they meet:
 *
 *     [ header | object | object ->      free      <- text | text | text ]
 *
 * The newest chunk serves; what is too large for it gets a chunk of its own behind it, so that the
 * rest of the serving chunk is not lost. */
#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Most texts are ids, paths and variables: one pass is enough for those. */
#define PRINTF_QUICK 256

/* First chunk: a small pipeline fits; the last: 16 doublings would be too coarse for a plan of
 * 400 MB, 1 MiB wastes at most 0.3 % of it. */
#define CHUNK_FIRST ((size_t)64 << 10)
#define CHUNK_MAX   ((size_t)1 << 20)
#define ALIGNMENT   (_Alignof(max_align_t))

struct chunk {
    struct chunk *next;
    size_t front; /* offset in bytes[] of the first free byte */
    size_t back;  /* offset just past the last free byte */
    size_t size;  /* of bytes[] */
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *serving; /* head of the list */
    size_t chunk_size;     /* payload of the next ordinary chunk */
    size_t max;
    size_t used;
};

struct arena *arena_new(size_t max)
{
    struct arena *arena = mem_calloc(1, sizeof *arena);

    if (arena != NULL) {
        arena->max = max;
        arena->chunk_size = CHUNK_FIRST - sizeof(struct chunk);
    }
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    while (arena->serving != NULL) {
        struct chunk *next = arena->serving->next;
        mem_free(arena->serving);
        arena->serving = next;
    }
    mem_free(arena);
}

void arena_clear(struct arena *arena)
{
    struct chunk *kept = NULL;
    while (arena->serving != NULL) {
        struct chunk *next = arena->serving->next;
        if (next == NULL && arena->serving->size == CHUNK_FIRST - sizeof(struct chunk)) {
            kept = arena->serving; /* the oldest one */
        } else {
            mem_free(arena->serving);
        }
        arena->serving = next;
    }
    if (kept != NULL) {
        kept->front = 0;
        kept->back = kept->size;
        kept->next = NULL;
    }
    arena->serving = kept;
    arena->chunk_size = CHUNK_FIRST - sizeof(struct chunk);
    arena->used = 0;
}

static struct chunk *add_chunk(struct arena *arena, size_t need)
{
    /* A request above a quarter of a chunk does not end the serving one. */
    bool own = need > arena->chunk_size / 4;
    size_t payload = own ? need : arena->chunk_size;
    struct chunk *chunk = mem_realloc(NULL, 1, size_add(sizeof *chunk, payload));

    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = NULL;
    chunk->front = 0;
    chunk->back = payload;
    chunk->size = payload;
    if (own && arena->serving != NULL) {
        chunk->next = arena->serving->next;
        arena->serving->next = chunk;
        return chunk;
    }
    chunk->next = arena->serving;
    arena->serving = chunk;
    if (!own && arena->chunk_size < CHUNK_MAX / 2) {
        arena->chunk_size = 2 * (arena->chunk_size + sizeof *chunk) - sizeof *chunk;
    }
    return chunk;
}

/* The chunk that takes `need` more bytes (already counted in `used`), or NULL. */
static struct chunk *chunk_for(struct arena *arena, size_t need)
{
    struct chunk *chunk = arena->serving;

    if (need > arena->max - arena->used) {
        return NULL;
    }
    if (chunk == NULL || chunk->back - chunk->front < need) {
        chunk = add_chunk(arena, need);
    }
    if (chunk != NULL) {
        arena->used += need;
        assert(chunk->back - chunk->front >= need);
    }
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = size_add(size != 0 ? size : 1, ALIGNMENT - 1) & ~(ALIGNMENT - 1);

    if (need < size) {
        return NULL;
    }
    struct chunk *chunk = chunk_for(arena, need);
    if (chunk == NULL) {
        return NULL;
    }
    /* Here and not for the whole chunk: what is never handed out is never touched. */
    void *object = memset(chunk->bytes + chunk->front, 0, need);
    chunk->front += need;
    return object;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    return arena_alloc(arena, size_mul(count, size));
}

/* `size` packed bytes from the back of a chunk. */
static char *alloc_text(struct arena *arena, size_t size)
{
    struct chunk *chunk = chunk_for(arena, size);

    if (chunk == NULL) {
        return NULL;
    }
    chunk->back -= size;
    return (char *)chunk->bytes + chunk->back;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, SIZE_MAX);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    size_t size = strnlen(text, len);
    char *copy = alloc_text(arena, size_add(size, 1));

    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

__attribute__((format(printf, 2, 0))) static char *print(struct arena *arena,
                                                         const char *format,
                                                         va_list args)
{
    va_list again;
    char quick[PRINTF_QUICK];
    char *text = NULL;

    va_copy(again, args);
    const int len = vsnprintf(quick, sizeof quick, format, args);
    if (len >= 0) {
        text = alloc_text(arena, (size_t)len + 1);
    }
    if (text != NULL && (size_t)len < sizeof quick) {
        memcpy(text, quick, (size_t)len + 1);
    } else if (text != NULL) {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = print(arena, format, args);
    va_end(args);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

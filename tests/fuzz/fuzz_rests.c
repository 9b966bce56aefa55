/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin_mutation */
/* What a verdict rests on: of tests, a source, settings and a verdict that the bytes say, the
 * digest is the same when it is made again, and after one thing of them has changed it is another
 * one exactly where the verdict rests on that. The first byte says what changes. */
#include "plugins/mutation/rests.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TESTS_MAX 4
#define WORDS_MAX 3
#define TEXT_SIZE 24

enum change {
    CHANGE_NONE,
    CHANGE_SOURCE,
    CHANGE_PATH,
    CHANGE_SETTINGS,
    CHANGE_ENVIRONMENT,
    CHANGE_PASSING, /* a variable that differs from run to run */
    CHANGE_BUILT,
    CHANGE_TREE,
    CHANGE_NAME, /* of a test; these are the last: */
    CHANGE_WORD,
    CHANGE_SPLIT, /* the same letters in other words */
    CHANGE_CWD,
    CHANGE_STDOUT,
    CHANGE_COUNT
};

struct text {
    char bytes[TEXT_SIZE];
};

struct subject {
    struct text name;
    struct text words[WORDS_MAX];
    size_t word_count;
    struct text cwd; /* "" = none */
    bool compare;
};

/* All that a digest is made of. */
struct world {
    struct text path;
    struct text source;
    int settings;
    struct text built;
    struct text tree;
    struct subject subjects[TESTS_MAX];
    size_t count;
    bool in_tree; /* programs count by what they are, not by the tree */
    enum mutant_status status;
    enum engine_kind engine;
    uint16_t killer;
    uint16_t reached[TESTS_MAX];
    uint16_t reached_count;
};

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

/* Room is left for what a change adds. */
static void take_text(struct input *input, struct text *text)
{
    size_t length = take(input) % (TEXT_SIZE - 2);
    size_t at = 0;
    while (at < length && input->size > 0 && *input->data != 0) {
        text->bytes[at++] = (char)take(input);
    }
    text->bytes[at] = '\0';
}

/* Or none, which is that it is not known. */
static void take_digest(struct input *input, struct text *text)
{
    (void)snprintf(text->bytes, TEXT_SIZE, "%s", take(input) % 8 == 0 ? "" : "1");
}

static void take_subject(struct input *input, struct subject *subject)
{
    take_text(input, &subject->name);
    subject->word_count = 1 + take(input) % (WORDS_MAX - 1); /* and room for one more */
    for (size_t i = 0; i < subject->word_count; i++) {
        take_text(input, &subject->words[i]);
    }
    take_text(input, &subject->cwd);
    subject->compare = take(input) % 2 == 1;
}

static void take_world(struct input *input, struct world *world)
{
    take_text(input, &world->path);
    take_text(input, &world->source);
    world->settings = take(input);
    world->in_tree = take(input) % 2 == 1;
    take_digest(input, &world->built);
    take_digest(input, &world->tree);
    world->status = (enum mutant_status)(take(input) % MUTANT_STATUS_COUNT);
    world->engine = (enum engine_kind)(take(input) % ENGINE_COUNT);
    world->count = 1 + take(input) % TESTS_MAX;
    world->killer = (uint16_t)(take(input) % world->count);
    uint8_t reached = take(input);
    for (size_t i = 0; i < world->count; i++) {
        if ((reached >> i) % 2 == 1) {
            world->reached[world->reached_count++] = (uint16_t)i;
        }
        take_subject(input, &world->subjects[i]);
    }
}

/* ---- the digest ---- */

static bool digest(const struct world *world, char hex[HASH_HEX_SIZE])
{
    struct world copy = *world;
    struct rests rests;
    struct err err = {0};
    const char *words[TESTS_MAX][WORDS_MAX + 1] = {0};
    struct engine_test items[TESTS_MAX] = {0};
    const struct engine_tests tests = {.items = items, .count = world->count};
    const struct source source = {.path = copy.path.bytes, .text = copy.source.bytes};
    struct scope_job job = {.with = json_integer(world->settings)};
    for (size_t i = 0; i < world->count; i++) {
        const struct subject *subject = &world->subjects[i];
        for (size_t k = 0; k < subject->word_count; k++) {
            words[i][k] = subject->words[k].bytes;
        }
        items[i].name = subject->name.bytes;
        items[i].argv = words[i];
        items[i].cwd = subject->cwd.bytes[0] != '\0' ? subject->cwd.bytes : NULL;
        items[i].compare_stdout = subject->compare;
    }
    assert(rests_init(&job, &source, &rests, &err) == 0);
    /* There is no such folder: what programs are is the business of tests of units. */
    assert(rests_set_tests(&rests, world->in_tree ? "/nonexistent" : NULL, &tests, &err) == 0);
    (void)snprintf(rests.built, sizeof rests.built, "%s", world->built.bytes);
    (void)snprintf(rests.tree, sizeof rests.tree, "%s", world->tree.bytes);
    const struct engine_verdict verdict = {.status = world->status,
                                           .engine = world->engine,
                                           .killer = world->killer,
                                           .reached = world->reached,
                                           .reached_count = world->reached_count};
    bool kept = rests_of(&rests, &verdict, hex);
    rests_fini(&rests);
    json_decref(job.with);
    return kept;
}

/* ---- what is expected ---- */

static bool is_kept(const struct world *world)
{
    bool said = world->status == MUTANT_KILLED || world->status == MUTANT_SURVIVED
                || world->status == MUTANT_TIMEOUT;
    if (world->engine != ENGINE_COPY) {
        return world->built.bytes[0] != '\0' && said;
    }
    return world->tree.bytes[0] != '\0'
           && (said || world->status == MUTANT_NO_COVERAGE
               || world->status == MUTANT_COMPILE_ERROR);
}

static bool is_reached(const struct world *world, size_t test)
{
    for (size_t i = 0; i < world->reached_count; i++) {
        if (world->reached[i] == test) {
            return true;
        }
    }
    return false;
}

static bool rests_on_test(const struct world *world, size_t test, enum change change)
{
    if (world->engine == ENGINE_COPY || world->status == MUTANT_TIMEOUT) {
        return true;
    }
    if (world->status == MUTANT_KILLED) {
        return test == world->killer;
    }
    return change == CHANGE_NAME || is_reached(world, test);
}

static bool rests_on(const struct world *world, enum change change, size_t test)
{
    switch (change) {
    case CHANGE_NONE:
    case CHANGE_PASSING:
    case CHANGE_COUNT:
        return false;
    case CHANGE_SOURCE:
    case CHANGE_PATH:
    case CHANGE_SETTINGS:
    case CHANGE_ENVIRONMENT:
        return true;
    case CHANGE_BUILT:
        return world->engine != ENGINE_COPY;
    case CHANGE_TREE:
        return world->engine == ENGINE_COPY;
    case CHANGE_NAME:
    case CHANGE_WORD:
    case CHANGE_SPLIT:
    case CHANGE_CWD:
    case CHANGE_STDOUT:
        return rests_on_test(world, test, change);
    }
    return false;
}

/* ---- changing one thing ---- */

static void lengthen(struct text *text)
{
    size_t length = strlen(text->bytes);
    assert(length + 1 < TEXT_SIZE);
    text->bytes[length] = 'x';
    text->bytes[length + 1] = '\0';
}

/* The last letter of the first word goes in front of a second one. The program stays what it was
 * for the file system: an empty one is none, and neither is there. */
static void split(struct subject *subject)
{
    struct text *last = &subject->words[subject->word_count - 1];
    size_t length = strlen(last->bytes);
    if (subject->word_count == 1 || length == 0) {
        subject->words[subject->word_count++].bytes[0] = '\0'; /* an empty word is one, too */
        return;
    }
    struct text *more = &subject->words[subject->word_count++];
    more->bytes[0] = last->bytes[length - 1];
    more->bytes[1] = '\0';
    last->bytes[length - 1] = '\0';
}

static void apply(struct world *world, enum change change, size_t test)
{
    struct subject *subject = &world->subjects[test];
    switch (change) {
    case CHANGE_NONE:
    case CHANGE_COUNT:
        return;
    case CHANGE_SOURCE:
        lengthen(&world->source);
        return;
    case CHANGE_PATH:
        lengthen(&world->path);
        return;
    case CHANGE_SETTINGS:
        world->settings++;
        return;
    case CHANGE_ENVIRONMENT:
        assert(setenv("RESTS_FUZZED", "1", 1) == 0);
        return;
    case CHANGE_PASSING:
        assert(setenv("SLUICE_FUZZED", "1", 1) == 0);
        return;
    case CHANGE_BUILT:
        world->built.bytes[0] = world->built.bytes[0] != '\0' ? '2' : '\0';
        return;
    case CHANGE_TREE:
        world->tree.bytes[0] = world->tree.bytes[0] != '\0' ? '2' : '\0';
        return;
    case CHANGE_NAME:
        lengthen(&subject->name);
        return;
    case CHANGE_WORD:
        lengthen(&subject->words[subject->word_count - 1]);
        return;
    case CHANGE_SPLIT:
        split(subject);
        return;
    case CHANGE_CWD:
        lengthen(&subject->cwd);
        return;
    case CHANGE_STDOUT:
        subject->compare = !subject->compare;
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char before[HASH_HEX_SIZE] = "";
    char again[HASH_HEX_SIZE] = "";
    char after[HASH_HEX_SIZE] = "";
    struct input input = {data, size};
    struct world world = {0};
    enum change change = (enum change)(take(&input) % CHANGE_COUNT);
    size_t test = take(&input);
    take_world(&input, &world);
    test %= world.count;
    bool kept = digest(&world, before);
    assert(kept == is_kept(&world));
    assert(digest(&world, again) == kept && strcmp(before, again) == 0);
    struct world changed = world;
    apply(&changed, change, test);
    assert(digest(&changed, after) == kept);
    if (kept) {
        assert((strcmp(before, after) != 0) == rests_on(&world, change, test));
    }
    (void)unsetenv("RESTS_FUZZED");
    (void)unsetenv("SLUICE_FUZZED");
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/race.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

struct race *race_new(struct resolver *resolver)
{
    struct race *race = mem_calloc(1, sizeof *race);
    if (race != NULL) {
        race->resolver = resolver;
    }
    return race;
}

void race_free(struct race *race)
{
    mem_free(race);
}

void ask_landing(struct resolver *resolver, const struct landing *landing, unsigned asked)
{
    struct place *place = landing->place;
    if (place == NULL) {
        return;
    }
    const enum place_state state = resolve_state(resolver, place);
    if (asked == ASKED_EXISTS && landing->is_folder_wanted) {
        asked = ASKED_TYPE;
    }
    /* What is absent keeps the question as it is: it may be there when this is asked of another
     * state (recorder_ask() writes it as a question of existence). */
    const bool is_fed = state == PLACE_OTHER && place->zone == ZONE_FIXED; /* pipe of the machine */
    const bool has_content =
        state == PLACE_FILE || state == PLACE_ABSENT || state == PLACE_UNKNOWN || is_fed;
    const bool has_listing =
        state == PLACE_FOLDER || state == PLACE_ABSENT || state == PLACE_UNKNOWN;
    if ((asked == ASKED_CONTENT && !has_content) || (asked == ASKED_LISTING && !has_listing)) {
        asked = ASKED_TYPE;
    }
    resolve_ask(resolver, place, asked);
}

/* ---- questions ---- */

static bool touches(const struct race_question *question, const struct place *place)
{
    if (question->touched_count > TOUCHED_MAX
        || (question->reach != NULL && place_is_below(question->reach, place))) {
        return true;
    }
    for (unsigned i = 0; i < question->touched_count; i++) {
        if (place_is_below(question->touched[i], place)) {
            return true;
        }
    }
    return false;
}

static void ask_again(struct race *race, const struct race_question *question)
{
    /* The base is known and links of /proc were followed then: no thread is asked anything now. */
    const struct caller nobody = {.pid = 0, .proc = -1};
    const struct path_question again = {.caller = &nobody,
                                        .base = question->base,
                                        .path = question->path,
                                        .follow = question->follow,
                                        .in_root = question->in_root};
    struct landing landing;
    resolve(race->resolver, &again, &landing);
    ask_landing(race->resolver, &landing, question->asked);
}

static void settle(struct race *race, unsigned at)
{
    assert(at < race->waiting_count);
    ask_again(race, &race->waiting[at]);
    race->waiting[at] = race->waiting[--race->waiting_count];
}

/* Asks again what waited for this thread, 0 for all. */
static void settle_all(struct race *race, pid_t tid)
{
    for (unsigned i = race->waiting_count; i > 0; i--) {
        if (tid == 0 || race->waiting[i - 1].awaited == tid) {
            settle(race, i - 1);
        }
    }
}

static void forget_changes(struct race *race, pid_t tid)
{
    for (unsigned i = race->change_count; i > 0; i--) {
        if (race->changes[i - 1].tid == tid) {
            race->changes[i - 1] = race->changes[--race->change_count];
        }
    }
}

void race_returned(struct race *race, const struct caller *caller)
{
    if (race->waiting_count > 0) {
        settle_all(race, caller->pid);
    }
    if (race->change_count > 0) {
        forget_changes(race, caller->pid);
    }
    race->tids[(unsigned)caller->pid % RACE_THREADS] = 0;
}

/* Makes room by asking what waits for threads that are gone. */
static bool make_room(struct race *race, int proc)
{
    for (unsigned i = race->waiting_count; i > 0; i--) {
        if (!thread_exists(proc, race->waiting[i - 1].awaited)) {
            settle(race, i - 1);
        }
    }
    return race->waiting_count < RACE_WAITING_MAX;
}

static void wait_for(struct race *race,
                     const struct race_question *question,
                     const struct caller *caller,
                     pid_t awaited)
{
    if (race->waiting_count == RACE_WAITING_MAX && !make_room(race, caller->proc)) {
        recorder_flag(race->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "more than %d paths are used while their names change",
                      RACE_WAITING_MAX);
        return;
    }
    struct race_question *place = &race->waiting[race->waiting_count++];
    *place = *question;
    place->awaited = awaited;
}

static void keep(struct race_question *to,
                 const struct path_question *question,
                 const struct landing *landing,
                 unsigned asked)
{
    const size_t len = strlen(question->path);
    assert(len < sizeof to->path);
    to->base = question->base;
    to->asked = asked;
    to->follow = question->follow;
    to->in_root = question->in_root;
    to->reach = landing->reach;
    to->touched_count = landing->touched_count;
    for (unsigned i = 0; i < TOUCHED_MAX && i < landing->touched_count; i++) {
        to->touched[i] = landing->touched[i];
    }
    memcpy(to->path, question->path, len + 1);
}

void race_asked(struct race *race,
                const struct path_question *question,
                const struct landing *landing,
                unsigned asked)
{
    const struct caller *caller = question->caller;
    if (strlen(question->path) >= PATH_TEXT_MAX) {
        return; /* the kernel says ENAMETOOLONG whatever happens */
    }
    const unsigned slot = (unsigned)caller->pid % RACE_THREADS;
    struct race_question *mine = &race->last[slot];
    keep(mine, question, landing, asked);
    race->tids[slot] = caller->pid;
    for (unsigned i = race->change_count; i > 0; i--) {
        const struct race_change *change = &race->changes[i - 1];
        if (change->tid == caller->pid || !touches(mine, change->place)) {
            continue;
        }
        if (thread_exists(caller->proc, change->tid)) {
            wait_for(race, mine, caller, change->tid);
        } else {
            /* It was over before, or is just now: asked again, then. */
            ask_again(race, mine);
            race->changes[i - 1] = race->changes[--race->change_count];
        }
    }
}

/* ---- changes ---- */

static bool make_room_for_change(struct race *race, int proc)
{
    for (unsigned i = race->change_count; i > 0; i--) {
        if (!thread_exists(proc, race->changes[i - 1].tid)) {
            race->changes[i - 1] = race->changes[--race->change_count];
        }
    }
    return race->change_count < RACE_CHANGES_MAX;
}

void race_changing(struct race *race, const struct caller *caller, struct place *place)
{
    if (place->zone == ZONE_FIXED || place->zone == ZONE_PROC) {
        return; /* the kernel refuses it */
    }
    place->unstable = true;
    for (unsigned i = 0; i < RACE_THREADS; i++) {
        const pid_t tid = race->tids[i];
        if (tid == 0 || tid == caller->pid || !touches(&race->last[i], place)) {
            continue;
        }
        if (thread_exists(caller->proc, tid)) {
            wait_for(race, &race->last[i], caller, caller->pid);
        } else {
            race->tids[i] = 0;
        }
    }
    if (race->change_count == RACE_CHANGES_MAX && !make_room_for_change(race, caller->proc)) {
        recorder_flag(race->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "more than %d threads change names at once",
                      RACE_CHANGES_MAX);
        return;
    }
    race->changes[race->change_count++] = (struct race_change){caller->pid, place};
}

void race_ended(struct race *race)
{
    if (race->waiting_count == 0) {
        return;
    }
    race->resolver->tree->state = PLACE_UNKNOWN;
    if (resolve_state(race->resolver, race->resolver->tree) != PLACE_FOLDER) {
        recorder_flag(race->resolver->recorder,
                      TRACE_INCOMPLETE,
                      "names were changed in its last moment while others used them");
        return;
    }
    settle_all(race, 0);
}

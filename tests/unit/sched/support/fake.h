/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler with an exec that starts nothing: units "end" as their id says. A layer's plugin
 * "plans" the lines of its setting `units`. Unit ids: "ok", "fail", "error", "flaky" (fails at the
 * first attempt), "hang" (ends when stopped only), and anything after a '-' is ignored. "expand"
 * expands into "ok-a" and "ok-b", "expand-linked" into such that need it and each other,
 * "expand-fail" fails, "expand-on" into one more of its kind, and so on, "expand-hang"
 * never ends. A plugin that selects takes the words of its setting `select`; "crash" crashes,
 * "flood" prints too much. A unit "ID<NEED,NEED>PATH=CONTENT,..." needs others and leaves files;
 * "ID!PATH=CONTENT,..." leaves artifacts, whatever its outcome; one whose path is "memo" is its
 * memo. */
#ifndef SLUICE_TESTS_SCHED_FAKE_H
#define SLUICE_TESTS_SCHED_FAKE_H

#include "sched/sched.h"

/* What happened, one line an event: "started build", "starts build/ok", "unit build/ok passed",
 * "judged build open", "finished 0"; "ok sees out/a=1 in 2" is what a unit sees of others'
 * products, in how many layers of its own. */
struct story {
    struct event_sink sink;
    char text[16384];
    enum exit_code exit_code;
    int code;         /* of sched_run(); 0, or what confirm() refused it with */
    char error[1024]; /* its words */
    char reason[1024];
    char messages[4096];      /* of units that did not pass */
    char last_products[1024]; /* folder of products of the world of what was started last */
    struct tally tally;
    int64_t cpu_us;
    unsigned most_at_once;
};

/* Runs the pipeline of a YAML text with `jobs` slots. `change` may alter the options before the
 * start. */
void story_run(struct story *story,
               const char *yaml,
               unsigned jobs,
               void (*change)(struct sched_options *options));

/* True when the story has these lines in this order (other lines may stand between). */
void story_has(const struct story *story, const char *const *lines, size_t count);
void story_lacks(const struct story *story, const char *text);
#define assert_story(story, ...)                  \
    story_has((story),                            \
              (const char *const[]){__VA_ARGS__}, \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* The scheduler that runs, from inside `change`d callbacks; NULL outside a run. */
struct sched *story_sched(void);
/* Calls `function` after `ms` of the running story. */
void story_after(struct sched_options *options, unsigned ms, void (*function)(void));

#endif

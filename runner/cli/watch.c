/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

struct watched {
    char *name; /* "layer/unit"; NULL = the slot is free */
    int64_t started_ms;
};

struct watch {
    unsigned slots;
    struct watched items[]; /* one per slot */
};

int watch_new(unsigned slots, struct watch **ret_watch, struct err *err)
{
    struct watch *watch = mem_calloc(1, sizeof *watch + slots * sizeof watch->items[0]);
    if (watch == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    watch->slots = slots;
    *ret_watch = watch;
    return 0;
}

static void forget(struct watched *item)
{
    mem_free(item->name);
    *item = (struct watched){0};
}

void watch_free(struct watch *watch)
{
    for (unsigned i = 0; watch != NULL && i < watch->slots; i++) {
        forget(&watch->items[i]);
    }
    mem_free(watch);
}

static void remember(struct watched *item, const struct event *event)
{
    struct str name = STR_INIT(ERR_TEXT_MAX);
    (void)str_appendf(&name, "%s/%s", event->u.unit_started.layer, event->u.unit_started.unit);
    if (event->u.unit_started.attempt > 1) {
        (void)str_appendf(&name, " (attempt %u)", event->u.unit_started.attempt);
    }
    forget(item);
    item->name = str_take(&name); /* without memory it is not shown */
    item->started_ms = event->time_ms;
}

void watch_note(struct watch *watch, const struct event *event)
{
    if (event->type == EVENT_UNIT_STARTED) {
        const int slot = event->u.unit_started.slot;
        if (slot >= 0 && (unsigned)slot < watch->slots) {
            remember(&watch->items[slot], event);
        }
    } else if (event->type == EVENT_UNIT_FINISHED) {
        const int slot = event->u.unit_finished.outcome->slot;
        if (slot >= 0 && (unsigned)slot < watch->slots) {
            forget(&watch->items[slot]);
        }
    }
}

/* The unit's output so far, indented, safe to show. */
static void append_output(struct str *out, const char *text)
{
    struct str clean = STR_INIT(8 * WATCH_OUTPUT_MAX);
    (void)text_sanitize(&clean, text, strlen(text));
    const char *line = str_text(&clean);
    while (*line != '\0') {
        const size_t len = strcspn(line, "\n");
        (void)str_appendf(out, "    | %.*s\n", (int)len, line);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    str_fini(&clean);
}

int watch_write(const struct watch *watch,
                struct exec *exec,
                int (*peek)(struct exec *exec, unsigned slot, char *buf, size_t size),
                int64_t wall_ms,
                struct str *out)
{
    char output[WATCH_OUTPUT_MAX];
    char elapsed[DURATION_TEXT_MAX];
    unsigned running = 0;
    for (unsigned i = 0; i < watch->slots; i++) {
        const struct watched *item = &watch->items[i];
        if (item->name == NULL) {
            continue;
        }
        running++;
        (void)duration_format(wall_ms - item->started_ms, elapsed);
        (void)str_appendf(out, "running for %s in slot %u: %s\n", elapsed, i, item->name);
        if (peek(exec, i, output, sizeof output) == 0) {
            append_output(out, output);
        }
    }
    if (running == 0) {
        (void)str_append(out, "no unit runs now\n");
    }
    return str_error(out);
}

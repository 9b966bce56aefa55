/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/fanout.h"

#include "base/mem.h"

#include <errno.h>

struct fanout {
    struct event_sink sink;
    struct event_sink *sinks[FANOUT_MAX];
    size_t count;
};

static void emit(struct event_sink *sink, const struct event *event)
{
    const struct fanout *fanout = (const struct fanout *)sink;
    for (size_t i = 0; i < fanout->count; i++) {
        fanout->sinks[i]->emit(fanout->sinks[i], event);
    }
}

int fanout_new(struct fanout **ret_fanout, struct err *err)
{
    struct fanout *fanout = mem_calloc(1, sizeof *fanout);
    if (fanout == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    fanout->sink.emit = emit;
    *ret_fanout = fanout;
    return 0;
}

int fanout_add(struct fanout *fanout, struct event_sink *sink, struct err *err)
{
    if (sink == NULL) {
        return 0;
    }
    if (fanout->count == FANOUT_MAX) {
        return err_set(err, -E2BIG, "more than %d reports of one run", FANOUT_MAX);
    }
    fanout->sinks[fanout->count++] = sink;
    return 0;
}

struct event_sink *fanout_sink(struct fanout *fanout)
{
    return &fanout->sink;
}

void fanout_free(struct fanout *fanout)
{
    mem_free(fanout);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An outcome as the event log writes it. What belongs to the run it was earned in (where its output
 * lies, its slot) is left out. */
#include "base/str.h"
#include "model/event_json.h"
#include "reuse/reuse_impl.h"

#include <errno.h>

int outcome_encode(const struct outcome *outcome, struct str *out)
{
    struct outcome kept = *outcome;
    kept.out = (struct capture){.dropped = outcome->out.dropped};
    kept.err = (struct capture){.dropped = outcome->err.dropped};
    kept.trace = NULL;
    kept.reused = NULL;
    kept.slot = -1;
    const struct event event = {
        .type = EVENT_UNIT_FINISHED,
        .u.unit_finished = {.layer = "", .unit = "", .outcome = &kept},
    };
    return event_write(out, &event);
}

int outcome_decode(
    const char *text, size_t len, struct arena *arena, struct outcome *ret_outcome, struct err *err)
{
    struct event event = {0};
    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    int rc = event_read(text, len, arena, &event, err);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0 || event.type != EVENT_UNIT_FINISHED || event.u.unit_finished.outcome == NULL) {
        return err_set(err, -EBADMSG, "stored evidence holds something else than an outcome");
    }
    *ret_outcome = *event.u.unit_finished.outcome;
    return 0;
}

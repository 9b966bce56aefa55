/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cache_words.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *size_format(uint64_t bytes, char buf[SIZE_TEXT_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024) {
        (void)snprintf(buf, SIZE_TEXT_MAX, "%u B", (unsigned)bytes);
        return buf;
    }
    size_t unit = 0;
    double number = (double)bytes / 1024;
    while (number >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        number /= 1024;
        unit++;
    }
    (void)snprintf(buf, SIZE_TEXT_MAX, "%.1f %s", number, units[unit]);
    return buf;
}

/* A date, and a time of day where one is given, in UTC. */
static int date_parse(const char *text, int64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm moment = {0};
        const char *rest = strptime(text, forms[i], &moment);
        if (rest == NULL || (rest[0] != '\0' && strcmp(rest, "Z") != 0)) {
            continue;
        }
        const int day = moment.tm_mday;
        const time_t seconds = timegm(&moment);
        if (moment.tm_mday != day) {
            return -EINVAL; /* the 31st of November */
        }
        *ret_ms = (int64_t)seconds * 1000;
        return 0;
    }
    return -EINVAL;
}

int moment_parse(const char *text, int64_t *ret_ms, struct err *err)
{
    int64_t ago_ms = 0;
    if (date_parse(text, ret_ms) == 0) {
        return 0;
    }
    if (duration_parse(text, &ago_ms, NULL) == 0) {
        *ret_ms = clock_wall_ms() - ago_ms;
        return 0;
    }
    return err_set(err,
                   -EINVAL,
                   "%s: must be a date (2026-11-22), a date and time in UTC (2026-11-22T09:30:00), "
                   "or a time ago (3d)",
                   text);
}

void unit_words(struct str *out, const char *words)
{
    CLEANUP(json_cleanup) json_t *root = NULL;
    const size_t len = strlen(words);
    if (len > 0 && json_parse(words, len, &root, NULL) == 0) {
        const char *layer = json_string_value(json_object_get(root, "layer"));
        const char *unit = json_string_value(json_object_get(root, "unit"));
        if (layer != NULL && unit != NULL) {
            (void)text_sanitize(out, layer, strlen(layer));
            (void)str_append_char(out, '/');
            (void)text_sanitize(out, unit, strlen(unit));
            return;
        }
    }
    (void)text_sanitize(out, len > 0 ? words : "(unknown unit)", len > 0 ? len : 14);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct timespec clock_read(clockid_t id)
{
    struct timespec now = {0};
    int rc = clock_gettime(id, &now);

    assert(rc == 0);
    (void)rc;
    return now;
}

int64_t clock_mono_ns(void)
{
    struct timespec now = clock_read(CLOCK_MONOTONIC);

    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    struct timespec now = clock_read(CLOCK_REALTIME);

    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool clock_is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

struct duration_unit {
    const char *word;
    int64_t ms;
};

/* Largest first: the parts of a sum must come in this order, each at most once. */
static const struct duration_unit duration_units[] = {
    {"d",  24LL * 3600 * 1000},
    {"h",  3600LL * 1000     },
    {"m",  60LL * 1000       },
    {"s",  1000              },
    {"ms", 1                 },
};

#define DURATION_UNIT_COUNT (sizeof duration_units / sizeof *duration_units)

/* Reads the digits at *at; at most DURATION_MAX_MS, so that a product with a unit fits 64 bits
 * (3.2e10 * 8.6e7 = 2.8e18). */
static int read_number(const char **at, int64_t *ret_number)
{
    int64_t number = 0;

    if (**at < '0' || **at > '9') {
        return -EINVAL;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (**at - '0');
        if (number > DURATION_MAX_MS) {
            return -ERANGE;
        }
    }
    *ret_number = number;
    return 0;
}

/* The index of the unit word at *at, or DURATION_UNIT_COUNT. The word ends at a digit or the end.
 */
static size_t read_unit(const char **at)
{
    size_t len = strcspn(*at, "0123456789");

    for (size_t i = 0; i < DURATION_UNIT_COUNT; i++) {
        if (strlen(duration_units[i].word) == len
            && strncmp(*at, duration_units[i].word, len) == 0) {
            *at += len;
            return i;
        }
    }
    return DURATION_UNIT_COUNT;
}

static int sum_parts(const char *at, int64_t *ret_ms)
{
    int64_t sum = 0;
    size_t smallest = 0; /* the first unit that may still come */

    do {
        int64_t number = 0;
        int rc = read_number(&at, &number);
        if (rc != 0) {
            return rc;
        }
        size_t unit = read_unit(&at);
        if (unit == DURATION_UNIT_COUNT || unit < smallest) {
            return -EINVAL;
        }
        smallest = unit + 1;
        sum += number * duration_units[unit].ms;
        if (sum > DURATION_MAX_MS) {
            return -ERANGE;
        }
    } while (*at != '\0');
    *ret_ms = sum;
    return 0;
}

int duration_parse(const char *text, int64_t *ret_ms, struct err *err)
{
    int64_t ms = 0;
    int rc = strcmp(text, "0") == 0 ? 0 : sum_parts(text, &ms);

    if (rc == -ERANGE) {
        return err_set(err, -ERANGE, "duration \"%.64s\" is too long: at most 366d", text);
    }
    if (rc != 0) {
        return err_set(err,
                       -EINVAL,
                       "\"%.64s\" is not a duration: write a number and a unit "
                       "(ms, s, m, h, d), as in 250ms, 90s, 10m or 1h30m",
                       text);
    }
    *ret_ms = ms;
    return 0;
}

char *duration_format(int64_t ms, char buf[DURATION_TEXT_MAX])
{
    const long long t = ms > 0 ? ms : 0;

    if (t < 10000) {
        (void)snprintf(buf, DURATION_TEXT_MAX, "%lld.%03llds", t / 1000, t % 1000);
    } else if (t < 60000) {
        (void)snprintf(buf, DURATION_TEXT_MAX, "%lld.%llds", t / 1000, t % 1000 / 100);
    } else if (t < 3600000) {
        (void)snprintf(buf, DURATION_TEXT_MAX, "%lldm%02llds", t / 60000, t / 1000 % 60);
    } else {
        (void)snprintf(buf, DURATION_TEXT_MAX, "%lldh%02lldm", t / 3600000, t / 60000 % 60);
    }
    return buf;
}

/* Two digits and what stands behind them; returns where it ends. */
static char *put_two(char *at, int number, char behind)
{
    at[0] = (char)('0' + number / 10 % 10);
    at[1] = (char)('0' + number % 10);
    at[2] = behind;
    return at + 3;
}

char *timestamp_format(int64_t wall_ms, char buf[TIMESTAMP_TEXT_MAX])
{
    /* Seconds rounded down, also before 1970. */
    time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL) {
        (void)snprintf(buf, TIMESTAMP_TEXT_MAX, "1970-01-01T00:00:00");
        return buf;
    }
    const int year = utc.tm_year + 1900;
    if (year < 1000 || year > 9999) {
        if (strftime(buf, TIMESTAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
            (void)snprintf(buf, TIMESTAMP_TEXT_MAX, "1970-01-01T00:00:00");
        }
        return buf;
    }
    /* Reports hold thousands of them, and strftime() asks for the locale each time. */
    (void)put_two(buf, year / 100, '\0');
    char *at = put_two(buf + 2, year % 100, '-');
    at = put_two(at, utc.tm_mon + 1, '-');
    at = put_two(at, utc.tm_mday, 'T');
    at = put_two(at, utc.tm_hour, ':');
    at = put_two(at, utc.tm_min, ':');
    (void)put_two(at, utc.tm_sec, '\0');
    return buf;
}

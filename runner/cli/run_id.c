/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_id.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

char *run_id_format(int64_t wall_ms, uint8_t random, char buf[RUN_ID_SIZE])
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    char text[64];
    if (gmtime_r(&seconds, &parts) == NULL) {
        parts = (struct tm){.tm_mday = 1, .tm_year = 70};
    }
    if (strftime(text, sizeof text, "%Y%m%dT%H%M%S", &parts) == 0) {
        text[0] = '\0';
    }
    const unsigned part = (unsigned)(wall_ms % 1000) * 256 / 1000;
    (void)snprintf(buf, RUN_ID_SIZE, "%.15s-%02x%02x", text, part & 0xffU, (unsigned)random);
    return buf;
}

bool run_id_is_valid(const char *word)
{
    /* 9 stands for a digit, f for a lower-case hexadecimal digit */
    static const char shape[] = "99999999T999999-ffff";
    if (strlen(word) != sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        const char c = word[i];
        const bool digit = c >= '0' && c <= '9';
        const bool fits = shape[i] == '9'   ? digit
                          : shape[i] == 'f' ? digit || (c >= 'a' && c <= 'f')
                                            : c == shape[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

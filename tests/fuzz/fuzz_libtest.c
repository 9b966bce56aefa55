/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin_unit */
/* What a Rust test program prints, into case lines: each line is one JSON object with a status. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/unit/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// NOLINTBEGIN(readability-identifier-naming): libFuzzer's name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// NOLINTEND(readability-identifier-naming)

static void check_line(const char *line, size_t len)
{
    CLEANUP(json_cleanup) json_t *value = NULL;
    struct err err = {0};
    if (json_parse(line, len, &value, &err) != 0
        || json_string_value(json_object_get(value, "status")) == NULL
        || json_string_value(json_object_get(value, "name")) == NULL) {
        abort();
    }
}

// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(str_fini) struct str report = STR_INIT(REPORT_TEXT_MAX);
    char *text = mem_calloc(size + 1, 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    struct report_job job = {.name = "unit", .text = text, .report = &report};
    struct err err = {0};
    if (report_from_libtest(&job, &err) != 0 || str_error(&report) != 0) {
        abort();
    }
    const char *line = str_text(&report);
    for (const char *end = NULL; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        check_line(line, (size_t)(end - line));
    }
    mem_free(text);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/config/support/parse.h"

#include <string.h>

#include "support/test.h"

static const char *const plugins[] = {"build", "command", "mutation", "unit"};
const struct config_options parse_options = {
    .seed = 18446744073709551615u, .plugins = plugins, .plugin_count = 4};

struct config *parse(const char *text)
{
    struct config *config = NULL;
    struct err err;
    if (config_parse("test.yml", text, strlen(text), &parse_options, &config, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return config;
}

void refuse(const char *text, size_t len, int code, const char *part)
{
    struct config *config = NULL;
    struct err err = {0};
    assert_int_equal(config_parse("test.yml", text, len, &parse_options, &config, &err), code);
    assert_null(config);
    if (strstr(err.text, part) == NULL) {
        fail_msg("expected \"%s\" in:\n%s", part, err.text);
    }
}

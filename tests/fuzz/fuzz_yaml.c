/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: config */
/* Any bytes as a pipeline file: parsed or refused with a message, in bounded time and memory. What
 * was accepted must be whole: indices in range, `with` valid JSON. */
#include "base/json.h"
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

/* As assert(), in every build. */
#define CHECK(condition) ((condition) ? (void)0 : abort())

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_layer(const struct config *config, const struct layer *layer)
{
    const struct pipeline *pipeline = config_pipeline(config);
    json_t *with = NULL;
    struct err err;
    CHECK(layer->stage < pipeline->stages.count);
    CHECK(layer->uses != NULL && layer->timeout_ms > 0 && layer->slots > 0 && layer->shards > 0);
    for (size_t i = 0; i < layer->need_count; i++) {
        CHECK(layer->needs[i] < pipeline->layer_count);
    }
    CHECK(json_parse(layer->with, strlen(layer->with), &with, &err) == 0);
    CHECK(json_is_object(with));
    json_decref(with);
    CHECK(config_with_pos(config, layer, "/a/0").line > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const plugins[] = {"command", "unit"};
    const struct config_options options = {.seed = 7, .plugins = plugins, .plugin_count = 2};
    struct config *config = NULL;
    struct err err = {.code = 0};
    int result = config_parse("fuzz.yml", (const char *)data, size, &options, &config, &err);
    if (result != 0) {
        CHECK(config == NULL && err.text[0] != '\0');
        return 0;
    }
    const struct pipeline *pipeline = config_pipeline(config);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        check_layer(config, &pipeline->layers[i]);
    }
    config_free(config);
    return 0;
}

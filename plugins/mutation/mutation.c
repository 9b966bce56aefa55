/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/mutation.h"

#include <errno.h>

static int plan(struct sdk *sdk, struct err *err)
{
    return err_set(err, -ENOTSUP, "layer \"%s\": mutants cannot be planned yet", sdk->layer);
}

const struct sdk_plugin mutation_plugin = {
    .name = "mutation",
    .schema = "{\"type\":\"object\"}",
    .plan = plan,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema, the part of draft-07 that a plugin may use to describe its settings:
 *
 *   type enum const · properties required additionalProperties · items minItems maxItems ·
 *   minimum maximum minLength maxLength · anyOf oneOf (not inside one another)
 *   and, without effect here: title description default examples $schema $id $comment.
 *
 * Anything else in a schema is refused, so that no rule is ever silently not applied. Lengths count
 * bytes. */
#ifndef SLUICE_PLUGIN_SCHEMA_H
#define SLUICE_PLUGIN_SCHEMA_H

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>

/* Schemas nested in one another. Settings are read by people: three levels are many. */
#define SCHEMA_DEPTH_MAX 32
/* Schemas in one document; the largest of ours has about 30. Beyond: refused. */
#define SCHEMA_NODES_MAX 4096

/* Is this a schema we can apply in full? -EINVAL names the keyword. */
int schema_check(json_t *schema, struct err *err);

/* Checks a value against a schema that passed schema_check(). -EINVAL: the first complaint in *err,
 * and where it is, as a JSON pointer, appended to *ret_pointer ("" = the value itself). */
int schema_validate(json_t *schema, json_t *value, struct str *ret_pointer, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The memo of a unit at work: verdicts of earlier runs are taken from it, those of this one are
 * appended as they come. A memo that cannot be read or written only costs time. */
#ifndef SLUICE_PLUGINS_MUTATION_UNIT_KNOWN_H
#define SLUICE_PLUGINS_MUTATION_UNIT_KNOWN_H

#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/unit.h"

/* Reads the memo and tells the engines to report to it. */
int unit_known_open(struct unit *unit, struct err *err);

/* Fills in verdicts of the engines of schemata. After the tests are loaded, from `tree`, and
 * covered. */
int unit_known_take_schemata(struct unit *unit,
                             const char *tree,
                             const struct schema *schema,
                             const struct engine_cover *cover,
                             struct err *err);

/* The tests of these engines have ended: what is opened from now on, by compilers that look for
 * equivalents, is no concern of theirs. */
void unit_known_end_reads(struct unit *unit);

/* The same of engine C. After the tests are loaded. */
int unit_known_take_copy(struct unit *unit, struct err *err);

/* Kills of engine C by this test are not sure yet: it has to pass at the end. */
bool unit_known_doubts(const struct unit *unit, size_t test);

/* Writes the memo anew: with what was found, or, where the unit failed, with what was sure before.
 */
void unit_known_close(struct unit *unit, bool failed);

void unit_known_fini(struct unit *unit);

#endif

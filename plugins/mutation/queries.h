/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of each grammar, queries/NAME.scm as text; made by module.cmake. Their form is told
 * in docs/mutation/operators.md. */
#ifndef SLUICE_PLUGINS_MUTATION_QUERIES_H
#define SLUICE_PLUGINS_MUTATION_QUERIES_H

extern const char query_c[];
extern const char query_python[];
extern const char query_javascript[]; /* TypeScript and TSX too: their grammars extend it */
extern const char query_text[];       /* regular expressions, for languages without a grammar */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's words for a syntax error -> ours, which say what to do. Private to node.c. */
#ifndef SLUICE_CONFIG_NODE_SYNTAX_H
#define SLUICE_CONFIG_NODE_SYNTAX_H

#include "config/complain.h"

#include <yaml.h>

/* Adds one complaint about the error a parser stopped with, or notes that memory was short. */
void node_syntax_complain(struct complaints *complaints, const yaml_parser_t *parser);

#endif

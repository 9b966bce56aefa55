/* SPDX-License-Identifier: Apache-2.0 */
/* libxml2, loaded when the first XML report is read. Linked as usual it would cost every start of
 * sluice more than all other libraries together (it brings ICU's tables and the C++ library), for a
 * few functions that most commands never call. Types and versions come from its headers. */
#ifndef SLUICE_REPORTS_LIBXML_H
#define SLUICE_REPORTS_LIBXML_H

#include "base/err.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

/* The functions that are used. */
struct libxml {
    __typeof__(&xmlCreateIOParserCtxt) create_parser;
    __typeof__(&xmlCtxtUseOptions) use_options;
    __typeof__(&xmlParseDocument) parse_document;
    __typeof__(&xmlByteConsumed) byte_consumed;
    __typeof__(&xmlSAX2GetLineNumber) line_number;
    __typeof__(&xmlFreeParserCtxt) free_parser;
    __typeof__(&xmlFreeDoc) free_doc;
};

/* Loads the library once a process. 0, or -ENOPKG and what to install. One thread at a time. */
int libxml_load(const struct libxml **ret_libxml, struct err *err);

/* As libxml_load(), from a file of this name: for its tests. */
int libxml_load_from(const char *file, struct libxml *ret_libxml, struct err *err);

#endif

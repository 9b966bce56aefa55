/* SPDX-License-Identifier: Apache-2.0 */
/* Tells what a report is from how it begins: the first bytes, the name and namespace of an XML
 * root, the fields of a first JSON object, the first line that only one format has. */
#ifndef SLUICE_REPORTS_SNIFF_H
#define SLUICE_REPORTS_SNIFF_H

#include "base/err.h"
#include "model/unit.h"

#include <stddef.h>

/* 0 and a format that is neither none nor auto; -ENODATA when there is nothing to look at; -EINVAL
 * when it is none of ours, with what was seen. */
int sniff_format(const char *text, size_t len, enum report_format *ret_format, struct err *err);

#endif

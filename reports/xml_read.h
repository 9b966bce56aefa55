/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign XML as a stream of elements, for the readers of all XML formats: libxml2's SAX parser
 * behind walls. No network, no DTD is loaded, no entity is expanded: whatever is not predefined
 * reads as "?", so neither XXE nor "billion laughs" has anything to work with; all cases are
 * delivered, the answer is -EBADMSG. Several documents in one text, a byte order mark, UTF-16 are
 * accepted. A damaged document is read a second time in recovery mode, to deliver what follows the
 * damage; the answer stays -EBADMSG. */
#ifndef SLUICE_REPORTS_XML_READ_H
#define SLUICE_REPORTS_XML_READ_H

#include "reports/read_impl.h"

#include <stddef.h>

/* Nested elements; real files have under 30 (NUnit: namespaces are suites within suites), libxml2
 * stops at 256. Beyond: damaged. */
#define XML_DEPTH_MAX 64

struct xml_reader;

/* Attributes of one element, readable while start() runs. */
struct xml_attributes {
    const void *items;
    int count;
};

/* What a format does with the stream. Nothing is called once feed->stop is set. `depth` is the
 * number of elements around this one: 0 = a root. */
struct xml_handler {
    /* `name` without prefix; `uri` its namespace or NULL. Equal names of elements and attributes
     * are one and the same pointer until forget(). */
    void (*start)(void *context,
                  const char *name,
                  const char *uri,
                  const struct xml_attributes *attributes);
    void (*text)(void *context, const char *bytes, size_t len);
    void (*end)(void *context);
    /* The document ended or broke off: what is still open never ends. */
    void (*forget)(void *context);
};

/* The value of attribute `i` and its name; lives until the next call. */
const char *xml_read_attribute(struct xml_reader *xml,
                               const struct xml_attributes *attributes,
                               int i,
                               const char **ret_name);

/* As xml_read_attribute(), without a copy where none is needed: *ret_len bytes, not terminated. */
const char *xml_read_attribute_bytes(struct xml_reader *xml,
                                     const struct xml_attributes *attributes,
                                     int i,
                                     const char **ret_name,
                                     size_t *ret_len);

/* The line of the text that is being read. */
int xml_read_line(const struct xml_reader *xml);

/* Reads all documents of `text`, which needs no terminator and may be a mapped file. `*ret_xml` is
 * set before the first call of the handler. 0, feed->stop, -EBADMSG, -ENOMEM or -ENOPKG, with a
 * message. */
int xml_read(const char *text,
             size_t len,
             struct report_feed *feed,
             const struct xml_handler *handler,
             void *context,
             struct xml_reader **ret_xml);

/* Bytes of a mapped text (report_feed.mapped) that stay in memory behind the place where the parser
 * is. */
#define XML_BEHIND_MAX ((size_t)4 << 20)

#endif

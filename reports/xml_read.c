/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/xml_read.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "reports/libxml.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct xml_reader {
    const struct libxml *xml;
    const struct xml_handler *handler;
    void *context;
    struct report_feed *feed;
    xmlParserCtxtPtr parser;
    struct str attribute;
    const char *text; /* what the parser has not taken yet */
    size_t left;
    const char *kept;     /* where the bytes begin that are still in memory; NULL = all are */
    unsigned depth;       /* open elements */
    long root_end;        /* offset behind the root's end tag; -1 while it is open */
    int64_t first_line;   /* lines before this document, for messages */
    char problem[512];    /* the first fatal error of the parser ... */
    int64_t problem_line; /* ... and its line */
    char entity[256];     /* the first entity that was asked for, in words; "" = none */
};

/* ---- what the handler sees ---- */

/* libxml2 hands over attribute values with '&' as "&#38;" when entities are not substituted; any
 * other '&' cannot be in one. */
static const char *decode_attribute(struct xml_reader *r, const xmlChar *value, const xmlChar *end)
{
    const char *at = (const char *)value;
    const char *last = (const char *)end;
    str_clear(&r->attribute);
    while (at < last) {
        const char *amp = memchr(at, '&', (size_t)(last - at));
        const char *until = amp != NULL ? amp : last;
        keep_text(&r->attribute, at, (size_t)(until - at));
        if (amp != NULL) {
            keep_text(&r->attribute, "&", 1);
            bool coded = last - amp >= 5 && memcmp(amp, "&#38;", 5) == 0;
            until += coded ? 5 : 1;
        }
        at = until;
    }
    if (r->attribute.error != 0) {
        feed_no_memory(r->feed);
    }
    return str_text(&r->attribute);
}

const char *xml_read_attribute_bytes(struct xml_reader *xml,
                                     const struct xml_attributes *attributes,
                                     int i,
                                     const char **ret_name,
                                     size_t *ret_len)
{
    assert(i >= 0 && i < attributes->count);
    const xmlChar *const *item = (const xmlChar *const *)attributes->items + (ptrdiff_t)i * 5;
    size_t len = (size_t)(item[4] - item[3]);
    /* A value that stands in the text as it was written ends with its quote and has no entity in
     * it; what the parser had to put together ends with a zero. */
    bool as_written = *item[4] == '"' || *item[4] == '\'';
    if (!as_written && memchr(item[3], '&', len) != NULL) {
        const char *value = xml_read_attribute(xml, attributes, i, ret_name);
        *ret_len = xml->attribute.len;
        return value;
    }
    *ret_name = (const char *)item[0];
    *ret_len = len;
    return (const char *)item[3];
}

const char *xml_read_attribute(struct xml_reader *xml,
                               const struct xml_attributes *attributes,
                               int i,
                               const char **ret_name)
{
    assert(i >= 0 && i < attributes->count);
    /* localname, prefix, URI, value, end of the value */
    const xmlChar *const *item = (const xmlChar *const *)attributes->items + (ptrdiff_t)i * 5;
    *ret_name = (const char *)item[0];
    return decode_attribute(xml, item[3], item[4]);
}

int xml_read_line(const struct xml_reader *xml)
{
    return (int)xml->first_line + xml->xml->line_number(xml->parser);
}

/* ---- callbacks of the parser ---- */

// NOLINTNEXTLINE(readability-function-size): libxml2 says how many parameters it has
static void on_start(void *context,
                     const xmlChar *name,
                     const xmlChar *prefix,
                     const xmlChar *uri,
                     int namespace_count,
                     const xmlChar **namespaces,
                     int attribute_count,
                     int defaulted_count,
                     const xmlChar **attributes)
{
    struct xml_reader *r = context;
    (void)prefix;
    (void)namespace_count;
    (void)namespaces;
    (void)defaulted_count;
    if (r->feed->stop != 0) {
        return;
    }
    if (r->depth == XML_DEPTH_MAX) {
        r->feed->stop = err_set(r->feed->err,
                                -EBADMSG,
                                "line %d: elements are nested deeper than %d",
                                xml_read_line(r),
                                XML_DEPTH_MAX);
        return;
    }
    const struct xml_attributes given = {(const void *)attributes, attribute_count};
    r->handler->start(r->context, (const char *)name, (const char *)uri, &given);
    r->depth++;
    r->root_end = -1;
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct xml_reader *r = context;
    (void)name;
    (void)prefix;
    (void)uri;
    if (r->feed->stop != 0 || r->depth == 0) {
        return;
    }
    r->depth--;
    r->handler->end(r->context);
    if (r->depth == 0) {
        r->root_end = r->xml->byte_consumed(r->parser);
    }
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct xml_reader *r = context;
    if (r->feed->stop == 0 && r->depth > 0) {
        r->handler->text(r->context, (const char *)text, (size_t)len);
    }
}

/* Every entity that is not predefined: one harmless character, and the report counts as damaged. In
 * the DTD itself (one named in the value of another) it stands for nothing. */
static xmlEntityPtr on_entity(void *context, const xmlChar *name)
{
    static xmlChar content[] = "?";
    static xmlEntity unknown = {.type = XML_ENTITY_DECL,
                                .name = content,
                                .content = content,
                                .orig = content,
                                .length = 1,
                                .etype = XML_INTERNAL_PREDEFINED_ENTITY};
    struct xml_reader *r = context;
    if (r->parser != NULL && r->parser->inSubset == 0 && r->entity[0] == '\0') {
        (void)snprintf(r->entity,
                       sizeof r->entity,
                       "line %d: &%.60s; is an entity of the document's own, which is never read: "
                       "what stands for it is unknown, \"?\" is shown; write the text itself",
                       xml_read_line(r),
                       (const char *)name);
    }
    return &unknown;
}

/* Does the error say that the text ended too early? */
static bool is_end_error(const struct xml_reader *r, int code)
{
    return r->left == 0
           && (code == XML_ERR_DOCUMENT_END || code == XML_ERR_TAG_NOT_FINISHED
               || code == XML_ERR_CDATA_NOT_FINISHED);
}

#if LIBXML_VERSION >= 21200
static void on_error(void *context, const xmlError *error)
#else
static void on_error(void *context, xmlErrorPtr error)
#endif
{
    struct xml_reader *r = context;
    if (error->level < XML_ERR_FATAL || r->problem[0] != '\0') {
        return;
    }
    r->problem_line = r->first_line + error->line;
    if (r->depth > 0 && is_end_error(r, error->code)) {
        (void)snprintf(r->problem,
                       sizeof r->problem,
                       "line %lld: the report ends with %u elements still open: it is truncated",
                       (long long)r->problem_line,
                       r->depth);
        return;
    }
    const char *message = error->message != NULL ? error->message : "not well-formed";
    (void)snprintf(r->problem,
                   sizeof r->problem,
                   "line %lld, column %d: %.*s",
                   (long long)r->problem_line,
                   error->int2,
                   (int)strcspn(message, "\n"),
                   message);
}

/* ---- documents ---- */

static void forget(struct xml_reader *r)
{
    r->depth = 0;
    r->handler->forget(r->context);
}

/* What the parser has taken of a mapped file leaves our memory; it would be read again if need be.
 */
static void let_go(struct xml_reader *r)
{
    if (r->kept != NULL && (size_t)(r->text - r->kept) >= XML_BEHIND_MAX) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uintptr_t from = ((uintptr_t)r->kept + page - 1) & ~(page - 1);
        uintptr_t until = (uintptr_t)r->text & ~(page - 1);
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): whole pages within the text */
        (void)madvise((void *)from, until - from, MADV_DONTNEED);
        r->kept = r->text;
    }
}

/* The parser asks for bytes; once the reading is stopped there are no more. (Pushing chunks into it
 * takes three times the time.) */
static int give_bytes(void *context, char *buffer, int size)
{
    struct xml_reader *r = context;
    size_t count = r->left < (size_t)size ? r->left : (size_t)size;
    if (r->feed->stop != 0) {
        return 0;
    }
    memcpy(buffer, r->text, count);
    r->text += count;
    r->left -= count;
    let_go(r);
    return (int)count;
}

static xmlParserCtxtPtr new_parser(struct xml_reader *r, int options)
{
    xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                             .startElementNs = on_start,
                             .endElementNs = on_end,
                             .characters = on_text,
                             .ignorableWhitespace = on_text,
                             .cdataBlock = on_text,
                             .getEntity = on_entity,
                             .serror = on_error};
    xmlParserCtxtPtr parser =
        r->xml->create_parser(&handler, r, give_bytes, NULL, r, XML_CHAR_ENCODING_NONE);
    if (parser != NULL) {
        (void)r->xml->use_options(parser, XML_PARSE_NONET | options);
    }
    return parser;
}

static void free_parser(struct xml_reader *r)
{
    if (r->parser->myDoc != NULL) {
        r->xml->free_doc(r->parser->myDoc); /* libxml2 notes the entities of a DTD in one */
        r->parser->myDoc = NULL;
    }
    r->xml->free_parser(r->parser);
    r->parser = NULL;
}

/* Parses one document from the start of the text. 0 and the bytes it took, or -EBADMSG with
 * r->problem, -ENOMEM, or feed->stop. */
static int parse_document(
    struct xml_reader *r, const char *text, size_t len, int options, size_t *ret_used)
{
    r->problem[0] = '\0';
    r->root_end = -1;
    r->text = text;
    r->left = len;
    r->kept = r->feed->mapped ? text : NULL;
    r->parser = new_parser(r, options);
    if (r->parser == NULL) {
        return err_set(r->feed->err, -ENOMEM, "out of memory reading a report");
    }
    (void)r->xml->parse_document(r->parser);
    bool whole = r->parser->wellFormed != 0;
    free_parser(r);
    bool closed = r->depth == 0 && r->root_end > 0;
    forget(r);
    if (r->feed->stop != 0) {
        return r->feed->stop;
    }
    if (!whole && !(closed && r->root_end < (long)len)) {
        return -EBADMSG;
    }
    *ret_used = whole ? len : (size_t)r->root_end;
    return 0;
}

/* Blanks and a byte order mark before a document. */
static size_t skip_blank(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') {
        at++;
    }
    return len - at >= 3 && memcmp(text + at, "\xEF\xBB\xBF", 3) == 0 ? at + 3 : at;
}

static int64_t count_lines(const char *text, size_t len)
{
    int64_t lines = 0;
    const char *end = text + len;
    while (text < end && (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        lines++;
        text++;
    }
    return lines;
}

/* The second pass: what was delivered is skipped, what the parser can make of the rest follows. */
static int recover(struct xml_reader *r, const char *text, size_t len, size_t delivered_before)
{
    char problem[sizeof r->problem];
    size_t used = 0;
    bool at_end = strstr(r->problem, "truncated") == NULL
                  && r->problem_line > r->first_line + count_lines(text, len);
    memcpy(problem, r->problem, sizeof problem);
    r->feed->skip = r->feed->count > r->feed->skip ? r->feed->count : r->feed->skip;
    r->feed->count = delivered_before;
    (void)parse_document(r, text, len, XML_PARSE_RECOVER, &used);
    if (r->feed->stop != 0) {
        return r->feed->stop;
    }
    return err_set(r->feed->err,
                   -EBADMSG,
                   "the report is damaged: %s%s",
                   problem[0] != '\0' ? problem : "not well-formed XML",
                   at_end ? " (in its last line: it may be truncated)" : "");
}

static int read_documents(struct xml_reader *r, const char *text, size_t len)
{
    size_t at = 0;
    for (;;) {
        size_t blank = skip_blank(text + at, len - at);
        r->first_line += count_lines(text + at, blank);
        at += blank;
        if (at == len) {
            return r->entity[0] == '\0'
                       ? 0
                       : err_set(r->feed->err, -EBADMSG, "the report is damaged: %s", r->entity);
        }
        size_t before = r->feed->count;
        size_t used = 0;
        int rc = parse_document(r, text + at, len - at, 0, &used);
        if (rc == -EBADMSG && r->feed->stop == 0) {
            return recover(r, text + at, len - at, before);
        }
        if (rc != 0) {
            return rc;
        }
        r->first_line += at + used < len ? count_lines(text + at, used) : 0;
        at += used;
    }
}

int xml_read(const char *text,
             size_t len,
             struct report_feed *feed,
             const struct xml_handler *handler,
             void *context,
             struct xml_reader **ret_xml)
{
    const struct libxml *library = NULL;
    int rc = libxml_load(&library, feed->err);
    if (rc < 0) {
        return rc;
    }
    struct xml_reader *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
    r->xml = library;
    r->handler = handler;
    r->context = context;
    r->feed = feed;
    str_init(&r->attribute, KEEP_MAX);
    *ret_xml = r;
    rc = read_documents(r, text, len);
    *ret_xml = NULL;
    str_fini(&r->attribute);
    mem_free(r);
    return rc;
}

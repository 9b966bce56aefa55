/* SPDX-License-Identifier: Apache-2.0 */
/* Where code is, by the quotes and comments of a language: a lexer as good as its table, for what
 * has no grammar. A quote that is not closed reaches to the end of the file, so that at worst too
 * little is mutated. */
#include "plugins/mutation/find_impl.h"

#include <errno.h>
#include <string.h>

static const struct language_quote *quote_at(const struct source *source, uint32_t at)
{
    const struct language_quote *quote = source->language->quotes;
    for (; quote->open != NULL; quote++) {
        size_t length = strlen(quote->open);
        if (length <= source->size - at && memcmp(source->text + at, quote->open, length) == 0) {
            return quote;
        }
    }
    return NULL;
}

/* Behind the closing mark; a line end is not part of a comment. */
static uint32_t quote_end(const struct source *source,
                          const struct language_quote *quote,
                          uint32_t at)
{
    size_t length = strlen(quote->close);
    bool to_line_end = strcmp(quote->close, "\n") == 0;
    at += (uint32_t)strlen(quote->open);
    while (at < source->size) {
        if (quote->escape != '\0' && source->text[at] == quote->escape && at + 1 < source->size) {
            at += 2;
        } else if (length <= source->size - at
                   && memcmp(source->text + at, quote->close, length) == 0) {
            return to_line_end ? at : at + (uint32_t)length;
        } else {
            at++;
        }
    }
    return source->size;
}

int outline_by_quotes(struct finding *finding, struct err *err)
{
    const struct source *source = finding->source;
    struct outline *outline = &finding->outline;
    uint32_t code = 0;
    for (uint32_t at = 0; at < source->size;) {
        const struct language_quote *quote = quote_at(source, at);
        if (quote == NULL) {
            at++;
            continue;
        }
        struct extent quoted = {at, quote_end(source, quote, at)};
        struct extent before = {code, at};
        at = quoted.end > at ? quoted.end : at + 1;
        code = at;
        /* With a grammar, comments are nodes. */
        bool comment = quote->comment && source->tree == NULL;
        if ((before.end > before.start && vec_push(&outline->code, before) < 0)
            || (comment && vec_push(&outline->comments, quoted) < 0)) {
            return finding_short_of_memory(finding, err);
        }
    }
    struct extent rest = {code, source->size};
    return rest.end > rest.start && vec_push(&outline->code, rest) < 0
               ? finding_short_of_memory(finding, err)
               : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config/node_syntax.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Where the mistake is better seen: where libyaml noticed it, or where the thing began that it was
 * reading then. */
enum place {
    PLACE_PROBLEM,
    PLACE_CONTEXT,
    PLACE_BRACKET, /* the bracket that is open, when it is on another line */
};

#define TAB_ADVICE "a tab stands where YAML wants spaces: indent with spaces only"

static const struct {
    const char *problem; /* of libyaml 0.2.5 */
    const char *text;
    enum place place;
} advice[] = {
    {"found a tab character where an indentation space is expected", TAB_ADVICE,                   PLACE_PROBLEM},
    {"found a tab character that violates indentation",              TAB_ADVICE,                   PLACE_PROBLEM},
    {"mapping values are not allowed in this context",
     "a `:` is not allowed here: check the indentation, or quote the value if it contains `: `",   PLACE_PROBLEM},
    {"could not find expected ':'",
     "expected `key: value`, but there is no `:` after this",                                      PLACE_CONTEXT},
    {"did not find expected key",
     "expected a key here: check the indentation of this line, and the quotes above it",           PLACE_PROBLEM},
    {"did not find expected '-' indicator",
     "expected another `- item` of the list above: check the indentation",                         PLACE_PROBLEM},
    {"did not find expected ',' or '}'",
     "expected `,` or `}`: quote values that contain `,` `{` `}` or `: `",                         PLACE_BRACKET},
    {"did not find expected ',' or ']'",
     "expected `,` or `]`: quote values that contain `,` `[` `]` or `: `",                         PLACE_BRACKET},
    {"found unexpected end of stream",                               "this quote is never closed", PLACE_CONTEXT},
    {"found unexpected document indicator",                          "this quote is never closed", PLACE_CONTEXT},
    {"found unknown escape character",
     "unknown escape in a double-quoted text: use single quotes to keep `\\` as it is",            PLACE_PROBLEM},
    {"block sequence entries are not allowed in this context",
     "a list item is not allowed here: put it on a line of its own",                               PLACE_PROBLEM},
    {"did not find expected <document start>",
     "text after the end of the pipeline: only one mapping can stand at the top level",            PLACE_PROBLEM},
};

static const char *bad_start(int c)
{
    switch (c) {
    case '\t':
        return TAB_ADVICE;
    case '@':
    case '`':
    case '%':
        return "a value cannot start with this character in YAML: put quotes around it";
    default:
        return "this character cannot stand here in YAML: put quotes around the value";
    }
}

static int byte_at(const struct source *source, const yaml_mark_t *mark)
{
    size_t offset = source_offset(source, (unsigned)mark->line + 1, (unsigned)mark->column + 1);
    return offset < source->len ? (unsigned char)source->text[offset] : 0;
}

static void complain_mark(struct complaints *complaints, const yaml_mark_t *mark, const char *text)
{
    complain_at(complaints, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s", text);
}

static void complain_reader(struct complaints *complaints, const yaml_parser_t *parser)
{
    unsigned line = 0;
    unsigned column = 0;
    source_locate(&complaints->source, parser->problem_offset, &line, &column);
    complain_at(complaints,
                line,
                column,
                "a control character (code %d) is not allowed in YAML: remove it, or write it as "
                "an escape in double quotes",
                parser->problem_value);
}

static void give_advice(struct complaints *complaints,
                        const yaml_parser_t *parser,
                        const char *text,
                        enum place place)
{
    const yaml_mark_t *problem = &parser->problem_mark;
    const yaml_mark_t *context = &parser->context_mark;
    bool known = parser->context != NULL;
    if (known && place == PLACE_CONTEXT) {
        complain_mark(complaints, context, text);
    } else if (known && place == PLACE_BRACKET && context->line != problem->line) {
        complain_at(complaints,
                    (unsigned)context->line + 1,
                    (unsigned)context->column + 1,
                    "this bracket is not closed where it should be; on line %u YAML %s",
                    (unsigned)problem->line + 1,
                    text);
    } else {
        complain_mark(complaints, problem, text);
    }
}

void node_syntax_complain(struct complaints *complaints, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        complaints_fail(complaints, -ENOMEM);
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        complain_reader(complaints, parser);
        return;
    }
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    if (strcmp(problem, "found character that cannot start any token") == 0) {
        int c = byte_at(&complaints->source, &parser->problem_mark);
        complain_mark(complaints, &parser->problem_mark, bad_start(c));
        return;
    }
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++) {
        if (strcmp(advice[i].problem, problem) == 0) {
            give_advice(complaints, parser, advice[i].text, advice[i].place);
            return;
        }
    }
    complain_at(complaints,
                (unsigned)parser->problem_mark.line + 1,
                (unsigned)parser->problem_mark.column + 1,
                "this is not YAML: %s%s%s",
                problem,
                parser->context != NULL ? " " : "",
                parser->context != NULL ? parser->context : "");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/roff.h"

#include <stdbool.h>
#include <string.h>

struct roff {
    struct str *out;
    bool at_start; /* of a line, where dots and quotes have a meaning */
    bool bold;
};

static void put_plain(struct roff *roff, char c)
{
    if (roff->at_start && (c == '.' || c == '\'')) {
        (void)str_append(roff->out, "\\&");
    }
    if (c == '\\') {
        (void)str_append(roff->out, "\\e");
    } else if (c == '-') {
        (void)str_append(roff->out, "\\-");
    } else if (c == '~') {
        (void)str_append(roff->out, "\\(ti");
    } else if (c == '^') {
        (void)str_append(roff->out, "\\(ha");
    } else {
        (void)str_append_char(roff->out, c);
    }
    roff->at_start = c == '\n';
}

static void put_all(struct roff *roff, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '`') {
            roff->bold = !roff->bold;
            (void)str_append(roff->out, roff->bold ? "\\fB" : "\\fR");
            roff->at_start = false;
        } else {
            put_plain(roff, text[i]);
        }
    }
}

int roff_text(struct str *out, const char *text)
{
    struct roff roff = {.out = out, .at_start = out->len == 0 || out->data[out->len - 1] == '\n'};
    put_all(&roff, text, strlen(text));
    (void)str_append(out, roff.bold ? "\\fR" : "");
    return str_error(out);
}

int roff_bold(struct str *out, const char *text)
{
    (void)str_append(out, "\\fB");
    (void)roff_text(out, text);
    return str_append(out, "\\fR");
}

/* What goes between two lines that are not empty. */
static const char *between(bool indented, bool kept, bool gap)
{
    if (indented != kept) {
        return indented ? ".PP\n.nf\n" : ".fi\n.PP\n";
    }
    if (gap) {
        return kept ? "\n" : ".PP\n";
    }
    return "";
}

int roff_paragraphs(struct str *out, const char *text)
{
    struct roff roff = {.out = out, .at_start = true};
    bool kept = false; /* between .nf and .fi */
    bool gap = false;  /* an empty line came before */
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");
        if (len > 0) {
            (void)str_append(out, between(text[0] == ' ', kept, gap));
            put_all(&roff, text, len);
            put_plain(&roff, '\n');
            kept = text[0] == ' ';
        }
        gap = len == 0;
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    (void)str_append(out, kept ? ".fi\n" : "");
    return str_error(out);
}

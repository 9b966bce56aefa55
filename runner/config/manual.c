/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys as a manual page: sluice.yml(5). */
#include "base/roff.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/reader.h"

#include <string.h>

static const char introduction[] =
    ".SH NAME\n"
    "sluice.yml \\- pipeline of sluice: its stages, layers and gates\n"
    ".SH DESCRIPTION\n"
    "The pipeline stands in \\fBsluice.yml\\fR at the root of the tree, or in the file given by\n"
    "\\fB\\-\\-pipeline\\fR. It is one YAML document in UTF\\-8. \\fBsluice lint\\fR checks a file;\n"
    "\\fBsluice schema\\fR prints the JSON Schema for editors. Unknown keys, duplicate keys and\n"
    "values of the wrong type are errors.\n"
    ".PP\n"
    ".nf\n"
    "version: 1\n"
    "stages: [fast, deep]\n"
    "layers:\n"
    "  build:\n"
    "    uses: command\n"
    "    with: {run: make \\-j2}\n"
    "    outputs: [build/**]\n"
    "  unit:\n"
    "    stage: deep\n"
    "    uses: unit\n"
    "    needs: [build]\n"
    "    with: {discover: ctest, dir: build}\n"
    ".fi\n";

/* The wants of words end in a colon, for messages. */
static void put_type(struct str *out, const struct key *key)
{
    struct str wants = STR_INIT(4096);
    (void)str_append(&wants, key_type_wants(key));
    if (key->words != NULL && wants.len > 0) {
        wants.data[--wants.len] = '\0';
    }
    (void)roff_text(out, str_text(&wants));
    str_fini(&wants);
    if (key->type == TYPE_INT) {
        (void)str_appendf(out, ", %u to %u", key->min, key->max);
    }
}

static void put_words(struct str *out, const struct key_word *words)
{
    for (; words != NULL && words->word != NULL; words++) {
        (void)str_append(out, ".br\n");
        (void)roff_bold(out, words->word);
        (void)str_append(out, ": ");
        (void)roff_text(out, words->help);
        (void)str_append_char(out, '\n');
    }
}

static void put_key(struct str *out, const struct key *key)
{
    (void)str_append(out, ".TP\n");
    (void)roff_bold(out, key->name);
    (void)str_append(out, " (");
    put_type(out, key);
    (void)str_append(out, key->required ? "; required)\n" : ")\n");
    (void)roff_text(out, key->help);
    if (!key->required && key->fallback != NULL) {
        (void)str_append(out, " Default: ");
        (void)roff_text(out, key->fallback);
        (void)str_append_char(out, '.');
    }
    (void)str_append(out, " Example: ");
    (void)roff_text(out, key->name);
    (void)str_append(out, ": ");
    (void)roff_text(out, key->example);
    (void)str_append_char(out, '\n');
    put_words(out, key->words);
}

/* `defaults` has no keys of its own: their names will do. */
static void put_names(struct str *out, enum key_scope scope)
{
    const char *comma = ".PP\n";
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0) {
            (void)str_append(out, comma);
            (void)roff_bold(out, keys[i].name);
            comma = ", ";
        }
    }
    (void)str_append(out, "\n");
}

static void put_scope(struct str *out, enum key_scope scope)
{
    (void)str_append(out, ".SH KEYS OF: ");
    (void)roff_text(out, key_scope_name(scope));
    (void)str_append_char(out, '\n');
    (void)roff_text(out, key_scope_help(scope));
    (void)str_append_char(out, '\n');
    if (scope == SCOPE_DEFAULTS) {
        put_names(out, scope);
        return;
    }
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0) {
            put_key(out, &keys[i]);
        }
    }
}

int config_manual(struct str *out, const char *date, const char *version)
{
    (void)str_appendf(out,
                      ".\\\" Made from the table in runner/config/keys.c: `sluice schema --man`.\n"
                      ".TH SLUICE.YML 5 %s \"sluice %s\" \"File Formats\"\n%s",
                      date,
                      version,
                      introduction);
    for (int scope = SCOPE_TOP; scope < SCOPE_COUNT; scope++) {
        put_scope(out, (enum key_scope)scope);
    }
    (void)str_append(out, ".SH SEE ALSO\n.BR sluice (1),\n.BR sluice\\-lint (1)\n");
    return str_error(out);
}

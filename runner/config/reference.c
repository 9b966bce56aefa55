/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys as Markdown: docs/reference/pipeline.md. */
#include "config/config.h"
#include "config/keys.h"
#include "config/reader.h"

#include <string.h>

static const char introduction[] =
    "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
    "<!-- Made from the table in runner/config/keys.c; change that, not this file. -->\n"
    "# Pipeline file\n"
    "\n"
    "`sluice.yml` at the root of the tree, or the file given on the command line. UTF-8 YAML, one\n"
    "document. `sluice lint` checks a file; `sluice schema` prints the JSON Schema for editors.\n"
    "\n"
    "```yaml\n"
    "version: 1\n"
    "stages: [fast, deep]\n"
    "layers:\n"
    "  build:\n"
    "    uses: command\n"
    "    with: {run: make -j2}\n"
    "    outputs: [build/**]\n"
    "  unit:\n"
    "    stage: deep\n"
    "    uses: unit\n"
    "    needs: [build]\n"
    "    with: {discover: ctest, dir: build}\n"
    "```\n"
    "\n"
    "## Rules\n"
    "\n"
    "- Unknown keys, duplicate keys and values of the wrong type are errors; nothing is guessed.\n"
    "- Durations are texts: numbers with `ms`, `s`, `m`, `h` or `d`, also in sums: `1h30m`.\n"
    "- Booleans are `true` and `false`. Write `yes`, `no`, `on` and `off` in quotes if you mean\n"
    "  the words.\n"
    "- Anchors, aliases and the merge key `<<` work; tags such as `!!str` do not.\n"
    "- `${{ matrix.AXIS }}` and `${{ sluice.seed }}` are replaced in every text of a layer. An\n"
    "  unquoted value that is nothing but one expression may become a number.\n"
    "- Where a list of texts is wanted, `needs`, `locks`, `outputs`, `expose`, `artifacts`,\n"
    "  `declared` and `when` of `retry` take a single text too.\n"
    "- Paths are relative to the root, without `./`, `..` or a `/` at the end. In patterns `*` and\n"
    "  `?` stay inside one folder, and `**` crosses folders.\n"
    "\n";

static void write_words(struct str *out, const struct key_word *words)
{
    for (size_t i = 0; words[i].word != NULL; i++) {
        (void)str_appendf(out, "- `%s`: %s\n", words[i].word, words[i].help);
    }
    (void)str_append(out, "\n");
}

static void write_range(struct str *out, const struct key *key)
{
    if (key->type == TYPE_INT) {
        (void)str_appendf(out, ", %u to %u", key->min, key->max);
    }
}

/* The wants of words end in a colon, for messages. */
static void write_type(struct str *out, const struct key *key)
{
    bool words = key->words != NULL;
    const char *wants = key_type_wants(key);
    (void)str_appendf(out, "%.*s", (int)(strlen(wants) - (words ? 1 : 0)), wants);
    write_range(out, key);
}

static void write_key(struct str *out, const struct key *key)
{
    (void)str_appendf(out, "### `%s`\n\n%s\n\nType: ", key->name, key->help);
    write_type(out, key);
    (void)str_appendf(out, ". Example: `%s: %s`.", key->name, key->example);
    if (key->required) {
        (void)str_append(out, " Required.");
    } else if (key->fallback != NULL) {
        (void)str_appendf(out, " Default: %s.", key->fallback);
    }
    (void)str_append(out, "\n\n");
    if (key->words != NULL) {
        write_words(out, key->words);
    }
}

/* `defaults` has no keys of its own: their names will do. */
static void write_names(struct str *out, enum key_scope scope)
{
    const char *comma = "";
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0) {
            (void)str_appendf(out, "%s`%s`", comma, keys[i].name);
            comma = ", ";
        }
    }
    (void)str_append(out, ".\n\n");
}

static void write_scope(struct str *out, enum key_scope scope)
{
    (void)str_appendf(out, "## %s\n\n%s\n\n", key_scope_name(scope), key_scope_help(scope));
    if (scope == SCOPE_DEFAULTS) {
        write_names(out, scope);
        return;
    }
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0) {
            write_key(out, &keys[i]);
        }
    }
}

static void write_limits(struct str *out)
{
    (void)str_appendf(out,
                      "## limits\n"
                      "\n"
                      "| what | at most |\n"
                      "|---|---|\n"
                      "| size of the file | %zu KiB |\n"
                      "| levels of lists and mappings | %d |\n"
                      "| values, aliases written out | %d |\n"
                      "| aliases | %d |\n"
                      "| stages | %d |\n"
                      "| layers, variants counted | %d |\n"
                      "| variants of one layer | %d |\n"
                      "| environment variables of one layer | %d |\n"
                      "| an id, a stage, a lock, a metric, a matrix value | %d bytes |\n"
                      "| the id of a variant | %d bytes |\n"
                      "| a name | %d bytes |\n",
                      CONFIG_BYTES_MAX >> 10,
                      NODE_DEPTH_MAX,
                      NODE_COUNT_MAX,
                      NODE_ALIAS_MAX,
                      STAGES_MAX,
                      LAYERS_MAX,
                      MATRIX_VARIANTS_MAX,
                      ENV_MAX,
                      NAME_MAX_BYTES,
                      LAYER_ID_MAX_BYTES,
                      TITLE_MAX_BYTES);
}

int config_reference(struct str *out)
{
    (void)str_append(out, introduction);
    for (int scope = SCOPE_TOP; scope < SCOPE_COUNT; scope++) {
        write_scope(out, (enum key_scope)scope);
    }
    write_limits(out);
    return str_error(out);
}

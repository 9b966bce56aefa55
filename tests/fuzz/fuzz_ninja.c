/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin_build */
/* A manifest is either refused with a message or gives edges that can be asked for everything. The
 * input is build.ninja up to a NUL byte, and the file "i" after it. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/build/ninja.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *data;
    size_t size;
    unsigned files;
};

/* Files in all: includes that branch would be read for ever. */
#define FILES_MAX 200

static int read_part(void *context, const char *path, struct str *out, struct err *err)
{
    struct input *input = context;
    const char *nul = memchr(input->data, '\0', input->size);
    const size_t first = nul != NULL ? (size_t)(nul - input->data) : input->size;
    if (++input->files > FILES_MAX) {
        return err_set(err, -EMFILE, "enough");
    }
    if (strcmp(path, "build.ninja") == 0) {
        return str_append_n(out, input->data, first);
    }
    if (strcmp(path, "i") == 0 && nul != NULL) {
        return str_append_n(out, nul + 1, input->size - first - 1);
    }
    return err_set(err, -ENOENT, "no such file");
}

static void ask(const struct ninja *ninja, const struct ninja_edge *edge)
{
    static const char *const names[] = {
        "command", "depfile", "rspfile", "rspfile_content", "dyndep"};
    assert(edge->outputs.count > 0 && edge->explicit_outputs <= edge->outputs.count);
    assert(edge->explicit_inputs <= edge->all_inputs && edge->all_inputs <= edge->inputs.count);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CLEANUP(str_fini) struct str out = STR_INIT(1u << 16);
        struct err err = {0};
        int rc = ninja_value(ninja, edge, names[i], &out, &err);
        assert(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    }
}

static void check_graph(struct ninja *ninja)
{
    struct ninja_edges edges = {0};
    struct err err = {0};
    int rc = ninja_needed(ninja, NULL, &edges, &err);
    assert(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    for (size_t i = 0; rc == 0 && i < edges.count; i++) {
        assert(edges.items[i]->rule != NULL && !edges.items[i]->generator);
        ask(ninja, edges.items[i]);
    }
    vec_fini(&edges);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.data = (const char *)data, .size = size};
    const struct ninja_reader reader = {.read = read_part, .context = &input};
    struct ninja *ninja = NULL;
    struct err err = {0};
    int rc = ninja_read("build.ninja", &reader, &ninja, &err);
    assert(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    if (rc == 0) {
        check_graph(ninja);
        ninja_free(ninja);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Writes results as JSON of mutation-testing-report-schema 2, which other tools read, and that JSON
 * with its viewer as one HTML file that needs no network. Streams: memory is one file's source. */
#ifndef SLUICE_PLUGINS_MUTATION_ELEMENTS_H
#define SLUICE_PLUGINS_MUTATION_ELEMENTS_H

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "plugins/mutation/results.h"

#include <stdio.h>

/* Text is written to the file whenever this much stands in the buffer. */
#define ELEMENTS_FLUSH_SIZE (256u << 10)
/* What is appended between two looks at the buffer: one file's source, escaped at six bytes for
 * one. */
#define ELEMENTS_BUFFER_MAX (64u << 20)
/* The viewer: mutation-testing-elements 3.9.0 has 400 KiB. */
#define ELEMENTS_VIEWER_MAX (16u << 20)

/* Where the viewer is installed, relative to the folder of this program. */
#define ELEMENTS_VIEWER "../mutation-test-elements.js"

/* Marks of the viewer: green from `high`, red below `low`. */
#define ELEMENTS_HIGH 80
#define ELEMENTS_LOW  60

struct elements {
    FILE *stream;
    char *path;
    struct str buffer;
    struct json_writer writer;
    struct str source; /* of the file that is being written */
    struct map tests;  /* name -> index */

    struct {
        VEC_FIELDS(char *);
    } names;
};

/* Begins a report in a new file; folders are made. elements_fini() afterwards in any case. */
int elements_open(const char *path, struct elements *ret_elements, struct err *err);

/* One file: its source as it is now below `root`, "" when it cannot be read, then its mutants. */
int elements_begin_file(struct elements *elements,
                        const char *root,
                        const struct results_part *part,
                        struct err *err);
int elements_add_mutant(struct elements *elements,
                        const struct results_part *part,
                        const struct results_mutant *mutant,
                        struct err *err);
int elements_end_file(struct elements *elements, struct err *err);

/* The tests, and the end. */
int elements_close(struct elements *elements, struct err *err);
void elements_fini(struct elements *elements);

/* Where the viewer is installed, when it is there. */
bool elements_find_viewer(char viewer[PATH_TEXT_MAX]);

/* Puts the report `json` and the viewer, a script, into one HTML file. */
int elements_write_html(const char *json, const char *viewer, const char *html, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that lead from an empty file to the newest schema: the files of schema/, made part of
 * the library by module.cmake. Step n (from 1) leads to `PRAGMA user_version` n. */
#ifndef SLUICE_STORE_SCHEMA_H
#define SLUICE_STORE_SCHEMA_H

struct schema_step {
    const char *name; /* file */
    const char *sql;  /* statements, run inside one transaction */
};

struct schema {
    const struct schema_step *steps;
    int count;
};

extern const struct schema schema_runs;     /* schema/0001-...: the history of runs */
extern const struct schema schema_evidence; /* schema/evidence-0001-... */

#endif

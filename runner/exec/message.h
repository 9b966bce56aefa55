/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wire between sluice and a slot process. */
#ifndef SLUICE_EXEC_MESSAGE_H
#define SLUICE_EXEC_MESSAGE_H

#include "exec/exec.h"
#include "exec/wire.h"

/* A world as a slot process needs it; sent once, before the first request. */
struct slot_world {
    struct world world;
    const char *run_dir; /* absolute; captures out.N, err.N are appended there */
    unsigned slot;
};

/* A request; texts live in the reader's arena. Directories are relative to run_dir. */
struct slot_request {
    struct text_list argv;
    struct text_list env;
    const char *cwd;
    const char *input; /* relative to run_dir; NULL = /dev/null */
    int64_t timeout_ms;
    uint64_t output_max;
    bool output_is_data;
    uint64_t errors_max;
    bool observe;
    enum report_format report;
    const char *report_path;
    struct text_list products;
    struct text_list outputs;
    const char *output_dir;
    struct text_list artifacts;
    const char *artifact_dir;
};

/* What a slot tells besides the outcome. */
struct slot_result {
    struct outcome outcome;
    bool renew; /* the unit left something in shared namespaces: start a fresh slot process */
};

int message_put_world(struct str *out, const struct slot_world *slot);
int message_get_world(struct wire_reader *reader, struct slot_world *ret_world);
int message_put_request(struct str *out, const struct slot_request *request);
int message_get_request(struct wire_reader *reader, struct slot_request *ret_request);
int message_put_result(struct str *out, const struct slot_result *result);
int message_get_result(struct wire_reader *reader, struct slot_result *ret_result);

/* Cases alone, as the limited reader child sends them. */
void message_put_case(struct str *out, const struct test_case *test_case);
void message_get_case(struct wire_reader *reader, struct test_case *ret_case);

#endif

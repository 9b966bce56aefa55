/* SPDX-License-Identifier: Apache-2.0 */
/* Runs single requests through exec_local_new() for tests. The test binary is its own slot program:
 * a constructor answers `test_exec slot FD`. Its report reader understands one case a line: "pass
 * NAME", "fail NAME", "skip NAME", or "crash". */
#ifndef SLUICE_TESTS_EXEC_ENGINE_H
#define SLUICE_TESTS_EXEC_ENGINE_H

#include "exec/exec.h"
#include "exec/local.h"

#include <uv.h>

struct engine {
    uv_loop_t loop;
    struct exec *exec;
    char run_dir[300];
    char root[300];  /* a live tree */
    char lower[300]; /* its snapshot */
    struct world world;
};

/* What came back; texts are copies that live until the next run. */
struct result {
    struct outcome outcome;
    char message[2048];
    char hint[2048];
    char out[65536];
    char err[65536];
    char cases[1024]; /* "name:status name:status" */
    bool observed;
    unsigned trace_flags;
    uint64_t trace_calls;
    char trace_why[512];
    char trace[262144]; /* a line "C /src/a.c" for each observation, after a first "\n" */
};

void engine_open(struct engine *engine, bool isolated);
void engine_close(struct engine *engine);

/* Skips the running test, with the reason, where this machine cannot isolate. */
void need_isolation(void);

/* Runs `sh -c script`; `change` (may be NULL) alters the request before it starts. */
void engine_shell(struct engine *engine,
                  const char *script,
                  void (*change)(struct exec_request *request),
                  struct result *result);
void engine_run(struct engine *engine,
                const char *const *argv,
                void (*change)(struct exec_request *request),
                struct result *result);

/* To be used as `change`, or by one: observes the request. */
void observe_it(struct exec_request *request);

/* Stops the running unit after `ms`. */
void engine_stop_after(struct engine *engine, unsigned ms, bool now);

/* The first child of a process whose name begins so; 0 = none. */
pid_t engine_child_of(pid_t pid, const char *name);

/* Writes a small file below a folder of the engine. */
void put_file(const char *folder, const char *path, const char *text);
bool has_file(const char *folder, const char *path);

/* Number of processes whose command line contains `mark`. */
int count_processes(const char *mark);

#endif

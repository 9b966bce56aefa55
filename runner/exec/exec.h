/* SPDX-License-Identifier: Apache-2.0 */
/* Where a unit runs: to use. (exec/exec_impl.h is the side to implement: this machine, or another
 * engine.) */
#ifndef SLUICE_EXEC_EXEC_H
#define SLUICE_EXEC_EXEC_H

#include "base/err.h"
#include "model/outcome.h"
#include "model/unit.h"
#include "model/world.h"

#include <stdbool.h>

/* The world a unit sees (design section 5). Plain data, borrowed until the request is done. Two
 * requests with the same pointer share a prepared world. */
struct world {
    const char
        *root; /* live tree: where `sandbox: none` runs, and the source of relative `expose` */
    bool isolated;
    bool network;
    const char *lower; /* materialised snapshot; isolated only */
    const char
        *products; /* folder with the products of needed layers, second lower layer; NULL = none */
    const char *plugin_dir; /* built-in plugins, seen read-only at WORLD_PLUGINS */
    struct text_list expose;
    uint64_t
        scratch_max; /* bytes a unit may write outside /tmp and inside; 0 = WORLD_SCRATCH_DEFAULT */
};

struct exec_request {
    const struct world *world;
    const char *const *argv;
    const char *const *env; /* the whole environment, NULL-terminated "NAME=value" */
    const char *cwd;        /* relative to the world's root */
    const char *input;      /* file that becomes standard input; NULL = /dev/null */
    int64_t timeout_ms;     /* 0 = none */
    uint64_t
        output_max; /* bytes kept of each stream, half head half tail; 0 = EXEC_OUTPUT_DEFAULT */
    bool output_is_data; /* standard output is read afterwards (units, a report): more than
                            output_max of it ends the unit at once, as an error */
    uint64_t errors_max; /* more than this on standard error ends the unit at once, as an error; 0 =
                            any amount */
    bool observe; /* record what it asks of its world: outcome->trace. Isolated worlds only; where
                     the kernel refuses, the unit runs and there is no trace */
    enum report_format report;
    const char *report_path;   /* relative to cwd, may be a glob; NULL = standard output */
    struct text_list products; /* folders in run_dir/EXEC_PRODUCTS whose files an isolated unit sees
                                  in the tree above those of its world, the first on top; at most
                                  EXEC_PRODUCTS_MAX. They must not change while it runs */
    struct text_list outputs;  /* collected into output_dir when it passed */
    const char *output_dir;
    struct text_list artifacts; /* collected into artifact_dir whatever the outcome */
    const char *artifact_dir;
    /* Called once on the loop's thread; the result is valid during the call. */
    void (*done)(void *context, const struct outcome *outcome);
    void *context;
};

/* The folder in the run folder under which the products of single units lie. */
#define EXEC_PRODUCTS "products"
/* Layers of products a unit may have of its own: a mount takes 4096 bytes of options, and each
 * folder's path is under 256 (two names of 80). */
#define EXEC_PRODUCTS_MAX 4
/* Bytes of each stream kept by default: 1 MiB head and 1 MiB tail; JUnit readers cut far below. */
#define EXEC_OUTPUT_DEFAULT (2u << 20)
/* Time between SIGTERM and SIGKILL. nextest's default is 10 s. */
#define EXEC_GRACE_MS 10000

struct exec;

/* Starts a request in a free slot (0 .. jobs-1). The request is copied; world is borrowed. On
 * failure done() is not called. */
int exec_start(struct exec *exec,
               unsigned slot,
               const struct exec_request *request,
               struct err *err);

/* Ends what runs in the slot: SIGTERM, grace, SIGKILL; `now` skips the grace. done() follows. */
void exec_stop(struct exec *exec, unsigned slot, bool now);

/* Copies the newest of what the running unit printed and is in its capture file, for `t` / SIGUSR1.
 * 0, or -ENODATA when nothing runs. */
int exec_peek(struct exec *exec, unsigned slot, char *buf, size_t size);

/* Ends everything and frees. All slots must be idle. */
void exec_free(struct exec *exec);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/declared.h"
#include "cli/exit_words.h"
#include "cli/session_impl.h"
#include "cli/session_reuse.h"
#include "cli/state_cache.h"
#include "cli/version.h"
#include "exec/local.h"

#include <uv.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* A command line is at most ARG_MAX (2 MiB) long; quoting doubles it. */
#define COMMAND_MAX (4u << 20)

/* Turns of the loop that closing handles may take; libuv needs two. */
#define CLOSE_ROUNDS 16

static unsigned processor_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    const int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > JOBS_MAX ? JOBS_MAX : (unsigned)count;
}

static int quote_command(struct session *session, struct err *err)
{
    str_init(&session->command, COMMAND_MAX);
    for (int i = 0; i < session->invocation->argc; i++) {
        if (i > 0) {
            (void)str_append_char(&session->command, ' ');
        }
        (void)shell_quote(&session->command, session->invocation->argv[i]);
    }
    return str_error(&session->command) == 0
               ? 0
               : err_set(err, str_error(&session->command), "the command line is too long");
}

enum exit_code session_open(struct session *session,
                            const struct invocation *invocation,
                            bool passing,
                            struct err *err)
{
    *session = (struct session){.invocation = invocation,
                                .passing = passing,
                                .folder.lock = -1,
                                .checkout.lock = -1,
                                .cache_hold = -1};
    session->jobs = invocation->jobs != 0 ? invocation->jobs : processor_count();
    int rc = quote_command(session, err);
    if (rc == 0 && invocation->filter != NULL) {
        rc = filter_parse(invocation->filter, &session->filter, err);
    }
    if (rc == 0) {
        rc = project_open(invocation, NULL, &session->project, err);
    }
    if (rc == 0) {
        rc = project_check_layers(&session->project, &invocation->args, err);
    }
    if (rc != 0) {
        return exit_code_of_config_error(rc);
    }
    project_overrule(&session->project, invocation);
    rc = state_folder_make(session->project.state, err);
    rc = rc == 0 ? state_cache_hold(session->project.state, &session->cache_hold, err) : rc;
    if (rc == 0 && passing) {
        /* what killed ones left behind */
        (void)run_folder_prune(session->project.state, FOLDERS_PLANS, 0, NULL);
    }
    if (rc == 0) {
        rc = run_folder_make(session->project.state,
                             passing ? FOLDERS_PLANS : FOLDERS_RUNS,
                             session->run_id,
                             &session->folder,
                             err);
    }
    return rc == 0 ? EXIT_OPEN : EXIT_INFRASTRUCTURE;
}

/* A store that cannot be used costs the history, not the run. */
static void open_store(struct session *session)
{
    char path[PATH_TEXT_MAX];
    struct err err = {0};
    if (session->store_tried) {
        return;
    }
    session->store_tried = true;
    int rc = snprintf(path, sizeof path, "%s/store.db", session->project.state);
    rc = rc < (int)sizeof path ? store_open(path, &session->store, &err)
                               : err_set(&err, -ENAMETOOLONG, "%s", session->project.state);
    if (rc == 0) {
        rc = history_new(session->store,
                         config_pipeline(session->project.config),
                         session->invocation->rerun_failed,
                         &session->history,
                         &err);
    }
    if (rc != 0) {
        (void)err_wrap(&err, "this run goes on without history");
        session->tell(session->tell_context, err.text);
        store_close(session->store);
        session->store = NULL;
    }
}

/* Likewise: what cannot be looked up is run. */
static void open_reuse(struct session *session)
{
    struct err err = {0};
    if (session->reuse_tried || !session->isolated) {
        return;
    }
    session->reuse_tried = true;
    if (session_reuse_new(session, &session->reuse, &err) != 0) {
        (void)err_wrap(&err, "nothing is reused in this run");
        session->tell(session->tell_context, err.text);
    }
}

void session_read_ahead(struct session *session)
{
    const struct invocation *in = session->invocation;
    open_store(session);
    open_reuse(session);
    if (session->reuse != NULL && !in->no_reuse) {
        session_reuse_read_ahead(session->reuse); /* git answers while we read on */
    }
    if (session->history != NULL && in->args.count == 0) {
        session->known_units = history_read_ahead(session->history);
    }
}

static int open_slots(struct session *session, struct err *err)
{
    struct uv_loop_s *loop = mem_calloc(1, sizeof *loop);
    if (loop == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const int rc = uv_loop_init(loop);
    if (rc != 0) {
        mem_free(loop);
        return err_set(err, rc, "cannot make the event loop: %s", uv_strerror(rc));
    }
    session->loop = loop;
    const struct exec_local_options options = {
        .loop = loop,
        .jobs = session->jobs + SCHED_CHORE_SLOTS,
        .run_dir = session->folder.path,
    };
    return exec_local_new(&options, &session->exec, err);
}

void session_tree_known(struct session *session)
{
    if (session->history != NULL) {
        history_set_tree(session->history, session->tree);
    }
    if (session->isolated) {
        submodules_tell(session);
        declared_tell(&session->project, session->tell, session->tell_context);
    }
}

int session_flush(struct session *session, struct err *err)
{
    if (session->reuse == NULL || session_reuse_flush(session->reuse, err) == 0) {
        return 0;
    }
    return err_wrap(err, "what reused units printed is not complete");
}

void session_start_over(struct session *session)
{
    session_reuse_forget(session->reuse);
}

static enum exit_code prepare_tree(struct session *session, struct err *err)
{
    int rc = world_prepare(session, err);
    if (rc != 0) {
        return rc == -ENOENT && session->invocation->at != NULL ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    open_store(session);
    rc = diff_prepare(session, err);
    if (rc != 0) {
        return rc == -ENOENT || rc == -EINVAL ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    if (session->taking == NULL) {
        session_tree_known(session);
    }
    if (session->invocation->at != NULL && session->repo != NULL) {
        pipeline_at_tell(session);
    }
    return EXIT_OPEN;
}

enum exit_code session_prepare(struct session *session, struct err *err)
{
    assert(session->tell != NULL);
    const struct invocation *in = session->invocation;
    if (in->rerun_failed) {
        open_store(session);
    }
    if (in->rerun_failed && session->history == NULL) {
        (void)err_set(err,
                      -ENODATA,
                      "--rerun-failed needs the history of runs, which could not be opened (see "
                      "above)");
        return EXIT_INFRASTRUCTURE;
    }
    const enum exit_code code = prepare_tree(session, err);
    if (code != EXIT_OPEN) {
        return code;
    }
    open_reuse(session);
    if (in->resume.given) {
        const int rc = resume_prepare(session, err);
        if (rc != 0) {
            return rc == -EINVAL ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
        }
    }
    return open_slots(session, err) == 0 ? EXIT_OPEN : EXIT_INFRASTRUCTURE;
}

/* `when: changed`: is the tree the one this layer's gate last opened on? */
static bool layer_is_unchanged(void *context, const struct layer *layer)
{
    const struct session *session = context;
    char last[GIT_ID_MAX];
    struct err ignored = {0};
    return session->store != NULL && session->tree[0] != '\0'
           && store_last_open(session->store, layer->id, last, sizeof last, &ignored) == 1
           && strcmp(last, session->tree) == 0;
}

/* What differs from the tree this layer's gate last opened on. That tree's objects may be gone:
 * then it is not known. */
static int changed_files(void *context, const struct layer *layer, struct str *out)
{
    const struct session *session = context;
    char last[GIT_ID_MAX];
    struct err ignored = {0};
    if (session->store == NULL || session->tree[0] == '\0'
        || store_last_open(session->store, layer->id, last, sizeof last, &ignored) != 1) {
        return 0;
    }
    return session->repo != NULL
           && git_diff_names(session->repo, last, session->tree, out, &ignored) == 0;
}

void session_fill(struct session *session, struct sched_options *options)
{
    const struct invocation *in = session->invocation;
    *options = (struct sched_options){
        .loop = session->loop,
        .exec = session->exec,
        .config = session->project.config,
        .plugins = session->project.plugins,
        .plan =
            {
                   .slots = session->jobs,
                   .shard_index = in->shard.index,
                   .shard_count = in->shard.count,
                   .shuffle = in->shuffle,
                   .filter = session->filter,
                   .layers = in->args,
                   .max_fail = in->fail_fast ? 1 : in->max_fail,
                   .unchanged = in->no_reuse ? NULL : layer_is_unchanged,
                   .context = session,
                   },
        .run_id = session->run_id,
        .run_dir = session->folder.path,
        .root = session->project.root,
        .plugin_dir = session->project.plugin_dir,
        .lower = session->lower[0] != '\0' ? session->lower : NULL,
        .reuse = session_reuse_for_sched(session->reuse),
        .prepare = world_lay_out,
        .prepare_context = session,
        .no_lower = session->no_lower[0] != '\0' ? session->no_lower : NULL,
        .tree = session->tree[0] != '\0' ? session->tree : NULL,
        .diff = session->diff.len > 0 ? str_text(&session->diff) : NULL,
        .resumed = session->resumed[0] != '\0' ? session->resumed : NULL,
        .command = str_text(&session->command),
        .version = sluice_version(),
        .budget_ms = in->budget_ms,
        .seed = in->seed,
        .hint = session->history != NULL ? history_hint : NULL,
        .hint_context = session->history,
        .changed = in->no_reuse ? NULL : changed_files,
        .changed_context = session,
    };
}

static void close_loop(struct session *session)
{
    if (session->loop == NULL) {
        return;
    }
    /* what was closed gets its last callback here; a handle somebody forgot must not hang us */
    for (unsigned i = 0; i < CLOSE_ROUNDS && uv_run(session->loop, UV_RUN_NOWAIT) != 0; i++) {
    }
    if (uv_loop_close(session->loop) == 0) {
        mem_free(session->loop);
    }
    session->loop = NULL;
}

/* Last of all: the checkout is among them. What cannot be dropped is tried again by the next run.
 */
static void release_caches(struct session *session)
{
    const struct state_cache_limits limits = {.bytes = STATE_CACHE_BYTES_MAX,
                                              .files = STATE_CACHE_FILES_MAX};
    (void)state_cache_release(session->project.state, &session->cache_hold, &limits, NULL);
}

void session_close(struct session *session)
{
    git_snapshot_abandon(session->taking);
    session->taking = NULL;
    if (session->exec != NULL) {
        exec_free(session->exec);
        session->exec = NULL;
    }
    close_loop(session);
    session_reuse_free(session->reuse);
    history_free(session->history);
    store_close(session->store);
    held_folder_release(&session->checkout);
    if (session->passing && session->folder.lock >= 0) {
        (void)tree_remove(AT_FDCWD, session->folder.path, NULL);
    }
    held_folder_release(&session->folder);
    release_caches(session);
    filter_free(session->filter);
    project_close(&session->project);
    mem_free(session->repo);
    str_fini(&session->diff);
    str_fini(&session->command);
}

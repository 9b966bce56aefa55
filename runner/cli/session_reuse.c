/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session_reuse.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/cache_folder.h"
#include "cli/memos_left.h"
#include "reuse/reuse.h"
#include "store/evidence.h"
#include "store/unit_memo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file of the run folder that holds what reused units printed when they ran. */
#define REUSED_FILE "out.reused"

/* Texts of one outcome on its way into the store: as large as a result may be. */
#define RECORD_ARENA_MAX (512u << 20)

/* Bytes of it that are written at once: 1,000 units with a line or two. */
#define PRINTED_FLUSH ((size_t)120 << 10)

struct session_reuse {
    struct sched_reuse sched;
    struct reuse *reuse;
    struct reuse_keys *keys;
    const struct session *session;
    struct reuse_world asked; /* the world that was asked for last, and its state: most units of */
    struct reuse_state *answer; /* a layer share one. NULL = none yet */
    char cache[PATH_TEXT_MAX];
    char host[256];
    const char *program; /* a plugin's, whose digest is known: units of a layer share one */
    struct hash program_digest;
    bool kept_memo;
    bool recovered;     /* memos of runs that were killed */
    bool noted;         /* where ours will lie */
    int out;            /* REUSED_FILE, opened for the first unit that printed something; -1 */
    off_t out_end;      /* its length, with what waits to be written: */
    struct str printed; /* nobody reads what passed before the run has ended */
    int64_t renewed_ns;
    char unstored[ERR_TEXT_MAX]; /* why what ended last became no evidence; "" = it did */
    char note[ERR_TEXT_MAX];     /* one of our own, not told yet; "" = none */
};

/* What ended() must know of what was started. */
struct ticket {
    struct reuse_lease *lease;
    char *folder;    /* of its products; NULL = none */
    char *artifacts; /* of its artifacts; NULL = none are asked for */
};

static struct session_reuse *of(struct sched_reuse *sched)
{
    return (struct session_reuse *)(void *)sched; /* first member */
}

/* ---- questions ---- */

/* The same things at the same places: they are the scheduler's, which makes them once for a layer
 * or for a group of units, keeps them as long as it runs, and does not change them. */
static bool is_same_world(const struct reuse_world *a, const struct reuse_world *b)
{
    return a->tree == b->tree && a->root == b->root && a->plugin_dir == b->plugin_dir
           && a->expose.items == b->expose.items && a->expose.count == b->expose.count
           && a->network == b->network && a->products == b->products;
}

static int state_of(struct session_reuse *reuse,
                    const struct reuse_subject *subject,
                    struct reuse_state **ret_state,
                    struct err *err)
{
    const struct world *world = subject->request->world;
    const struct reuse_world spec = {
        .tree = reuse->session->tree,
        .root = world->root,
        .plugin_dir = world->plugin_dir,
        .expose = world->expose,
        .network = world->network,
        .products = subject->products,
    };
    if (reuse->answer != NULL && is_same_world(&spec, &reuse->asked)) {
        *ret_state = reuse->answer;
        return 0;
    }
    int rc = reuse_state(reuse->reuse, &spec, ret_state, err);
    if (rc == 0) {
        reuse->asked = spec;
        reuse->answer = *ret_state;
    }
    return rc;
}

/* How many of the unit's variables are those of its layer? All of them or none. */
static size_t count_shared(const struct reuse_subject *subject)
{
    const struct text_list *base = &subject->base_env;
    const char *const *env = subject->request->env;
    size_t count = 0;
    while (count < base->count && env[count] == base->items[count]) {
        count++;
    }
    return count == base->count ? count : 0;
}

static int key_of(const struct session_reuse *reuse,
                  const struct reuse_subject *subject,
                  struct hash *ret_key,
                  struct err *err)
{
    const struct exec_request *request = subject->request;
    const size_t shared = count_shared(subject);
    const struct reuse_command command = {
        .argv = request->argv,
        .shared_env = {subject->base_env.items, shared},
        .env = request->env + shared,
        .cwd = request->cwd,
        .input = request->input,
        .report = request->report,
        .report_path = request->report_path,
        .outputs = request->outputs,
        .expose = request->world->expose,
        .network = request->world->network,
        .policy = &subject->layer->reuse,
    };
    return reuse_key(reuse->keys, &command, ret_key, err);
}

/* ---- answers ---- */

/* What a reused unit printed, as a decision has it. */
struct printed {
    const struct hash *blob;
    const char *text; /* NULL = the blob has it */
    size_t len;
};

static int open_output(struct session_reuse *reuse, struct err *err)
{
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", reuse->session->folder.path, REUSED_FILE);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (end < 0) {
        int rc = err_errno(err, "%s", path);
        cleanup_fd(&fd);
        return rc;
    }
    reuse->out = fd;
    reuse->out_end = end;
    return 0;
}

static int flush_printed(struct session_reuse *reuse, struct err *err)
{
    if (reuse->printed.len == 0) {
        return 0;
    }
    const int rc = fd_write_all(reuse->out, reuse->printed.data, reuse->printed.len);
    str_clear(&reuse->printed);
    if (rc != 0) { /* some of it may be there */
        reuse->out_end = lseek(reuse->out, 0, SEEK_END);
        errno = -rc;
        return err_errno(err, REUSED_FILE);
    }
    return 0;
}

static int write_printed(struct session_reuse *reuse,
                         const struct printed *printed,
                         struct err *err)
{
    int rc = 0;
    if (printed->text == NULL) {
        rc = flush_printed(reuse, err);
        rc = rc == 0 ? reuse_fetch(reuse->reuse, printed->blob, reuse->out, err) : rc;
        reuse->out_end = lseek(reuse->out, 0, SEEK_END);
        return rc == 0 && reuse->out_end < 0 ? err_errno(err, REUSED_FILE) : rc;
    }
    if (str_append_n(&reuse->printed, printed->text, printed->len) != 0) {
        str_clear(&reuse->printed);
        reuse->out_end = lseek(reuse->out, 0, SEEK_END);
        return err_set(err, -ENOMEM, "out of memory for what was printed");
    }
    reuse->out_end += (off_t)printed->len;
    return reuse->printed.len >= PRINTED_FLUSH ? flush_printed(reuse, err) : 0;
}

/* Puts what a reused unit printed back into the run folder. */
static int fetch_output(struct session_reuse *reuse,
                        const struct printed *printed,
                        struct capture *capture,
                        struct err *err)
{
    if (printed->blob == NULL && (printed->text == NULL || printed->len == 0)) {
        capture->len = 0;
        return 0;
    }
    int rc = reuse->out < 0 ? open_output(reuse, err) : 0;
    const off_t start = reuse->out_end;
    rc = rc == 0 ? write_printed(reuse, printed, err) : rc;
    if (rc < 0 || reuse->out_end < start) {
        return rc < 0 ? rc : err_set(err, -EIO, REUSED_FILE " shrank");
    }
    capture->file = REUSED_FILE;
    capture->offset = (uint64_t)start;
    capture->len = (uint64_t)(reuse->out_end - start);
    return 0;
}

static int restore(struct sched_reuse *sched,
                   const struct manifest *products,
                   const char *folder,
                   struct err *err)
{
    int rc = dir_make(folder, 0755, err);
    return rc < 0 ? rc : reuse_restore(of(sched)->reuse, products, folder, err);
}

/* All of them or none: the unit runs when some are lost, and what it leaves must not lie among
 * those of another run. */
static int restore_artifacts(struct session_reuse *reuse,
                             const struct manifest *artifacts,
                             const char *folder,
                             struct err *err)
{
    int rc = dir_make(folder, 0755, err);
    rc = rc == 0 ? reuse_restore_artifacts(reuse->reuse, artifacts, folder, err) : rc;
    if (rc < 0) {
        (void)tree_remove(AT_FDCWD, folder, NULL);
    }
    return rc;
}

/* Does anybody look at what it printed before the run has ended? */
static bool is_read_at_once(const struct session_reuse *reuse,
                            const struct reuse_subject *subject,
                            const struct outcome *outcome)
{
    return subject->plans || outcome->status != OUTCOME_PASSED
           || reuse->session->invocation->verbose;
}

/* A hit as the scheduler wants it; negative when what it printed or left is lost: then it must run.
 */
static int take_hit(struct session_reuse *reuse,
                    const struct reuse_subject *subject,
                    const struct reuse_decision *decision,
                    struct arena *arena,
                    struct reuse_found *ret_found)
{
    struct err err = {0};
    struct outcome *outcome = arena_alloc(arena, sizeof *outcome);
    if (outcome == NULL) {
        return -ENOMEM;
    }
    *outcome = *decision->outcome;
    if (!subject->peek) {
        const struct printed out = {decision->out, decision->out_text, decision->out_len};
        const struct printed errors = {decision->err, decision->err_text, decision->err_len};
        int rc = fetch_output(reuse, &out, &outcome->out, &err);
        rc = rc == 0 ? fetch_output(reuse, &errors, &outcome->err, &err) : rc;
        if (rc == 0 && is_read_at_once(reuse, subject, outcome)) {
            rc = flush_printed(reuse, &err);
        }
        if (rc == 0 && decision->artifacts != NULL) {
            rc =
                restore_artifacts(reuse, decision->artifacts, subject->request->artifact_dir, &err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    ret_found->choice = REUSE_CHOICE_HIT;
    ret_found->outcome = outcome;
    ret_found->products = decision->products;
    return 0;
}

static void give_ticket(struct session_reuse *reuse,
                        const struct reuse_subject *subject,
                        struct reuse_lease *lease,
                        struct reuse_found *ret_found)
{
    struct ticket *ticket = lease != NULL ? mem_calloc(1, sizeof *ticket) : NULL;
    if (ticket == NULL) {
        reuse_release(reuse->reuse, lease);
        return;
    }
    ticket->lease = lease;
    if (subject->request->output_dir != NULL) {
        ticket->folder = mem_strdup(subject->request->output_dir);
    }
    if (subject->request->artifact_dir != NULL) {
        ticket->artifacts = mem_strdup(subject->request->artifact_dir);
    }
    ret_found->ticket = ticket;
}

static void explain(struct session_reuse *reuse,
                    const struct reuse_request *request,
                    struct str *out)
{
    struct err err = {0};
    if (out != NULL && reuse_why(reuse->reuse, request, out, &err) < 0) {
        (void)str_appendf(out, "it cannot be told: %s\n", err.text);
    }
}

static int ask(struct session_reuse *reuse,
               const struct reuse_subject *subject,
               struct arena *arena,
               struct reuse_found *ret_found,
               struct err *err)
{
    struct reuse_decision decision;
    struct reuse_request request = {
        .policy = &subject->layer->reuse,
        .layer = subject->layer->id,
        .unit = subject->unit,
        .argv = subject->request->argv,
        .timeout_ms = subject->request->timeout_ms,
        .artifacts = subject->request->artifacts,
        .brief = !subject->peek,
        .peek = subject->peek,
        .no_join = subject->no_join,
        .again = subject->again,
        .take_fails = !subject->plans && !reuse->session->invocation->rerun_failed,
    };
    int rc = state_of(reuse, subject, &request.state, err);
    rc = rc == 0 ? key_of(reuse, subject, &request.key, err) : rc;
    if (rc < 0) {
        return rc;
    }
    explain(reuse, &request, subject->explain);
    reuse_decide(reuse->reuse, &request, arena, &decision);
    ret_found->why = decision.why;
    if (decision.action == REUSE_JOIN) {
        ret_found->choice = REUSE_CHOICE_JOIN;
    } else if (decision.action == REUSE_HIT
               && take_hit(reuse, subject, &decision, arena, ret_found) < 0) {
        request.again = true; /* what it printed is gone: as if nothing were known */
        reuse_decide(reuse->reuse, &request, arena, &decision);
        ret_found->why = "what it printed or left when it ran is not in the store any more";
    }
    if (ret_found->choice == REUSE_CHOICE_RUN) {
        give_ticket(reuse, subject, decision.lease, ret_found);
    }
    return 0;
}

static void decide(struct sched_reuse *sched,
                   const struct reuse_subject *subject,
                   struct arena *arena,
                   struct reuse_found *ret_found)
{
    struct session_reuse *reuse = of(sched);
    struct err err = {0};
    *ret_found = (struct reuse_found){.choice = REUSE_CHOICE_RUN};
    if (ask(reuse, subject, arena, ret_found, &err) < 0 && reuse->note[0] == '\0') {
        (void)snprintf(reuse->note,
                       sizeof reuse->note,
                       "%s/%s runs although evidence may be there: %.1500s",
                       subject->layer->id,
                       subject->unit,
                       err.text);
    }
}

/* ---- what ran ---- */

static void record(struct session_reuse *reuse,
                   const struct ticket *ticket,
                   const struct outcome *outcome,
                   const struct manifest *products)
{
    struct err err = {0};
    struct arena *arena = arena_new(RECORD_ARENA_MAX);
    const char *why = NULL;
    const struct reuse_result result = {
        .outcome = outcome,
        .run_dir = reuse->session->folder.path,
        .folder = ticket->folder,
        .products = products,
        .artifacts = ticket->artifacts,
    };
    if (arena == NULL) {
        reuse_release(reuse->reuse, ticket->lease);
        return;
    }
    const int rc = reuse_record(reuse->reuse, ticket->lease, &result, arena, &why, &err);
    if (rc < 0 && reuse->note[0] == '\0') {
        (void)snprintf(
            reuse->note, sizeof reuse->note, "this run earns less evidence: %.1800s", err.text);
    }
    /* a further attempt that failed was counted, and what it lacks is told of the first one */
    if (rc <= 0 && (outcome->status != OUTCOME_FAILED || outcome->attempt <= 1)) {
        why = rc < 0 ? err.text : why;
        (void)snprintf(reuse->unstored, sizeof reuse->unstored, "%s", why != NULL ? why : "");
    }
    arena_free(arena);
}

static void ended(struct sched_reuse *sched,
                  void *opaque,
                  const struct outcome *outcome,
                  const struct manifest *products)
{
    struct session_reuse *reuse = of(sched);
    struct ticket *ticket = opaque;
    reuse->unstored[0] = '\0';
    if ((outcome->flags & FLAG_CANCELLED) != 0) {
        reuse_release(reuse->reuse, ticket->lease);
    } else {
        record(reuse, ticket, outcome, products);
    }
    mem_free(ticket->folder);
    mem_free(ticket->artifacts);
    mem_free(ticket);
}

static const char *unstored(struct sched_reuse *sched)
{
    const struct session_reuse *reuse = of(sched);
    return reuse->unstored[0] != '\0' ? reuse->unstored : NULL;
}

static int read_products(struct sched_reuse *sched,
                         const char *folder,
                         struct arena *arena,
                         const struct manifest **ret_products,
                         struct err *err)
{
    return reuse_read_products(of(sched)->reuse, folder, true, arena, ret_products, err);
}

/* ---- memos ---- */

/* A plugin is a program of a few MiB, or a script. */
#define PROGRAM_MAX (256u << 20)

static int memo_of(struct session_reuse *reuse,
                   const struct reuse_memo *name,
                   struct unit_memo *ret_memo,
                   struct err *err)
{
    const struct invocation *in = reuse->session->invocation;
    if (reuse->program == NULL || strcmp(reuse->program, name->program) != 0) {
        CLEANUP(str_fini) struct str text = STR_INIT(PROGRAM_MAX);
        const int rc = file_read_regular(name->program, &text, err);
        if (rc != 0) {
            return rc;
        }
        reuse->program = name->program;
        reuse->program_digest = hash_bytes(str_text(&text), text.len);
    }
    *ret_memo = (struct unit_memo){
        .layer = name->layer,
        .unit = name->unit,
        .program = reuse->program_digest,
        .who = {in->trust == 0 ? EVIDENCE_MEMBER : (enum evidence_trust)(in->trust - 1),
                in->change != NULL ? in->change : ""},
        .host = reuse->host,
        .run = reuse->session->run_id,
        .time_ms = clock_wall_ms(),
    };
    return 0;
}

/* Before the first is given: what runs that were killed left; and where ours will lie. */
static void look_after_memos(struct session_reuse *reuse, const struct reuse_memo *name)
{
    const struct session *session = reuse->session;
    struct unit_memo memo;
    size_t count = 0;
    if (!reuse->recovered) {
        reuse->recovered = true;
        (void)memos_left_recover(session->project.state, reuse->cache, &count, NULL);
        reuse->kept_memo = reuse->kept_memo || count > 0;
    }
    if (name->left != NULL && memo_of(reuse, name, &memo, NULL) == 0) {
        reuse->noted = true;
        (void)memos_left_note(session->folder.path, &memo, name->left, NULL);
    }
}

static int give_memo(struct sched_reuse *sched, const struct reuse_memo *name, const char *file)
{
    struct session_reuse *reuse = of(sched);
    CLEANUP(str_fini) struct str text = STR_INIT(UNIT_MEMO_MAX);
    struct unit_memo memo;
    struct err err = {0};
    look_after_memos(reuse, name);
    if (reuse->session->invocation->no_reuse || memo_of(reuse, name, &memo, &err) != 0
        || unit_memo_get(reuse->cache, &memo, &text, &err) != 1) {
        return 0;
    }
    return file_write_atomic(file, str_text(&text), text.len, &err) == 0 ? 1 : 0;
}

static void keep_memo(struct sched_reuse *sched, const struct reuse_memo *name, const char *file)
{
    struct session_reuse *reuse = of(sched);
    CLEANUP(str_fini) struct str text = STR_INIT(UNIT_MEMO_MAX);
    struct unit_memo memo;
    struct err err = {0};
    int rc = file_read_regular(file, &text, &err);
    rc = rc == 0 ? memo_of(reuse, name, &memo, &err) : rc;
    rc = rc == 0 ? unit_memo_put(reuse->cache, &memo, str_text(&text), text.len, &err) : rc;
    reuse->kept_memo = reuse->kept_memo || rc == 0;
    if (rc != 0 && reuse->note[0] == '\0') {
        (void)snprintf(reuse->note,
                       sizeof reuse->note,
                       "the memo of %s/%s is not kept, it will take its time again: %.1500s",
                       name->layer,
                       name->unit,
                       err.text);
    }
}

/* Says a few times per lease that we are alive. */
static void tick(struct sched_reuse *sched)
{
    struct session_reuse *reuse = of(sched);
    const int64_t now = clock_mono_ns();
    if (now - reuse->renewed_ns >= INT64_C(1000000) * REUSE_LEASE_MS / 3) {
        reuse->renewed_ns = now;
        reuse_renew(reuse->reuse);
    }
}

static const char *take_note(struct sched_reuse *sched)
{
    struct session_reuse *reuse = of(sched);
    static char told[ERR_TEXT_MAX]; /* valid until the next call; one loop per process */
    if (reuse->note[0] == '\0') {
        return reuse_take_note(reuse->reuse);
    }
    (void)snprintf(told, sizeof told, "%s", reuse->note);
    reuse->note[0] = '\0';
    return told;
}

/* ---- life ---- */

int session_reuse_new(const struct session *session,
                      struct session_reuse **ret_reuse,
                      struct err *err)
{
    const struct invocation *in = session->invocation;
    char cache[PATH_TEXT_MAX];
    char host[256] = "";
    struct session_reuse *reuse = mem_calloc(1, sizeof *reuse);
    if (reuse == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    (void)gethostname(host, sizeof host - 1);
    int rc = cache_folder(cache, sizeof cache, err);
    const struct reuse_options options = {
        .cache = cache,
        .repo = session->repo,
        .trust = in->trust == 0 ? EVIDENCE_MEMBER : (enum evidence_trust)(in->trust - 1),
        .scope = in->change,
        .host = host,
        .run = session->run_id,
        .verify_ppm = in->verify_ppm,
        .hits_off = in->no_reuse,
    };
    rc = rc == 0 ? reuse_keys_new(&reuse->keys, err) : rc;
    rc = rc == 0 ? reuse_open(&options, &reuse->reuse, err) : rc;
    if (rc < 0) {
        reuse_keys_free(reuse->keys);
        mem_free(reuse);
        return rc;
    }
    reuse->session = session;
    (void)snprintf(reuse->cache, sizeof reuse->cache, "%s", cache);
    (void)snprintf(reuse->host, sizeof reuse->host, "%s", host);
    reuse->out = -1;
    str_init(&reuse->printed, (size_t)4 * PRINTED_FLUSH);
    reuse->renewed_ns = clock_mono_ns();
    reuse->sched = (struct sched_reuse){
        .decide = decide,
        .ended = ended,
        .unstored = unstored,
        .read_products = read_products,
        .restore = restore,
        .give_memo = give_memo,
        .keep_memo = keep_memo,
        .tick = tick,
        .take_note = take_note,
    };
    *ret_reuse = reuse;
    return 0;
}

struct sched_reuse *session_reuse_for_sched(struct session_reuse *reuse)
{
    return reuse != NULL ? &reuse->sched : NULL;
}

void session_reuse_read_ahead(struct session_reuse *reuse)
{
    reuse_read_ahead(reuse->reuse);
}

int session_reuse_flush(struct session_reuse *reuse, struct err *err)
{
    return flush_printed(reuse, err);
}

void session_reuse_suppose(struct session_reuse *reuse)
{
    reuse_suppose(reuse->reuse);
}

bool session_reuse_stands(struct session_reuse *reuse)
{
    return reuse_stands(reuse->reuse);
}

void session_reuse_forget(struct session_reuse *reuse)
{
    reuse_forget(reuse->reuse);
    reuse_keys_forget(reuse->keys);
    reuse->answer = NULL;
    reuse->note[0] = '\0';
    str_clear(&reuse->printed);
    if (reuse->out >= 0) {
        reuse->out_end = ftruncate(reuse->out, 0) == 0 ? 0 : lseek(reuse->out, 0, SEEK_END);
    }
}

void session_reuse_free(struct session_reuse *reuse)
{
    if (reuse == NULL) {
        return;
    }
    if (reuse->kept_memo) {
        (void)unit_memo_tidy(
            reuse->cache, clock_wall_ms() - UNIT_MEMO_AGE_MS, UNIT_MEMO_BUDGET, NULL, NULL);
    }
    if (reuse->noted) {
        memos_left_forget(reuse->session->folder.path);
    }
    (void)flush_printed(reuse, NULL);
    str_fini(&reuse->printed);
    reuse_close(reuse->reuse);
    reuse_keys_free(reuse->keys);
    cleanup_fd(&reuse->out);
    mem_free(reuse);
}

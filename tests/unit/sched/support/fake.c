/* SPDX-License-Identifier: Apache-2.0 */
#include "fake.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "exec/collect.h"
#include "exec/exec_impl.h"
#include "model/trace.h"

#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/test.h"

#define FAKE_SLOTS_MAX 16

struct fake_slot {
    uv_timer_t timer;
    struct exec_request request;
    char unit[256];
    char output_dir[1024]; /* "" = none; the request's own does not outlive its start */
    char artifact_dir[1024];
    char products[EXEC_PRODUCTS_MAX][1024];
    char verb[32];
    char word[4096]; /* its command's second, "" = none: those of a chore die before it ends */
    bool busy;
    bool stopped;
};

struct fake {
    struct exec exec;
    uv_loop_t *loop;
    const char *run_dir;
    struct story *story;
    unsigned seen[64]; /* attempts by first letter of the unit, for "flaky" */
    unsigned running;
    struct fake_slot slots[FAKE_SLOTS_MAX];
};

static struct sched *running_sched;

struct sched *story_sched(void)
{
    return running_sched;
}

/* ---- the fake engine ---- */

static const char *env_value(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; *env != NULL; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') {
            return *env + len + 1;
        }
    }
    return "";
}

/* A list of JSON strings from words between commas; only the part before '=' of each. */
static void put_words(struct str *out, const char *key, const char *words, size_t len)
{
    (void)str_appendf(out, ",\"%s\":[", key);
    for (size_t at = 0; at < len;) {
        size_t word = strcspn(words + at, ",>");
        size_t name = strcspn(words + at, "=,>");
        (void)str_appendf(
            out, "%s\"%.*s\"", at > 0 ? "," : "", (int)(name < word ? name : word), words + at);
        at += word + 1;
    }
    (void)str_append(out, "]");
}

/* ID, then perhaps <NEED,NEED and >PATH=CONTENT,PATH=CONTENT or !PATH=CONTENT. The word itself is
 * an argument. */
static void put_unit(struct str *out, const char *word)
{
    size_t id = strcspn(word, "<>!");
    const char *files = strchr(word, '>');
    const char *artifacts = strchr(word, '!');
    (void)str_appendf(out, "{\"id\":\"%.*s\",\"argv\":[\"x\",\"%s\"]", (int)id, word, word);
    if (word[id] == '<') {
        put_words(out, "needs", word + id + 1, strcspn(word + id + 1, ">"));
    }
    if (files != NULL) {
        put_words(out, "outputs", files + 1, strlen(files + 1));
    }
    if (artifacts != NULL) {
        put_words(out, "artifacts", artifacts + 1, strlen(artifacts + 1));
        (void)str_append(out, strstr(artifacts, "memo=") != NULL ? ",\"memo\":\"memo\"" : "");
    }
    (void)str_append(out, strncmp(word, "expand", 6) == 0 ? ",\"expands\":true}\n" : "}\n");
}

/* plan: the words of the setting `units` become units; written where the engine would have captured
 * them. */
static void answer_plan(struct fake *fake, const struct fake_slot *slot, struct outcome *outcome)
{
    CLEANUP(str_fini) struct str input = STR_INIT(65536);
    CLEANUP(str_fini) struct str out = STR_INIT(65536);
    json_t *object CLEANUP(json_cleanup) = NULL;
    struct err err = {0};
    char path[512];
    assert_int_equal(file_read(slot->request.input, &input, &err), 0);
    assert_int_equal(json_parse(str_text(&input), input.len, &object, &err), 0);
    const char *units =
        json_string_value(json_object_get(json_object_get(object, "with"), "units"));
    char *words = strdup(units != NULL ? units : "");
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        put_unit(&out, word);
    }
    free(words);
    (void)snprintf(path, sizeof path, "%s/captured-%d", fake->run_dir, rand());
    assert_int_equal(file_write_atomic(path, str_text(&out), out.len, &err), 0);
    outcome->out = (struct capture){.file = path_basename(path), .len = out.len};
    if (units != NULL && strcmp(units, "broken") == 0) {
        outcome->status = OUTCOME_FAILED;
        outcome->message = "exit code 2";
    }
    /* the name must live as long as the outcome */
    static char name[64];
    (void)snprintf(name, sizeof name, "%s", path_basename(path));
    outcome->out.file = name;
}

/* select: the words of the setting `select` are selected, in that order; its input is kept as
 * `selected-from`. */
static void answer_select(struct fake *fake, const struct fake_slot *slot, struct outcome *outcome)
{
    CLEANUP(str_fini) struct str input = STR_INIT(65536);
    CLEANUP(str_fini) struct str out = STR_INIT(65536);
    json_t *object CLEANUP(json_cleanup) = NULL;
    struct err err = {0};
    char path[512];
    assert_int_equal(file_read(slot->request.input, &input, &err), 0);
    size_t header = strcspn(str_text(&input), "\n");
    assert_int_equal(json_parse(str_text(&input), header, &object, &err), 0);
    (void)snprintf(path, sizeof path, "%s/selected-from", fake->run_dir);
    assert_int_equal(file_write_atomic(path, str_text(&input), input.len, &err), 0);
    const char *words =
        json_string_value(json_object_get(json_object_get(object, "with"), "select"));
    assert_non_null(words);
    if (strcmp(words, "crash") == 0) {
        *outcome = (struct outcome){.status = OUTCOME_ERRORED, .message = "crashed"};
        return;
    }
    char *copy = strdup(words);
    char *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        (void)str_appendf(&out, "{\"unit\":\"%s\"}\n", word);
    }
    free(copy);
    (void)snprintf(path, sizeof path, "%s/selection", fake->run_dir);
    assert_int_equal(file_write_atomic(path, str_text(&out), out.len, &err), 0);
    outcome->out = (struct capture){.file = "selection", .len = out.len};
    outcome->out.dropped = strcmp(words, "flood") == 0 ? 1 : 0;
}

static void answer_expand(struct fake *fake, const char *unit, struct outcome *outcome)
{
    CLEANUP(str_fini) struct str lines = STR_INIT(4096);
    char path[512];
    struct err err = {0};
    if (strncmp(unit, "expand-fail", 11) == 0) {
        *outcome =
            (struct outcome){.status = OUTCOME_FAILED, .exit_code = 1, .message = "exit code 1"};
        return;
    }
    if (strncmp(unit, "expand-linked", 13) == 0) {
        put_unit(&lines, "ok-a<expand-linked>out/a=1");
        put_unit(&lines, "ok-b<ok-a");
    } else if (strncmp(unit, "expand-on", 9) == 0) {
        (void)str_appendf(&lines, "{\"id\":\"%s+\",\"argv\":[\"x\"],\"expands\":true}\n", unit);
    } else {
        (void)str_append(&lines,
                         "{\"id\":\"ok-a\",\"argv\":[\"x\"]}\n"
                         "{\"id\":\"ok-b\",\"argv\":[\"x\"]}\n");
    }
    (void)snprintf(path, sizeof path, "%s/expanded", fake->run_dir);
    assert_int_equal(file_write_atomic(path, str_text(&lines), lines.len, &err), 0);
    outcome->out = (struct capture){.file = "expanded", .len = lines.len};
}

/* ---- products ---- */

struct seen {
    struct str text;
    struct map paths;
    const char *folder;
    char names[32][64];
    size_t count;
};

static int add_seen(void *context, int root, const char *path, mode_t mode)
{
    struct seen *seen = context;
    char full[1200];
    struct err err = {0};
    (void)root;
    if ((mode & S_IFMT) == S_IFDIR) {
        return 1;
    }
    assert_true(seen->count < 32);
    char *name = seen->names[seen->count++];
    (void)snprintf(name, sizeof seen->names[0], "%s", path);
    if (map_add(&seen->paths, name, 1) == 0) {
        (void)snprintf(full, sizeof full, "%s/%s", seen->folder, path);
        (void)str_appendf(&seen->text, " %s=", path);
        assert_int_equal(file_read(full, &seen->text, &err), 0);
    }
    return 0;
}

static void see(struct seen *seen, const char *folder)
{
    struct err err = {0};
    CLEANUP(cleanup_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    seen->folder = folder;
    if (fd >= 0 && tree_walk(fd, add_seen, seen, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

/* "unit L/U sees out/a=1 out/b=2": what an overlay of its layers of products would show. */
static void note_seen(struct fake *fake, const struct fake_slot *slot)
{
    struct seen seen = {.text = STR_INIT(4096)};
    const struct exec_request *request = &slot->request;
    for (size_t i = 0; i < request->products.count; i++) {
        see(&seen, slot->products[i]);
    }
    if (request->world->products != NULL) {
        see(&seen, request->world->products);
    }
    if (seen.text.len > 0) {
        size_t len = strlen(fake->story->text);
        (void)snprintf(fake->story->text + len,
                       sizeof fake->story->text - len,
                       "%s sees%s in %zu\n",
                       slot->unit,
                       str_text(&seen.text),
                       request->products.count);
    }
    str_fini(&seen.text);
    map_fini(&seen.paths);
}

/* Writes the files after the mark in its word into a folder; "" = none. */
static void leave_files(const struct fake_slot *slot, char mark, const char *folder)
{
    const char *files = strchr(slot->word, mark);
    struct err err = {0};
    while (files != NULL && folder[0] != '\0') {
        size_t name = strcspn(files + 1, "=");
        const char *content = files + 1 + name + 1;
        size_t len = strcspn(content, ",");
        char path[1200];
        (void)snprintf(path, sizeof path, "%s/%.*s", folder, (int)name, files + 1);
        if (file_write_atomic(path, content, len, &err) != 0) {
            fail_msg("%s", err.text);
        }
        files = content[len] == ',' ? content + len : NULL;
    }
}

static void answer_unit(struct fake *fake, const struct fake_slot *slot, struct outcome *outcome)
{
    const bool fails_once = strncmp(slot->unit, "flaky", 5) == 0 && fake->seen[0]++ == 0;
    if (fails_once || strncmp(slot->unit, "fail", 4) == 0) {
        *outcome =
            (struct outcome){.status = OUTCOME_FAILED, .exit_code = 1, .message = "exit code 1"};
    } else if (strncmp(slot->unit, "error", 5) == 0) {
        *outcome = (struct outcome){.status = OUTCOME_ERRORED, .signal = 11, .message = "crashed"};
    } else if (strncmp(slot->unit, "skip", 4) == 0) {
        static const struct test_case said = {
            .name = "a case", .message = "no disk", .status = OUTCOME_SKIPPED, .time_s = -1};
        *outcome = (struct outcome){.status = OUTCOME_SKIPPED};
        if (strncmp(slot->unit, "skipwhy", 7) == 0) {
            outcome->cases = (struct case_list){&said, 1};
        }
    } else if (strncmp(slot->unit, "expand", 6) == 0) {
        answer_expand(fake, slot->unit, outcome);
    }
    note_seen(fake, slot);
    leave_files(slot, '!', slot->artifact_dir);
    if (outcome->status == OUTCOME_PASSED) {
        leave_files(slot, '>', slot->output_dir);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct fake *fake = timer->data;
    struct fake_slot *slot = (struct fake_slot *)(void *)timer; /* first member */
    struct outcome outcome = {.status = OUTCOME_PASSED, .wall_ns = 1000000, .cpu_user_us = 10};
    if (strcmp(slot->verb, "plan") == 0) {
        answer_plan(fake, slot, &outcome);
    } else if (strcmp(slot->verb, "select") == 0) {
        answer_select(fake, slot, &outcome);
    } else {
        answer_unit(fake, slot, &outcome);
    }
    static const struct trace trace = {.calls = 1};
    outcome.trace = slot->request.observe ? &trace : NULL;
    if (slot->stopped) {
        outcome = (struct outcome){
            .status = OUTCOME_ERRORED, .flags = FLAG_CANCELLED, .message = "stopped"};
    }
    slot->busy = false;
    fake->running--;
    slot->request.done(slot->request.context, &outcome);
}

static int fake_start(struct exec *exec,
                      unsigned number,
                      const struct exec_request *request,
                      struct err *err)
{
    struct fake *fake = (struct fake *)exec;
    struct fake_slot *slot = &fake->slots[number];
    (void)err;
    assert_false(slot->busy);
    slot->request = *request;
    (void)snprintf(slot->output_dir,
                   sizeof slot->output_dir,
                   "%s",
                   request->output_dir != NULL ? request->output_dir : "");
    for (size_t i = 0; i < request->products.count; i++) {
        (void)snprintf(
            slot->products[i], sizeof slot->products[i], "%s", request->products.items[i]);
    }
    (void)snprintf(slot->artifact_dir,
                   sizeof slot->artifact_dir,
                   "%s",
                   request->artifact_dir != NULL ? request->artifact_dir : "");
    (void)snprintf(slot->unit, sizeof slot->unit, "%s", env_value(request->env, "SLUICE_UNIT"));
    (void)snprintf(
        slot->word, sizeof slot->word, "%s", request->argv[1] != NULL ? request->argv[1] : "");
    (void)snprintf(slot->verb,
                   sizeof slot->verb,
                   "%s",
                   slot->unit[0] == '\0' && request->argv[1] != NULL ? request->argv[1] : "");
    slot->busy = true;
    slot->stopped = false;
    fake->running++;
    if (slot->verb[0] == '\0' && fake->running > fake->story->most_at_once) {
        fake->story->most_at_once = fake->running;
    }
    (void)snprintf(fake->story->last_products,
                   sizeof fake->story->last_products,
                   "%s",
                   request->world->products != NULL ? request->world->products : "");
    bool hangs = strncmp(slot->unit, "hang", 4) == 0 || strncmp(slot->unit, "expand-hang", 11) == 0;
    (void)uv_timer_start(&slot->timer, on_timer, hangs ? 60000 : 1, 0);
    return 0;
}

static void fake_stop(struct exec *exec, unsigned number, bool now)
{
    struct fake *fake = (struct fake *)exec;
    struct fake_slot *slot = &fake->slots[number];
    (void)now;
    if (slot->busy) {
        slot->stopped = true;
        (void)uv_timer_start(&slot->timer, on_timer, 1, 0);
    }
}

static int fake_peek(struct exec *exec, unsigned number, char *buf, size_t size)
{
    const struct fake *fake = (const struct fake *)exec;
    (void)snprintf(buf, size, "output of %s", fake->slots[number].unit);
    return 0;
}

static void fake_free(struct exec *exec)
{
    struct fake *fake = (struct fake *)exec;
    for (int i = 0; i < FAKE_SLOTS_MAX; i++) {
        uv_close((uv_handle_t *)&fake->slots[i].timer, NULL);
    }
}

static const struct exec_ops fake_ops = {
    .start = fake_start, .stop = fake_stop, .peek = fake_peek, .free = fake_free};

/* ---- the story ---- */

__attribute__((format(printf, 2, 3))) static void add(struct story *story, const char *format, ...)
{
    size_t len = strlen(story->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(story->text + len, sizeof story->text - len, format, args);
    va_end(args);
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct story *story = (struct story *)(void *)sink;
    if (event->type == EVENT_LAYER_STARTED) {
        add(story, "started %s\n", event->u.layer_started.layer);
    } else if (event->type == EVENT_UNIT_STARTED) {
        add(story,
            "starts %s/%s%s%s\n",
            event->u.unit_started.layer,
            event->u.unit_started.unit,
            event->u.unit_started.why != NULL ? ": " : "",
            event->u.unit_started.why != NULL ? event->u.unit_started.why : "");
    } else if (event->type == EVENT_UNIT_FINISHED) {
        const struct outcome *outcome = event->u.unit_finished.outcome;
        add(story,
            "unit %s/%s %s%s%s%s\n",
            event->u.unit_finished.layer,
            event->u.unit_finished.unit,
            outcome_status_name(outcome->status),
            outcome->final ? "" : " (again)",
            outcome->flaky ? " (flaky)" : "",
            outcome->reused != NULL ? " (reused)" : "");
        const char *const texts[] = {outcome->message, outcome->warning};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            strncat(story->messages,
                    texts[i] != NULL ? texts[i] : "",
                    sizeof story->messages - strlen(story->messages) - 1);
        }
        assert_null(outcome->trace); /* traces go no further than reuse */
    } else if (event->type == EVENT_LAYER_JUDGED) {
        const struct verdict *verdict = event->u.layer_judged.verdict;
        add(story,
            "judged %s %s%s%s\n",
            event->u.layer_judged.layer,
            verdict_state_name(verdict->state),
            verdict->reason != NULL ? ": " : "",
            verdict->reason != NULL ? verdict->reason : "");
    } else if (event->type == EVENT_NOTE) {
        add(story, "note %s\n", event->u.note.text);
    } else if (event->type == EVENT_UNIT_SLOW) {
        add(story, "slow %s\n", event->u.unit_slow.unit);
    } else if (event->type == EVENT_RUN_FINISHED) {
        add(story, "finished %d\n", (int)event->u.run_finished.exit_code);
        story->cpu_us = event->u.run_finished.cpu_us;
        story->tally = *event->u.run_finished.tally;
        (void)snprintf(story->reason,
                       sizeof story->reason,
                       "%s",
                       event->u.run_finished.reason != NULL ? event->u.run_finished.reason : "");
    }
}

static void note_sched(void *context, struct sched *sched)
{
    (void)context;
    running_sched = sched;
}

struct later {
    uv_timer_t timer;
    void (*function)(void);
};

static void free_later(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
    struct later *later = timer->data;
    if (running_sched != NULL) {
        later->function();
    }
    uv_close((uv_handle_t *)timer, free_later);
}

void story_after(struct sched_options *options, unsigned ms, void (*function)(void))
{
    struct later *later = calloc(1, sizeof *later);
    assert_non_null(later);
    later->function = function;
    (void)uv_timer_init(options->loop, &later->timer);
    later->timer.data = later;
    (void)uv_timer_start(&later->timer, on_later, ms, 0);
}

static void open_fake(struct fake *fake, uv_loop_t *loop, const char *run_dir, struct story *story)
{
    memset(fake, 0, sizeof *fake);
    fake->exec.ops = &fake_ops;
    fake->loop = loop;
    fake->run_dir = run_dir;
    fake->story = story;
    for (int i = 0; i < FAKE_SLOTS_MAX; i++) {
        (void)uv_timer_init(loop, &fake->slots[i].timer);
        fake->slots[i].timer.data = fake;
    }
}

void story_run(struct story *story,
               const char *yaml,
               unsigned jobs,
               void (*change)(struct sched_options *))
{
    static struct fake fake;
    static const struct plugin_description plugin = {
        .name = "fake", .program = "/fake/plugin", .schema = "{}"};
    struct plugin_description plugins[32];
    uv_loop_t loop;
    struct config *config = NULL;
    struct err err = {0};
    const struct config_options config_options = {.seed = 1};
    if (config_parse("test.yml", yaml, strlen(yaml), &config_options, &config, &err) < 0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < 32; i++) {
        plugins[i] = plugin;
    }
    *story = (struct story){.sink.emit = emit};
    assert_int_equal(uv_loop_init(&loop), 0);
    open_fake(&fake, &loop, test_folder(), story);
    struct sched_options options = {
        .loop = &loop,
        .exec = &fake.exec,
        .sink = &story->sink,
        .config = config,
        .plugins = plugins,
        .plan = {.slots = jobs},
        .run_id = "test",
        .run_dir = test_folder(),
        .root = test_folder(),
        .plugin_dir = "/fake",
        .lower = test_folder(),
        .started = note_sched,
    };
    if (change != NULL) {
        change(&options);
    }
    story->code = sched_run(&options, &story->exit_code, &err);
    if (story->code < 0 && options.confirm == NULL) {
        fail_msg("%s", err.text);
    }
    (void)snprintf(story->error, sizeof story->error, "%s", err.text);
    exec_free(&fake.exec);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    config_free(config);
}

void story_has(const struct story *story, const char *const *lines, size_t count)
{
    const char *at = story->text;
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, lines[i]);
        if (found == NULL) {
            fail_msg("\"%s\" is missing (or too early) in:\n%s", lines[i], story->text);
            return;
        }
        at = found + strlen(lines[i]);
    }
}

void story_lacks(const struct story *story, const char *text)
{
    if (strstr(story->text, text) != NULL) {
        fail_msg("\"%s\" should not be in:\n%s", text, story->text);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `go test -json`: one event a line. Tests run side by side and in each other; each is a case when
 * its own end comes. What must not be green: a package that fails though no test of it did (it did
 * not build, TestMain, a race, os.Exit), a test that began and never ended, a stream without end.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "reports/read_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Memory for nodes and names: CASES_PER_UNIT_MAX tests of some 300 bytes. */
#define NODES_MAX (128u << 20)

/* A test, a package, or a build. */
struct node {
    struct node *next; /* in order of appearance */
    const char *package;
    const char *test; /* NULL = the package itself */
    struct str output;
    uint64_t bad; /* of a package: its tests that did not pass */
    bool open;    /* began, has not ended */
};

struct stream {
    struct report_feed *feed;
    struct arena *arena;
    struct map nodes; /* "package\ttest", "package", "\tbuild" */
    struct node *first, **last;
    struct str key, message;
    size_t line;
    size_t noise; /* lines that are no events */
};

struct go_event {
    const char *action, *package, *test, *output, *import_path, *failed_build;
    double elapsed;
};

/* ---- nodes ---- */

static struct node *new_node(struct stream *s, const char *package, const char *test)
{
    struct node *node = arena_alloc(s->arena, sizeof *node);
    const char *key = arena_strdup(s->arena, str_text(&s->key));
    if (node == NULL || key == NULL) {
        return NULL;
    }
    node->package = arena_strdup(s->arena, package);
    node->test = test != NULL ? arena_strdup(s->arena, test) : NULL;
    if (node->package == NULL || (test != NULL && node->test == NULL)
        || map_put(&s->nodes, key, (uintptr_t)node) < 0) {
        return NULL;
    }
    str_init(&node->output, KEEP_MAX);
    *s->last = node;
    s->last = &node->next;
    return node;
}

/* The node of a test, of a package (test = NULL) or of a build (package = ""), made when it is new.
 * NULL ends the reading. */
static struct node *find_node(struct stream *s, const char *package, const char *test)
{
    uintptr_t found = 0;
    str_clear(&s->key);
    (void)str_append(&s->key, package);
    if (test != NULL) {
        (void)str_append_char(&s->key, '\t');
        (void)str_append(&s->key, test);
    }
    if (map_get(&s->nodes, str_text(&s->key), &found) == 1) {
        return (struct node *)found; // NOLINT(performance-no-int-to-ptr): a map of words
    }
    struct node *node = str_error(&s->key) == 0 ? new_node(s, package, test) : NULL;
    if (node == NULL) {
        feed_no_memory(s->feed);
    }
    return node;
}

/* ---- words out of what a test printed ---- */

/* "    x_test.go:12: why" -> x_test.go, 12 and "why". */
static void find_reason(struct stream *s, const struct node *node, struct test_case *c)
{
    const char *path = NULL;
    size_t len = 0;
    str_clear(&s->message);
    if (find_location(str_text(&node->output), &path, &len, &c->line) == 0) {
        return;
    }
    c->file = arena_strndup(s->arena, path, len);
    const char *why = strchr(path + len + 1, ':');
    const char *end = path + strcspn(path, "\n");
    why = why != NULL && why < end ? why + 1 : end;
    why += strspn(why, " \t");
    keep_text(&s->message, why, why < end ? (size_t)(end - why) : 0);
    c->message = text_or_null(&s->message);
}

static void end_test(struct stream *s,
                     struct node *node,
                     enum outcome_status status,
                     double elapsed,
                     const char *message)
{
    assert(node->package != NULL);
    struct test_case c = {.name = node->test, .status = status, .time_s = elapsed};
    c.classname = node->package[0] != '\0' ? node->package : NULL;
    c.suite = c.classname;
    if (status == OUTCOME_PASSED) {
        c.output = text_or_null(&node->output);
    } else {
        c.details = text_or_null(&node->output);
        find_reason(s, node, &c);
        c.message = message != NULL ? message : c.message;
    }
    struct node *package = find_node(s, node->package, NULL);
    if (package != NULL) {
        package->open = true; /* its own end must come */
        package->bad += status == OUTCOME_FAILED || status == OUTCOME_ERRORED ? 1 : 0;
    }
    node->open = false;
    if (s->feed->stop == 0) {
        (void)feed_case(s->feed, &c);
    }
    str_fini(&node->output);
}

/* ---- packages ---- */

/* Up to Go 1.19 the line that ends a test is taken for output when the test printed words without
 * a line break before it: "words--- PASS: TestX (0.00s)". */
static bool says_end(struct stream *s, const struct node *node, const char *word)
{
    str_clear(&s->key);
    (void)str_appendf(&s->key, "--- %s: %s (", word, node->test);
    return str_error(&s->key) == 0 && strstr(str_text(&node->output), str_text(&s->key)) != NULL;
}

static enum outcome_status status_of_open(struct stream *s, const struct node *node, bool passed)
{
    return passed && says_end(s, node, "PASS")   ? OUTCOME_PASSED
           : passed && says_end(s, node, "SKIP") ? OUTCOME_SKIPPED
                                                 : OUTCOME_ERRORED;
}

/* Of one package, or of all. `passed`: the package did, so each test of it has ended. */
static void end_open_tests(struct stream *s, const char *package, bool passed, const char *why)
{
    for (struct node *node = s->first; node != NULL && s->feed->stop == 0; node = node->next) {
        if (node->open && node->test != NULL
            && (package == NULL || strcmp(node->package, package) == 0)) {
            enum outcome_status status = status_of_open(s, node, passed);
            end_test(s, node, status, -1, status == OUTCOME_ERRORED ? why : NULL);
        }
    }
}

/* A package that failed by itself is a case of its own. */
static void feed_package(struct stream *s, struct node *package, const char *build)
{
    struct str *output = &package->output;
    if (build != NULL) {
        str_clear(&s->key);
        uintptr_t found = 0;
        (void)str_append_char(&s->key, '\t');
        (void)str_append(&s->key, build);
        if (map_get(&s->nodes, str_text(&s->key), &found) == 1) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr): a map of words
            output = &((struct node *)found)->output;
        }
    }
    struct test_case c = {.name = "(package)",
                          .suite = package->package[0] != '\0' ? package->package : NULL,
                          .status = OUTCOME_ERRORED,
                          .time_s = -1,
                          .details = text_or_null(output),
                          .message = build != NULL
                                         ? "the package could not be built"
                                         : "the package failed, none of its tests shows why"};
    c.classname = c.suite;
    (void)feed_case(s->feed, &c);
    package->bad++;
}

static void end_package(struct stream *s, struct node *package, const struct go_event *event)
{
    bool passed = strcmp(event->action, "pass") == 0;
    end_open_tests(s, package->package, passed, "the package ended while this test was running");
    if (s->feed->stop == 0 && strcmp(event->action, "fail") == 0 && package->bad == 0) {
        feed_package(s, package, event->failed_build);
    }
    package->open = false;
    package->bad = 0; /* it may run again in the same stream */
    str_clear(&package->output);
}

/* ---- events ---- */

static const char *field(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int status_of_action(const char *action)
{
    return strcmp(action, "pass") == 0   ? (int)OUTCOME_PASSED
           : strcmp(action, "fail") == 0 ? (int)OUTCOME_FAILED
           : strcmp(action, "skip") == 0 ? (int)OUTCOME_SKIPPED
                                         : -1;
}

static void take_build(struct stream *s, const struct go_event *event)
{
    if (strcmp(event->action, "build-output") == 0 && event->output != NULL) {
        struct node *node = find_node(s, "", event->import_path);
        if (node != NULL) {
            keep_text(&node->output, event->output, strlen(event->output));
        }
    }
}

static void take_event(struct stream *s, const struct go_event *event)
{
    if (event->import_path != NULL) {
        take_build(s, event);
        return;
    }
    const char *package = event->package != NULL ? event->package : "";
    struct node *node = find_node(s, package, event->test);
    if (node == NULL) {
        return;
    }
    int status = status_of_action(event->action);
    if (status < 0) {
        node->open = node->open || strcmp(event->action, "output") != 0 || event->test != NULL;
        if (event->output != NULL) {
            keep_text(&node->output, event->output, strlen(event->output));
        }
    } else if (event->test != NULL) {
        end_test(s, node, (enum outcome_status)status, event->elapsed, NULL);
    } else {
        end_package(s, node, event);
    }
}

static void take_failed_build(struct stream *s, const char *name, size_t len)
{
    char *package = mem_strndup(name, len);
    struct node *node = package != NULL ? find_node(s, package, NULL) : NULL;
    if (node != NULL) {
        feed_package(s, node, "");
    } else {
        feed_no_memory(s->feed);
    }
    mem_free(package);
}

/* Up to Go 1.23 a package that does not build is told in plain words:
 * "FAIL\tPACKAGE [build failed]". */
static void take_plain_line(struct stream *s, const char *line, size_t len)
{
    static const char *const ends[] = {" [build failed]", " [setup failed]"};
    s->noise++;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end_len = strlen(ends[i]);
        if (len > 5 + end_len && memcmp(line, "FAIL\t", 5) == 0
            && memcmp(line + len - end_len, ends[i], end_len) == 0) {
            take_failed_build(s, line + 5, len - 5 - end_len);
        }
    }
}

/* 0, or -EBADMSG when a line that begins an event is none. */
static int take_line(struct stream *s, const char *line, size_t len)
{
    json_t *object = NULL;
    struct err err = {0};
    if (len == 0 || line[0] != '{') {
        if (len > 0) {
            take_plain_line(s, line, len);
        }
        return 0;
    }
    if (json_parse_foreign(line, len, &object, &err) != 0) {
        return err_set(s->feed->err, -EBADMSG, "line %zu: %s", s->line, err.text);
    }
    struct go_event event = {.action = field(object, "Action"),
                             .package = field(object, "Package"),
                             .test = field(object, "Test"),
                             .output = field(object, "Output"),
                             .import_path = field(object, "ImportPath"),
                             .failed_build = field(object, "FailedBuild"),
                             .elapsed = -1};
    json_t *elapsed = json_object_get(object, "Elapsed");
    event.elapsed = json_is_number(elapsed) ? json_number_value(elapsed) : -1;
    if (event.action != NULL) {
        take_event(s, &event);
    } else {
        s->noise++;
    }
    json_decref(object);
    return 0;
}

static int end_stream(struct stream *s, int rc)
{
    const char *open = NULL;
    for (const struct node *node = s->first; node != NULL && open == NULL; node = node->next) {
        open = node->open ? node->package : NULL;
    }
    if (s->feed->stop == 0) {
        end_open_tests(s, NULL, false, "the report ends while this test was running");
    }
    if (s->feed->stop != 0 || rc != 0) {
        return s->feed->stop != 0 ? s->feed->stop : rc;
    }
    if (open != NULL) {
        return err_set(s->feed->err,
                       -EBADMSG,
                       "the report ends before package %s does: it is truncated",
                       open[0] != '\0' ? open : "(unnamed)");
    }
    if (s->noise > 0) {
        feed_warn(s->feed, "%zu lines are no events of go test", s->noise);
    }
    return 0;
}

static int read_lines(struct stream *s, const char *text, size_t len)
{
    int rc = 0;
    for (size_t at = 0; at < len && rc == 0 && s->feed->stop == 0;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
        s->line++;
        size_t cr = line_len > 0 && text[at + line_len - 1] == '\r' ? 1 : 0;
        rc = take_line(s, text + at, line_len - cr);
        at += line_len + 1;
    }
    return end_stream(s, rc);
}

int read_gotest(const char *text, size_t len, struct report_feed *feed)
{
    struct stream s = {.feed = feed, .arena = arena_new(NODES_MAX)};
    if (s.arena == NULL) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
    s.last = &s.first;
    str_init(&s.key, KEEP_MAX);
    str_init(&s.message, KEEP_MAX);
    int rc = read_lines(&s, text, len);
    for (struct node *node = s.first; node != NULL; node = node->next) {
        str_fini(&node->output);
    }
    str_fini(&s.key);
    str_fini(&s.message);
    map_fini(&s.nodes);
    arena_free(s.arena);
    return rc;
}

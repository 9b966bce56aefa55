/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/junit_body.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "reports/capture_text.h"
#include "reports/origins.h"
#include "reports/report_text.h"
#include "reports/xml_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A name with its " (2)". */
#define NAME_MAX_BYTES (64u << 10)

/* Longest @message: one line on a dashboard. */
#define MESSAGE_MAX 4096

#define REUSED_PROPERTY "sluice.reused"

/* Run, change and age of all reused cases together; one takes about 300 bytes, so 14,000 have
 * room. Beyond, the evidence id alone is told: a fully reused report of 90,000 cases stays below
 * the 30 MB that GitLab takes. */
#define REUSED_DETAILS_MAX  (4u << 20)
#define REUSED_DETAILS_SIZE 300

/* Words for one run and one change. */
#define REUSED_WORDS_MAX (1u << 16)
/* Names as they come, escaped: as much as all texts of a report may take. */
#define REUSED_PART_MAX ((size_t)JUNIT_TEXTS_MAX * 6)

#define AGE_STEP_MS INT64_C(60000)

/* Said instead of an output when JUNIT_TEXTS_MAX is used up. */
#define LEFT_OUT "[left out: this report has reached its size limit]"

const struct junit_profile junit_profile_rich = {
    .case_place = true,
    .case_properties = true,
    .case_outputs = true,
    .case_attempts = true,
    .root_name = true,
    .root_counts = true,
};

/* junit-10.xsd of Jenkins's xUnit plugin. It knows all counts of the root but `skipped`: with the
 * others there, some readers take that for none, and for passed what was skipped. */
const struct junit_profile junit_profile_jenkins = {
    .case_outputs = true,
    .case_attempts = true,
    .root_name = true,
};

/* The schema of Ant's JUnit tasks; what it allows, junit-10.xsd does too. */
const struct junit_profile junit_profile_ant = {
    .all_required = true,
};

void junit_writer_fini(struct junit_writer *writer)
{
    unique_fini(&writer->names);
    str_fini(&writer->reused.run);
    str_fini(&writer->reused.change);
    str_fini(&writer->reused.origin);
    str_fini(&writer->reused.age);
    str_fini(&writer->reused.line);
    *writer = (struct junit_writer){0};
}

void junit_counts_add(struct junit_counts *into, const struct junit_counts *from)
{
    into->tests += from->tests;
    into->failures += from->failures;
    into->errors += from->errors;
    into->skipped += from->skipped;
    into->reused += from->reused;
    into->time_s += from->time_s;
}

void junit_write_counts(struct str *out, const struct junit_counts *counts)
{
    xml_attribute_count(out, "tests", counts->tests);
    xml_attribute_count(out, "failures", counts->failures);
    xml_attribute_count(out, "errors", counts->errors);
    xml_attribute_count(out, "skipped", counts->skipped);
    xml_attribute_seconds(out, "time", counts->time_s);
}

static void count_entry(struct junit_counts *counts, const struct case_entry *entry)
{
    uint64_t *const places[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_FAILED] = &counts->failures,
        [OUTCOME_ERRORED] = &counts->errors,
        [OUTCOME_TIMED_OUT] = &counts->errors,
        [OUTCOME_SKIPPED] = &counts->skipped,
    };
    assert((size_t)entry->status < OUTCOME_STATUS_COUNT);
    counts->tests++;
    counts->reused += entry->reused != NULL ? 1 : 0;
    counts->time_s += entry->time_s > 0 ? entry->time_s : 0;
    if (places[entry->status] != NULL) {
        (*places[entry->status])++;
    }
}

/* ---- texts within limits ---- */

/* Takes `len` bytes from the report's budget; false when they are not there. */
static bool take_budget(struct junit_writer *writer, size_t len)
{
    if (writer->texts + len > JUNIT_TEXTS_MAX) {
        return false;
    }
    writer->texts += len;
    return true;
}

/* Head and tail of a long text. */
static void write_text(struct junit_writer *writer, struct str *out, const char *text)
{
    size_t len = strlen(text);
    size_t kept = len <= JUNIT_TEXT_MAX ? len : JUNIT_TEXT_MAX;
    if (!take_budget(writer, kept)) {
        (void)str_append(out, LEFT_OUT);
        return;
    }
    if (len <= JUNIT_TEXT_MAX) {
        xml_text_n(out, text, len);
        return;
    }
    size_t head = text_cut_before(text, JUNIT_TEXT_MAX / 2);
    size_t tail = text_cut_before(text, len - JUNIT_TEXT_MAX / 2);
    xml_text_n(out, text, head);
    (void)str_appendf(out, "\n[... %zu bytes left out ...]\n", tail - head);
    xml_text_n(out, text + tail, len - tail);
}

static void write_message(struct str *out, const char *message)
{
    char cut[MESSAGE_MAX];
    if (strlen(message) >= sizeof cut) {
        size_t len = text_cut_before(message, sizeof cut - 4);
        (void)snprintf(cut, sizeof cut, "%.*s...", (int)len, message);
        message = cut;
    }
    xml_attribute(out, "message", message);
}

/* ---- results ---- */

/* "path:line: message" in front, unless the details begin with a place themselves; then the
 * details, or the message when they lack it; then the hint. */
static void write_details(struct junit_writer *writer,
                          struct str *out,
                          const struct case_entry *entry,
                          const char *message)
{
    const char *details = entry->details != NULL ? entry->details : "";
    bool has_place = entry->file != NULL && text_starts_with(details, entry->file);
    bool has_message = strstr(details, message) != NULL;
    if (entry->file != NULL && !has_place) {
        xml_text(out, entry->file);
        if (entry->line > 0) {
            (void)str_appendf(out, ":%u", (unsigned)entry->line);
        }
        (void)str_append(out, ": ");
    }
    if (!has_message || (entry->file != NULL && !has_place)) {
        write_text(writer, out, message);
        (void)str_append(out, details[0] != '\0' ? "\n" : "");
    }
    write_text(writer, out, details);
    if (entry->hint != NULL) {
        (void)str_append(out, "\nhint: ");
        write_text(writer, out, entry->hint);
    }
}

/* ` message=".." type="..">TEXT`, which follows the name of a result element. */
static void write_result_inner(struct junit_writer *writer,
                               struct str *out,
                               const struct case_entry *entry)
{
    char buf[ENTRY_MESSAGE_SIZE];
    const char *message = case_entry_message(entry, buf);
    write_message(out, message);
    xml_attribute(out, "type", case_entry_type(entry));
    (void)str_append_char(out, '>');
    write_details(writer, out, entry, message);
}

static void write_result(struct junit_writer *writer,
                         struct str *out,
                         const struct case_entry *entry)
{
    if (entry->status == OUTCOME_SKIPPED) {
        (void)str_append(out, "<skipped");
        if (entry->message != NULL) {
            write_message(out, entry->message);
        }
        (void)str_append(out, "/>\n");
        return;
    }
    const char *name = entry->status == OUTCOME_FAILED ? "failure" : "error";
    (void)str_appendf(out, "<%s", name);
    write_result_inner(writer, out, entry);
    (void)str_appendf(out, "</%s>\n", name);
}

static void write_attempt(struct str *out, const char *element, const char *inner)
{
    const char *text = strchr(inner, '>'); /* values hold "&gt;" */
    assert(text != NULL);
    (void)str_appendf(out, "<%s", element);
    (void)str_append_n(out, inner, (size_t)(text + 1 - inner));
    (void)str_append(out, "<stackTrace>");
    (void)str_append(out, text + 1);
    (void)str_appendf(out, "</stackTrace></%s>\n", element);
}

/* Where a profile knows no element for attempts: in words, with the suite's output. */
static void tell_attempt(struct str *out, const struct case_entry *entry, const char *inner)
{
    const char *text = strchr(inner, '>'); /* values hold "&gt;" */
    assert(text != NULL);
    xml_text(out, entry->classname);
    (void)str_append(out, ": ");
    xml_text(out, entry->name);
    (void)str_append(out, ": a failed attempt before the one that counts: ");
    (void)str_append(out, text + 1);
    (void)str_append_char(out, '\n');
}

/* Failed attempts before the one that counts. flakyFailure, not flakyError: the only one of the two
 * that Jenkins and others read. */
static void write_attempts(const struct junit_writer *writer,
                           struct str *out,
                           const struct case_entry *entry)
{
    if (entry->attempts == NULL || entry->status == OUTCOME_SKIPPED) {
        return;
    }
    const char *element = entry->status == OUTCOME_PASSED ? "flakyFailure" : "rerunFailure";
    const struct case_attempt *attempt = NULL;
    while ((attempt = case_entry_take_attempt(entry)) != NULL) {
        if (writer->profile->case_attempts) {
            write_attempt(out, element, attempt->text);
        } else {
            tell_attempt(writer->suite_out, entry, attempt->text);
        }
    }
}

/* ---- properties and output ---- */

void junit_write_property(struct str *out, const char *name, const char *value)
{
    if (value != NULL) {
        (void)str_append(out, "<property");
        xml_attribute(out, "name", name);
        xml_attribute(out, "value", value);
        (void)str_append(out, "/>\n");
    }
}

const char *outcome_flag_text(unsigned flags, struct str *out)
{
    static const struct {
        unsigned flag;
        const char *text;
    } words[] = {
        {FLAG_LEAKED_PROCESS, "left processes behind, which were killed"},
        {FLAG_LEAKED_PIPE,    "its output stayed open after it ended"   },
        {FLAG_OUTPUT_CUT,     "output beyond the limit was dropped"     },
        {FLAG_KILLED,         "did not end when asked and was killed"   },
        {FLAG_SCRATCH_FULL,   "its scratch space filled up"             },
        {FLAG_OOM,            "killed by the kernel for want of memory" },
        {FLAG_OUTPUT_LOST,    "output was lost: it could not be written"},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((flags & words[i].flag) != 0) {
            (void)str_append(out, out->len > 0 ? ", " : "");
            (void)str_append(out, words[i].text);
        }
    }
    return str_text(out);
}

static void write_number_property(struct str *out, const char *name, int64_t value)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%lld", (long long)value);
    junit_write_property(out, name, number);
}

void junit_write_reused_count(struct str *out, const struct junit_counts *counts)
{
    if (counts->reused > 0) {
        write_number_property(out, REUSED_PROPERTY, (int64_t)counts->reused);
    }
}

/* How the unit ended. */
static void write_end_properties(struct str *out, const struct case_entry *entry)
{
    const struct outcome *outcome = entry->outcome;
    CLEANUP(str_fini) struct str flags = STR_INIT(1024);
    bool ended_badly = entry->status != OUTCOME_PASSED && entry->status != OUTCOME_SKIPPED;
    bool has_flags = outcome_flag_text(outcome->flags, &flags)[0] != '\0';
    if (outcome->attempt > 1) {
        write_number_property(out, "attempts", outcome->attempt);
    }
    if (ended_badly && outcome->signal != 0) {
        write_number_property(out, "signal", outcome->signal);
    } else if (ended_badly && outcome->exit_code >= 0) {
        write_number_property(out, "exit_code", outcome->exit_code);
    }
    if (has_flags) {
        junit_write_property(out, "notes", str_text(&flags));
    }
}

static const char *evidence_of(const struct reused *reused)
{
    return reused->evidence != NULL ? reused->evidence : "unknown";
}

static bool has_room_for_details(const struct junit_writer *writer)
{
    return writer->reused_details <= REUSED_DETAILS_MAX - REUSED_DETAILS_SIZE;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Words for ages change at whole minutes (age_words). */
static int64_t minutes_of(const struct case_entry *entry)
{
    const int64_t age_ms = entry->now_ms - entry->reused->earned_ms;
    return age_ms / AGE_STEP_MS - (age_ms % AGE_STEP_MS < 0 ? 1 : 0);
}

/* What is told of the last case, if it is what is to be told of this one. */
static bool words_hold(const struct junit_reused *words, const struct case_entry *entry)
{
    const struct reused *reused = entry->reused;
    return words->made && words->minutes == minutes_of(entry)
           && words->dated == (reused->earned_ms > 0)
           && same_text(words->has_run ? str_text(&words->run) : NULL, reused->run)
           && same_text(words->has_change ? str_text(&words->change) : NULL, reused->change);
}

static void make_words(struct junit_reused *words, const struct case_entry *entry)
{
    const struct reused *reused = entry->reused;
    CLEANUP(str_fini) struct str text = STR_INIT(REUSED_WORDS_MAX);
    struct str *const parts[] = {
        &words->run, &words->change, &words->origin, &words->age, &words->line};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        parts[i]->max = REUSED_PART_MAX;
        str_clear(parts[i]);
    }
    words->minutes = minutes_of(entry);
    words->dated = reused->earned_ms > 0;
    words->has_run = reused->run != NULL;
    words->has_change = reused->change != NULL;
    (void)str_append(&words->run, words->has_run ? reused->run : "");
    (void)str_append(&words->change, words->has_change ? reused->change : "");
    junit_write_property(&words->origin, REUSED_PROPERTY ".run", reused->run);
    junit_write_property(&words->origin,
                         REUSED_PROPERTY ".change",
                         reused->change != NULL ? reused->change : ORIGIN_MAIN);
    age_words(reused->earned_ms, entry->now_ms, &text);
    junit_write_property(
        &words->age, REUSED_PROPERTY ".age", text.len > 0 ? str_text(&text) : NULL);
    str_clear(&text);
    reused_words(reused, entry->now_ms, &text);
    xml_text(&words->line, str_text(&text));
    words->made = words->run.error == 0 && words->change.error == 0;
}

/* Thousands of cases are told of in the same words: they are made when they change. */
static const struct junit_reused *words_of(struct junit_writer *writer,
                                           const struct case_entry *entry)
{
    if (!words_hold(&writer->reused, entry)) {
        make_words(&writer->reused, entry);
    }
    return &writer->reused;
}

static void append_made(struct str *out, const struct str *made)
{
    out->error = out->error != 0 ? out->error : made->error;
    (void)str_append_n(out, str_text(made), made->len);
}

/* That it did not run is always told; the rest as long as the report has room. */
static void write_reused_properties(struct junit_writer *writer,
                                    struct str *out,
                                    const struct case_entry *entry)
{
    const struct reused *reused = entry->reused;
    junit_write_property(out, REUSED_PROPERTY, evidence_of(reused));
    if (!has_room_for_details(writer)) {
        return;
    }
    const struct junit_reused *words = words_of(writer, entry);
    char earned[TIMESTAMP_TEXT_MAX];
    append_made(out, &words->origin);
    if (reused->earned_ms > 0) {
        junit_write_property(
            out, REUSED_PROPERTY ".earned", timestamp_format(reused->earned_ms, earned));
    }
    append_made(out, &words->age);
}

static void write_properties(struct junit_writer *writer,
                             struct str *out,
                             const struct case_entry *entry)
{
    static const char open_tag[] = "<properties>\n";
    size_t start = out->len;
    (void)str_append(out, open_tag);
    size_t inside = out->len;
    if (entry->reused != NULL) {
        write_reused_properties(writer, out, entry);
    }
    if (entry->outcome != NULL) {
        write_end_properties(out, entry);
    }
    if (out->error == 0 && out->len == inside) {
        out->len = start; /* nothing inside */
        out->data[start] = '\0';
    } else {
        (void)str_append(out, "</properties>\n");
    }
}

static void append_capture(struct junit_writer *writer,
                           struct str *out,
                           const struct capture *capture)
{
    size_t size = capture->len < JUNIT_TEXT_MAX ? (size_t)capture->len : JUNIT_TEXT_MAX;
    if (!take_budget(writer, size)) {
        (void)str_append(out, LEFT_OUT);
        return;
    }
    CLEANUP(str_fini) struct str text = STR_INIT(4 * (size_t)JUNIT_TEXT_MAX);
    if (capture_text(&text, writer->run_dir, capture, JUNIT_TEXT_MAX) != 0) {
        writer->error = text.error;
    }
    xml_text_n(out, str_text(&text), text.len);
}

static void write_reused_line(struct junit_writer *writer,
                              struct str *out,
                              const struct case_entry *entry)
{
    (void)str_append(out, "[sluice] not run, reused: evidence ");
    xml_text(out, evidence_of(entry->reused));
    if (has_room_for_details(writer)) {
        (void)str_append(out, " of ");
        append_made(out, &words_of(writer, entry)->line);
        writer->reused_details += REUSED_DETAILS_SIZE;
    }
    if (status_is_bad(entry->status)) {
        (void)str_append(out, "; sluice run --rerun-failed runs it again");
    }
    (void)str_append_char(out, '\n');
}

/* Opens an output element in the testcase; where the profile has none there, the suite's is it,
 * with a line that says whose output follows. */
static struct str *begin_output(struct junit_writer *writer,
                                struct str *out,
                                const char *element,
                                const struct case_entry *entry)
{
    if (writer->profile->case_outputs) {
        (void)str_append_char(out, '<');
        (void)str_append(out, element);
        (void)str_append_char(out, '>');
        return out;
    }
    struct str *suite = strcmp(element, "system-out") == 0 ? writer->suite_out : writer->suite_err;
    if (entry->name != NULL) {
        xml_text(suite, entry->classname);
        (void)str_append(suite, ": ");
        xml_text(suite, entry->name);
        (void)str_append(suite, ":\n");
    }
    return suite;
}

static void end_output(const struct junit_writer *writer, struct str *to, const char *element)
{
    if (writer->profile->case_outputs) {
        (void)str_append(to, "</");
        (void)str_append(to, element);
        (void)str_append(to, ">\n");
    } else if (to->len > 0 && to->data[to->len - 1] != '\n') {
        (void)str_append_char(to, '\n');
    }
}

static void write_outputs(struct junit_writer *writer,
                          struct str *out,
                          const struct case_entry *entry,
                          const struct outcome *outcome)
{
    bool captured = outcome != NULL && outcome->out.len > 0;
    bool reused = entry->reused != NULL;
    if (captured || reused || entry->output != NULL || entry->attachment != NULL) {
        struct str *to = begin_output(writer, out, "system-out", entry);
        if (reused) {
            write_reused_line(writer, to, entry);
        }
        if (captured) {
            append_capture(writer, to, &outcome->out);
        }
        if (entry->output != NULL) {
            write_text(writer, to, entry->output);
        }
        if (entry->attachment != NULL) {
            (void)str_append(to, "\n[[ATTACHMENT|");
            xml_text(to, entry->attachment);
            (void)str_append(to, "]]\n");
        }
        end_output(writer, to, "system-out");
    }
    if (outcome != NULL && outcome->err.len > 0) {
        struct str *to = begin_output(writer, out, "system-err", entry);
        append_capture(writer, to, &outcome->err);
        end_output(writer, to, "system-err");
    }
}

void junit_write_captures(struct junit_writer *writer,
                          struct str *out,
                          const struct outcome *outcome)
{
    const struct case_entry nothing = {0};
    write_outputs(writer, out, &nothing, outcome);
}

/* ---- the element ---- */

static void write_open_tag(struct junit_writer *writer,
                           struct str *out,
                           const struct case_entry *entry)
{
    CLEANUP(str_fini) struct str other = STR_INIT(NAME_MAX_BYTES);
    int rc = unique_name(&writer->names, entry->classname, entry->name, &other);
    if (rc != 0 && writer->error == 0) {
        writer->error = rc;
    }
    (void)str_append(out, "<testcase");
    xml_attribute(out, "classname", entry->classname);
    xml_attribute(out, "name", other.len > 0 ? other.data : entry->name);
    if (writer->profile->case_place) {
        xml_attribute(out, "file", entry->file);
        if (entry->file != NULL && entry->line > 0) {
            xml_attribute_count(out, "line", entry->line);
        }
    }
    const bool must = writer->profile->all_required && entry->time_s < 0;
    xml_attribute_seconds(out, "time", must ? 0 : entry->time_s);
}

void junit_write_entry(struct junit_writer *writer,
                       struct str *out,
                       const struct case_entry *entry,
                       struct junit_counts *counts)
{
    assert(entry->classname != NULL && entry->name != NULL);
    count_entry(counts, entry);
    write_open_tag(writer, out, entry);
    (void)str_append(out, ">\n");
    size_t start = out->len;
    if (writer->profile->case_properties) {
        write_properties(writer, out, entry);
    }
    if (entry->status != OUTCOME_PASSED) {
        write_result(writer, out, entry);
    }
    write_attempts(writer, out, entry);
    if (status_is_bad(entry->status)) {
        write_outputs(writer, out, entry, entry->outcome);
    } else if (entry->reused != NULL) {
        const struct case_entry silent = {.classname = entry->classname,
                                          .name = entry->name,
                                          .reused = entry->reused,
                                          .now_ms = entry->now_ms};
        write_outputs(writer, out, &silent, NULL);
    }
    if (out->error == 0 && out->len == start) {
        out->len -= 2; /* nothing inside */
        (void)str_append(out, "/>\n");
    } else {
        (void)str_append(out, "</testcase>\n");
    }
}

int junit_write_attempt(struct junit_writer *writer,
                        struct str *out,
                        const struct case_entry *entry)
{
    write_result_inner(writer, out, entry);
    return str_error(out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "reports/terminal_impl.h"

#include <inttypes.h>
#include <string.h>

void term_put_text(struct str *out, const char *text)
{
    size_t start = out->len;
    (void)text_show(out, text, strlen(text));
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\t') {
            out->data[i] = ' ';
        }
    }
}

void term_put_colored(struct str *out, bool color, const char *code, const char *text)
{
    (void)str_append(out, color ? code : "");
    (void)str_append(out, text);
    (void)str_append(out, color ? TERM_RESET : "");
}

void term_put_block(struct str *out, const char *prefix, const char *text, unsigned lines)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(1u << 22);
    (void)text_show(&clean, text, strlen(text));
    while (clean.len > 0 && clean.data[clean.len - 1] == '\n') {
        clean.data[--clean.len] = '\0';
    }
    const char *from = str_text(&clean);
    unsigned count = 1;
    for (const char *c = from; *c != '\0'; c++) {
        count += *c == '\n' ? 1 : 0;
    }
    for (; count > lines; count--) {
        from = strchr(from, '\n') + 1;
    }
    while (*from != '\0') {
        size_t len = strcspn(from, "\n");
        (void)str_append(out, prefix);
        (void)str_append_n(out, from, len);
        (void)str_append_char(out, '\n');
        from += len + (from[len] == '\n' ? 1 : 0);
    }
}

void term_put_duration(struct str *out, int64_t ms)
{
    char text[DURATION_TEXT_MAX];
    (void)str_append(out, duration_format(ms, text));
}

void term_put_count(struct str *out, uint64_t count, const char *word)
{
    (void)str_appendf(out, "%" PRIu64 " %s%s", count, word, count == 1 ? "" : "s");
}

void render_cut(struct str *out, const char *text, size_t columns)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(1u << 16);
    term_put_text(&clean, text);
    if (text_columns(str_text(&clean)) <= columns) {
        (void)str_append(out, str_text(&clean));
        return;
    }
    size_t room = columns > 3 ? columns - 3 : 0;
    while (clean.len > 0 && text_columns(clean.data) > room) {
        do {
            clean.len--;
        } while (clean.len > 0 && ((unsigned char)clean.data[clean.len] & 0xC0) == 0x80);
        clean.data[clean.len] = '\0';
    }
    (void)str_append(out, str_text(&clean));
    (void)str_append(out, &"..."[columns < 3 ? 3 - columns : 0]);
}

void render_gate(const struct gate_result *gate, struct str *out)
{
    term_put_text(out, gate->rule.metric);
    if (gate_is_unmeasured(gate)) {
        (void)str_append(out, " was not measured");
    } else if (gate->known) {
        (void)str_appendf(out, " is %g", gate->value);
    } else {
        (void)str_append(out, " was not reported");
    }
    if (gate->rule.has_min) {
        (void)str_appendf(out, ", must be at least %g", gate->rule.min);
    }
    if (gate->rule.has_max) {
        (void)str_appendf(
            out, "%s at most %g", gate->rule.has_min ? " and" : ", must be", gate->rule.max);
    }
}

void term_put_tally(struct str *out, const struct tally *tally)
{
    const struct {
        uint64_t count;
        const char *word;
    } parts[] = {
        {tally->passed,    "passed"   },
        {tally->failed,    "failed"   },
        {tally->errored,   "errored"  },
        {tally->timed_out, "timed out"},
        {tally->skipped,   "skipped"  },
        {tally->not_run,   "not run"  },
        {tally->flaky,     "flaky"    },
    };

    bool first = true;
    term_put_count(out, tally->units, "unit");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].count > 0) {
            (void)str_appendf(
                out, "%s%" PRIu64 " %s", first ? ": " : ", ", parts[i].count, parts[i].word);
            first = false;
        }
    }
}

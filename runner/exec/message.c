/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/message.h"

#include "base/limits.h"
#include "model/trace.h"

#include <errno.h>
#include <string.h>

int message_put_world(struct str *out, const struct slot_world *slot)
{
    const struct world *world = &slot->world;
    wire_begin(out, WIRE_WORLD);
    wire_put_text(out, world->root);
    wire_put_u64(out, world->isolated);
    wire_put_u64(out, world->network);
    wire_put_text(out, world->lower);
    wire_put_text(out, world->products);
    wire_put_text(out, world->plugin_dir);
    wire_put_texts(out, &world->expose);
    wire_put_u64(out, world->scratch_max);
    wire_put_text(out, slot->run_dir);
    wire_put_u64(out, slot->slot);
    return wire_end(out);
}

int message_get_world(struct wire_reader *reader, struct slot_world *ret_world)
{
    struct slot_world slot;
    slot.world.root = wire_get_text(reader);
    slot.world.isolated = wire_get_u64(reader) != 0;
    slot.world.network = wire_get_u64(reader) != 0;
    slot.world.lower = wire_get_text(reader);
    slot.world.products = wire_get_text(reader);
    slot.world.plugin_dir = wire_get_text(reader);
    slot.world.expose = wire_get_texts(reader);
    slot.world.scratch_max = wire_get_u64(reader);
    slot.run_dir = wire_get_text(reader);
    slot.slot = (unsigned)wire_get_u64(reader);
    if (reader->broken || slot.world.root == NULL || slot.run_dir == NULL) {
        return -EBADMSG;
    }
    *ret_world = slot;
    return 0;
}

int message_put_request(struct str *out, const struct slot_request *request)
{
    wire_begin(out, WIRE_RUN);
    wire_put_texts(out, &request->argv);
    wire_put_texts(out, &request->env);
    wire_put_text(out, request->cwd);
    wire_put_text(out, request->input);
    wire_put_u64(out, (uint64_t)request->timeout_ms);
    wire_put_u64(out, request->output_max);
    wire_put_u64(out, request->output_is_data);
    wire_put_u64(out, request->errors_max);
    wire_put_u64(out, request->observe);
    wire_put_u64(out, request->report);
    wire_put_text(out, request->report_path);
    wire_put_texts(out, &request->products);
    wire_put_texts(out, &request->outputs);
    wire_put_text(out, request->output_dir);
    wire_put_texts(out, &request->artifacts);
    wire_put_text(out, request->artifact_dir);
    return wire_end(out);
}

int message_get_request(struct wire_reader *reader, struct slot_request *ret_request)
{
    struct slot_request request;
    request.argv = wire_get_texts(reader);
    request.env = wire_get_texts(reader);
    request.cwd = wire_get_text(reader);
    request.input = wire_get_text(reader);
    request.timeout_ms = (int64_t)wire_get_u64(reader);
    request.output_max = wire_get_u64(reader);
    request.output_is_data = wire_get_u64(reader) != 0;
    request.errors_max = wire_get_u64(reader);
    request.observe = wire_get_u64(reader) != 0;
    request.report = (enum report_format)wire_get_u64(reader);
    request.report_path = wire_get_text(reader);
    request.products = wire_get_texts(reader);
    request.outputs = wire_get_texts(reader);
    request.output_dir = wire_get_text(reader);
    request.artifacts = wire_get_texts(reader);
    request.artifact_dir = wire_get_text(reader);
    if (reader->broken || request.argv.count == 0) {
        return -EBADMSG;
    }
    *ret_request = request;
    return 0;
}

void message_put_case(struct str *out, const struct test_case *test_case)
{
    uint64_t time_bits;
    memcpy(&time_bits, &test_case->time_s, sizeof time_bits);
    wire_put_text(out, test_case->suite);
    wire_put_text(out, test_case->classname);
    wire_put_text(out, test_case->name);
    wire_put_text(out, test_case->file);
    wire_put_text(out, test_case->message);
    wire_put_text(out, test_case->type);
    wire_put_text(out, test_case->details);
    wire_put_text(out, test_case->output);
    wire_put_u64(out, time_bits);
    wire_put_u64(out, test_case->line);
    wire_put_u64(out, test_case->status);
    wire_put_u64(out, test_case->flaky);
}

void message_get_case(struct wire_reader *reader, struct test_case *ret_case)
{
    ret_case->suite = wire_get_text(reader);
    ret_case->classname = wire_get_text(reader);
    ret_case->name = wire_get_text(reader);
    ret_case->file = wire_get_text(reader);
    ret_case->message = wire_get_text(reader);
    ret_case->type = wire_get_text(reader);
    ret_case->details = wire_get_text(reader);
    ret_case->output = wire_get_text(reader);
    uint64_t time_bits = wire_get_u64(reader);
    memcpy(&ret_case->time_s, &time_bits, sizeof time_bits);
    ret_case->line = (uint32_t)wire_get_u64(reader);
    ret_case->status = (enum outcome_status)wire_get_u64(reader);
    ret_case->flaky = wire_get_u64(reader) != 0;
    if (ret_case->status >= OUTCOME_STATUS_COUNT) {
        reader->broken = true;
        ret_case->status = OUTCOME_ERRORED;
    }
}

static void put_capture(struct str *out, const struct capture *capture)
{
    wire_put_text(out, capture->file);
    wire_put_u64(out, capture->offset);
    wire_put_u64(out, capture->len);
    wire_put_u64(out, capture->dropped);
}

static struct capture get_capture(struct wire_reader *reader)
{
    struct capture capture;
    capture.file = wire_get_text(reader);
    capture.offset = wire_get_u64(reader);
    capture.len = wire_get_u64(reader);
    capture.dropped = wire_get_u64(reader);
    return capture;
}

static void put_trace(struct str *out, const struct trace *trace)
{
    wire_put_u64(out, trace != NULL);
    if (trace == NULL) {
        return;
    }
    wire_put_u64(out, trace->flags);
    wire_put_text(out, trace->why);
    wire_put_u64(out, trace->calls);
    wire_put_u64(out, trace->count);
    for (size_t i = 0; i < trace->count; i++) {
        wire_put_u64(out, trace->items[i].kind);
        wire_put_text(out, trace->items[i].path);
    }
}

static const struct trace *get_trace(struct wire_reader *reader)
{
    if (wire_get_u64(reader) == 0) {
        return NULL;
    }
    struct trace *trace = arena_alloc(reader->arena, sizeof *trace);
    if (trace == NULL) {
        reader->broken = true;
        return NULL;
    }
    trace->flags = (unsigned)wire_get_u64(reader);
    trace->why = wire_get_text(reader);
    trace->calls = wire_get_u64(reader);
    const uint64_t count = wire_get_u64(reader);
    struct observation *items =
        count <= reader->len ? arena_calloc(reader->arena, (size_t)count, sizeof *items) : NULL;
    for (size_t i = 0; items != NULL && i < count; i++) {
        items[i].kind = (enum observation_kind)wire_get_u64(reader);
        items[i].path = wire_get_text(reader);
        reader->broken = reader->broken || items[i].path == NULL;
    }
    reader->broken = reader->broken || items == NULL;
    trace->items = items;
    trace->count = items != NULL ? (size_t)count : 0;
    return trace;
}

int message_put_result(struct str *out, const struct slot_result *result)
{
    const struct outcome *outcome = &result->outcome;
    wire_begin(out, WIRE_RESULT);
    wire_put_u64(out, outcome->status);
    wire_put_u64(out, (uint64_t)(int64_t)outcome->exit_code);
    wire_put_u64(out, (uint64_t)outcome->signal);
    wire_put_u64(out, outcome->flags);
    wire_put_text(out, outcome->message);
    wire_put_text(out, outcome->hint);
    wire_put_text(out, outcome->warning);
    wire_put_u64(out, (uint64_t)outcome->started_ms);
    wire_put_u64(out, (uint64_t)outcome->wall_ns);
    wire_put_u64(out, (uint64_t)outcome->cpu_user_us);
    wire_put_u64(out, (uint64_t)outcome->cpu_sys_us);
    wire_put_u64(out, (uint64_t)outcome->max_rss_kib);
    put_capture(out, &outcome->out);
    put_capture(out, &outcome->err);
    wire_put_u64(out, result->renew);
    put_trace(out, outcome->trace);
    wire_put_u64(out, outcome->cases.count);
    for (size_t i = 0; i < outcome->cases.count; i++) {
        message_put_case(out, &outcome->cases.items[i]);
    }
    return wire_end(out);
}

static void get_cases(struct wire_reader *reader, struct case_list *ret_cases)
{
    uint64_t count = wire_get_u64(reader);
    if (count > CASES_PER_UNIT_MAX) {
        reader->broken = true;
        return;
    }
    struct test_case *items = arena_calloc(reader->arena, (size_t)count, sizeof *items);
    for (size_t i = 0; items != NULL && i < count; i++) {
        message_get_case(reader, &items[i]);
    }
    reader->broken = reader->broken || items == NULL;
    *ret_cases = (struct case_list){items, (size_t)count};
}

int message_get_result(struct wire_reader *reader, struct slot_result *ret_result)
{
    struct slot_result result = {
        .outcome = {.final = true, .attempt = 1}
    };
    struct outcome *outcome = &result.outcome;
    outcome->status = (enum outcome_status)wire_get_u64(reader);
    outcome->exit_code = (int)(int64_t)wire_get_u64(reader);
    outcome->signal = (int)wire_get_u64(reader);
    outcome->flags = (unsigned)wire_get_u64(reader);
    outcome->message = wire_get_text(reader);
    outcome->hint = wire_get_text(reader);
    outcome->warning = wire_get_text(reader);
    outcome->started_ms = (int64_t)wire_get_u64(reader);
    outcome->wall_ns = (int64_t)wire_get_u64(reader);
    outcome->cpu_user_us = (int64_t)wire_get_u64(reader);
    outcome->cpu_sys_us = (int64_t)wire_get_u64(reader);
    outcome->max_rss_kib = (int64_t)wire_get_u64(reader);
    outcome->out = get_capture(reader);
    outcome->err = get_capture(reader);
    result.renew = wire_get_u64(reader) != 0;
    outcome->trace = get_trace(reader);
    get_cases(reader, &outcome->cases);
    if (reader->broken || outcome->status >= OUTCOME_STATUS_COUNT) {
        return -EBADMSG;
    }
    *ret_result = result;
    return 0;
}

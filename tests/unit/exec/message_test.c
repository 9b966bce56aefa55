/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/message.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

static struct wire_reader reader_of(const struct str *message, struct arena *arena)
{
    return (struct wire_reader){.data = str_text(message),
                                .len = message->len,
                                .at = sizeof(struct wire_header),
                                .arena = arena};
}

static void put_sample_result(struct str *out)
{
    static const struct test_case cases[] = {
        {.suite = "s",     .name = "one", .time_s = 1.5, .status = OUTCOME_PASSED, .flaky = true},
        { .name = "",
         .message = "why",
         .details = "all\nof it",
         .time_s = -1,
         .line = 7,
         .status = OUTCOME_FAILED},
    };
    const struct slot_result result = {
        .outcome = {.status = OUTCOME_FAILED,
                    .exit_code = -1,
                    .signal = 11,
                    .flags = FLAG_KILLED,
                    .message = "crashed",
                    .wall_ns = 123456789012,
                    .out = {.file = "out.3", .offset = 1ULL << 40, .len = 5, .dropped = 9},
                    .cases = {cases, 2}},
        .renew = true,
    };
    assert_int_equal(message_put_result(out, &result), 0);
}

TEST(a_result_survives_the_wire)
{
    CLEANUP(str_fini) struct str message = STR_INIT(1 << 20);
    struct arena *arena = arena_new(1 << 20);
    struct slot_result back;
    put_sample_result(&message);
    struct wire_reader reader = reader_of(&message, arena);
    assert_int_equal(message_get_result(&reader, &back), 0);
    assert_int_equal(reader.at, reader.len);
    assert_int_equal(back.outcome.status, OUTCOME_FAILED);
    assert_int_equal(back.outcome.exit_code, -1);
    assert_string_equal(back.outcome.message, "crashed");
    assert_null(back.outcome.hint);
    assert_string_equal(back.outcome.out.file, "out.3");
    assert_true(back.outcome.out.offset == 1ULL << 40);
    assert_null(back.outcome.err.file);
    assert_true(back.renew);
    assert_int_equal(back.outcome.cases.count, 2);
    assert_true(back.outcome.cases.items[0].flaky);
    assert_true(back.outcome.cases.items[0].time_s > 1.49
                && back.outcome.cases.items[0].time_s < 1.51);
    assert_string_equal(back.outcome.cases.items[1].name, "");
    assert_string_equal(back.outcome.cases.items[1].details, "all\nof it");
    arena_free(arena);
}

TEST(a_message_cut_anywhere_is_refused)
{
    CLEANUP(str_fini) struct str message = STR_INIT(1 << 20);
    put_sample_result(&message);
    for (size_t len = sizeof(struct wire_header); len < message.len; len++) {
        struct arena *arena = arena_new(1 << 20);
        struct slot_result back;
        struct wire_reader reader = reader_of(&message, arena);
        reader.len = len;
        assert_int_equal(message_get_result(&reader, &back), -EBADMSG);
        arena_free(arena);
    }
}

TEST(random_damage_never_reads_outside)
{
    CLEANUP(str_fini) struct str message = STR_INIT(1 << 20);
    srand(7);
    for (int round = 0; round < 3000; round++) {
        struct arena *arena = arena_new(1 << 20);
        struct slot_result back;
        put_sample_result(&message);
        for (int i = 0; i < 3; i++) {
            size_t at = sizeof(struct wire_header)
                        + (size_t)rand() % (message.len - sizeof(struct wire_header));
            message.data[at] = (char)rand();
        }
        struct wire_reader reader = reader_of(&message, arena);
        (void)message_get_result(&reader, &back);
        arena_free(arena);
    }
}

TEST(messages_are_found_in_a_stream)
{
    CLEANUP(str_fini) struct str message = STR_INIT(1 << 20);
    CLEANUP(str_fini) struct str got = STR_INIT(1 << 20);
    int ends[2];
    enum wire_type type;
    size_t size = 0;
    struct err err = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    put_sample_result(&message);
    assert_int_equal(wire_complete(&message, &type, &size), 1);
    assert_int_equal(size, message.len);
    assert_true(write(ends[0], message.data, message.len) == (ssize_t)message.len);
    assert_int_equal(wire_receive(ends[1], &got, &type, &err), 1);
    assert_int_equal(type, WIRE_RESULT);
    assert_int_equal(got.len, message.len);
    assert_true(write(ends[0], message.data, 5) == 5);
    (void)close(ends[0]);
    assert_int_equal(wire_receive(ends[1], &got, &type, &err), -EPIPE);
    (void)close(ends[1]);
    struct str part = message;
    part.len = message.len - 1;
    assert_int_equal(wire_complete(&part, &type, &size), 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "base/mem.h"
#include "cli/run_id.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

#define WORDS_MAX 16

/* Splits at blanks, for short command lines in tests. */
struct line {
    char text[256];
    const char *argv[WORDS_MAX];
    int argc;
};

static void line_set(struct line *line, const char *text)
{
    *line = (struct line){.argv = {"sluice"}, .argc = 1};
    assert_true(strlen(text) < sizeof line->text);
    memcpy(line->text, text, strlen(text) + 1);
    char *rest = NULL;
    for (char *word = strtok_r(line->text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        assert_true(line->argc < WORDS_MAX);
        line->argv[line->argc++] = word;
    }
}

static struct line the_line;

static struct invocation understood(const char *text)
{
    struct invocation in = {0};
    struct err err = {0};
    line_set(&the_line, text);
    if (options_parse(the_line.argc, the_line.argv, &in, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return in;
}

/* Parses what must be refused; the message must have `part` in it. */
static void refused(const char *text, const char *part)
{
    struct invocation in = {.jobs = 77};
    struct err err = {0};
    line_set(&the_line, text);
    assert_int_equal(options_parse(the_line.argc, the_line.argv, &in, &err), -EINVAL);
    assert_int_equal(err.code, -EINVAL);
    if (strstr(err.text, part) == NULL) {
        fail_msg("%s\n  said: %s\n  want: %s", text, err.text, part);
    }
    assert_int_equal(in.jobs, 77); /* untouched */
}

TEST(a_value_may_be_glued_by_equals_or_stand_behind)
{
    struct invocation in = understood("run --junit=a.xml --events b.ndjson --filter x");
    assert_string_equal(in.command->name, "run");
    assert_string_equal(in.junit, "a.xml");
    assert_string_equal(in.events, "b.ndjson");
    assert_string_equal(in.filter, "x");
    assert_int_equal(in.args.count, 0);
    invocation_fini(&in);
}

TEST(a_letter_takes_its_value_glued_or_behind_and_flags_may_stand_together)
{
    struct invocation in = understood("run -j3");
    assert_int_equal(in.jobs, 3);
    invocation_fini(&in);
    in = understood("run -j 4");
    assert_int_equal(in.jobs, 4);
    invocation_fini(&in);
    in = understood("run -qj5");
    assert_int_equal(in.jobs, 5);
    assert_true(in.quiet);
    invocation_fini(&in);
    in = understood("run -qj 6 unit");
    assert_int_equal(in.jobs, 6);
    assert_string_equal(in.args.items[0], "unit");
    invocation_fini(&in);
}

TEST(words_and_options_may_be_in_any_order_and_two_dashes_end_the_options)
{
    struct invocation in = understood("-C there run unit --fail-fast mutation -- --junit");
    assert_string_equal(in.directory, "there");
    assert_true(in.fail_fast);
    assert_int_equal(in.args.count, 3);
    assert_string_equal(in.args.items[0], "unit");
    assert_string_equal(in.args.items[1], "mutation");
    assert_string_equal(in.args.items[2], "--junit");
    assert_null(in.args.items[3]);
    assert_null(in.junit);
    invocation_fini(&in);
}

TEST(a_lone_dash_is_a_word)
{
    struct invocation in = understood("lint -");
    assert_string_equal(in.args.items[0], "-");
    invocation_fini(&in);
}

TEST(every_kind_of_value_is_understood)
{
    struct invocation in = understood("run --shard 2/4 --budget 1h30m --max-fail 7 --when changed");
    assert_int_equal(in.shard.index, 2);
    assert_int_equal(in.shard.count, 4);
    assert_int_equal(in.budget_ms, 90 * 60 * 1000);
    assert_int_equal(in.max_fail, 7);
    assert_int_equal(in.when, WHEN_CHOICE_CHANGED);
    invocation_fini(&in);
    in = understood("plan --sandbox=none --seed 18446744073709551615 --color never --json");
    assert_int_equal(in.sandbox, SANDBOX_CHOICE_NONE);
    assert_true(in.seed == UINT64_MAX);
    assert_int_equal(in.color, COLOR_NEVER);
    assert_true(in.json);
    invocation_fini(&in);
}

TEST(values_not_given_mean_as_the_pipeline_says)
{
    struct invocation in = understood("run");
    assert_int_equal(in.when, WHEN_CHOICE_PIPELINE);
    assert_int_equal(in.sandbox, SANDBOX_CHOICE_PIPELINE);
    assert_int_equal(in.color, COLOR_AUTO);
    assert_int_equal(in.jobs, 0);
    assert_int_equal(in.shard.count, 0);
    assert_false(in.resume.given);
    assert_false(in.rerun_failed);
    assert_int_equal(in.budget_ms, 0);
    invocation_fini(&in);
}

TEST(resume_takes_a_run_id_but_no_layer)
{
    struct invocation in = understood("run --resume");
    assert_true(in.resume.given);
    assert_null(in.resume.run);
    invocation_fini(&in);
    in = understood("run --resume unit");
    assert_true(in.resume.given);
    assert_null(in.resume.run);
    assert_string_equal(in.args.items[0], "unit");
    invocation_fini(&in);
    in = understood("run --resume 20261122T090000-4f2a unit");
    assert_string_equal(in.resume.run, "20261122T090000-4f2a");
    assert_int_equal(in.args.count, 1);
    invocation_fini(&in);
    in = understood("run --resume=20261122T090000-4f2a");
    assert_string_equal(in.resume.run, "20261122T090000-4f2a");
    invocation_fini(&in);
    refused("run --resume=yesterday", "not the id of a run");
}

TEST(of_a_repeated_option_the_last_counts_unless_both_would_seem_to)
{
    struct invocation in = understood("run -j2 -j3 --change a --change b");
    assert_int_equal(in.jobs, 3);
    assert_string_equal(in.change, "b");
    invocation_fini(&in);
    refused("run --filter a --filter b", "given twice; join both by `and`");
    refused("run --junit a --junit b", "given twice; a second file is --report junit=FILE");
    refused("report --junit=a --junit=a", "given twice");
    refused("run --events a --events b", "given twice; it is written into one file");
}

TEST(unknown_words_are_refused_with_a_guess)
{
    refused("rnu", "unknown command \"rnu\"; did you mean \"run\"?");
    refused("versoin", "did you mean \"version\"?");
    refused("xyzzyplugh", "unknown command \"xyzzyplugh\" (");
    refused("run --fitler x", "unknown option --fitler; did you mean --filter?");
    refused("run --junti=x", "unknown option --junti; did you mean --junit?");
    refused("run -x", "unknown option -x");
    refused("run -qx", "unknown option -x");
    /* hidden commands are never guessed */
    refused("slo", "unknown command \"slo\" (");
}

TEST(an_option_of_another_command_says_where_it_belongs)
{
    refused("lint --junit x", "--junit is no option of `sluice lint`; it belongs to: run, report");
    refused("--filter x run", "--filter must stand behind the command");
    refused("doctor --reference", "belongs to: schema");
}

TEST(wrong_values_are_refused_with_what_is_right)
{
    refused("run -j0", "--jobs 0: must be a whole number from 1 to 1024");
    refused("run -j1025", "from 1 to 1024");
    refused("run -j two", "--jobs two");
    refused("run -j -1", "--jobs -1");
    refused("run --jobs 4294967298", "from 1 to 1024");
    refused("run --shard 0/4", "must be I/N");
    refused("run --shard 5/4", "must be I/N");
    refused("run --shard 3", "must be I/N");
    refused("run --shard /", "must be I/N");
    refused("run --shard 1/99999999999999999999", "must be I/N");
    refused("run --shard 00000000000000000001/2", "must be I/N");
    refused("run --budget 0", "above zero");
    refused("run --budget soon", "--budget");
    refused("run --color alwys", "did you mean \"always\"?");
    refused("run --when", "--when needs a value: --when always|changed");
    refused("run --when=", "must be always|changed");
    refused("run --seed 18446744073709551616", "whole number");
    refused("run --seed -1", "whole number");
    refused("run --junit=", "must not be empty");
    refused("run --quiet=yes", "takes no value");
    refused("run --max-fail 0", "--max-fail 0");
}

TEST(what_contradicts_itself_is_refused)
{
    refused("run --quiet --verbose", "cannot both be meant");
    refused("run --resume --rerun-failed", "choose one");
    refused("run --fail-fast --max-fail 3", "contradicts");
    refused("run --repeat 3 --resume", "--resume chooses them by what ended before: choose one");
    refused("run --rerun-failed --repeat 3", "--rerun-failed chooses them by what ended before");
    refused("schema extra", "\"extra\" is one word too many: sluice schema");
    refused("version b", "\"b\" is one word too many: sluice version");
}

TEST(help_and_version_are_understood_wherever_they_stand)
{
    struct invocation in = understood("run --help");
    assert_true(in.help);
    invocation_fini(&in);
    in = understood("--help");
    assert_true(in.help);
    assert_null(in.command);
    invocation_fini(&in);
    in = understood("-h");
    assert_true(in.help);
    invocation_fini(&in);
    in = understood("--version");
    assert_true(in.version);
    invocation_fini(&in);
    /* whoever asks for help is not lectured about the rest */
    in = understood("schema extra --help");
    assert_true(in.help);
    invocation_fini(&in);
}

TEST(no_word_at_all_is_no_command)
{
    struct invocation in = understood("");
    assert_null(in.command);
    invocation_fini(&in);
}

TEST(short_memory_is_an_error_that_leaves_the_invocation_alone)
{
    struct invocation in = {.jobs = 77};
    struct err err = {0};
    line_set(&the_line, "run -j2");
    (void)mem_fail_from(1);
    const int rc = options_parse(the_line.argc, the_line.argv, &in, &err);
    (void)mem_fail_from(0);
    assert_int_equal(rc, -ENOMEM);
    assert_int_equal(in.jobs, 77);
}

TEST(names_and_letters_of_options_are_unique_in_a_command_and_explained)
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(table[i].help != NULL && table[i].help[0] != '\0');
        assert_true(table[i].commands != 0);
        assert_int_equal(table[i].argument == NULL, table[i].kind == OPTION_FLAG);
        assert_int_equal(table[i].words != NULL, table[i].kind == OPTION_WORD);
        assert_int_equal(table[i].max != 0, table[i].kind == OPTION_NUMBER);
        for (size_t k = 0; k < i; k++) {
            const bool same = strcmp(table[i].name, table[k].name) == 0;
            assert_true(!same || (table[i].commands & table[k].commands) == 0);
            assert_false(table[i].letter != '\0' && table[i].letter == table[k].letter);
            assert_true(same || table[i].offset != table[k].offset);
        }
    }
}

TEST(sizes_have_units_and_limits)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0",          0                      },
        {"12",         12                     },
        {"12B",        12                     },
        {"5kB",        5000                   },
        {"5KiB",       5120                   },
        {"300MB",      300000000              },
        {"5GiB",       UINT64_C(5) << 30      },
        {"2TiB",       UINT64_C(2) << 40      },
        {"7TB",        UINT64_C(7000000000000)},
        {"8388607TiB", UINT64_C(8388607) << 40},
    };

    static const char *const bad[] = {
        "", "GiB", "-1", "5 GiB", "5gib", "5.5GiB", "8388608TiB", "99999999999999999999", "0x10"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const char *const argv[] = {"sluice", "cache", "gc", "--budget", good[i].text};
        struct invocation invocation = {.argc = 0};
        assert_int_equal(options_parse(5, argv, &invocation, NULL), 0);
        assert_true(invocation.cache.budget.given);
        assert_true(invocation.cache.budget.bytes == good[i].bytes);
        invocation_fini(&invocation);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const argv[] = {"sluice", "cache", "gc", "--budget", bad[i]};
        struct invocation invocation = {.argc = 0};
        struct err err = {0};
        assert_int_equal(options_parse(5, argv, &invocation, &err), -EINVAL);
        assert_non_null(strstr(err.text, "5GiB"));
    }
}

TEST(one_name_may_mean_different_things_to_two_commands)
{
    const char *const run[] = {"sluice", "run", "--budget", "10m"};
    const char *const cache[] = {"sluice", "cache", "gc", "--budget=10MB"};
    struct invocation invocation = {.argc = 0};
    assert_int_equal(options_parse(4, run, &invocation, NULL), 0);
    assert_true(invocation.budget_ms == 600000 && !invocation.cache.budget.given);
    invocation_fini(&invocation);
    assert_int_equal(options_parse(4, cache, &invocation, NULL), 0);
    assert_true(invocation.budget_ms == 0 && invocation.cache.budget.bytes == 10000000);
    invocation_fini(&invocation);
}

TEST(a_run_id_is_utc_time_and_four_digits)
{
    char id[RUN_ID_SIZE];
    assert_string_equal(run_id_format(1795338000000, 0x2a, id), "20261122T090000-002a");
    assert_string_equal(run_id_format(1795338000500, 0x2a, id), "20261122T090000-802a");
    assert_string_equal(run_id_format(1795338000999, 0xff, id), "20261122T090000-ffff");
    assert_true(run_id_is_valid(id));
    assert_string_equal(run_id_format(0, 1, id), "19700101T000000-0001");
    assert_true(run_id_is_valid(id));
}

TEST(what_is_no_run_id_is_told_apart)
{
    assert_false(run_id_is_valid(""));
    assert_false(run_id_is_valid("20261122T090000-4f2"));
    assert_false(run_id_is_valid("20261122T090000-4f2ab"));
    assert_false(run_id_is_valid("20261122T090000-4F2A"));
    assert_false(run_id_is_valid("20261122 090000-4f2a"));
    assert_false(run_id_is_valid("2026112xT090000-4f2a"));
    assert_false(run_id_is_valid("../../../../etc/pass"));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "cli/past_run.h"
#include "cli/run_id.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One parse under way. */
struct parser {
    const char *const *argv;
    int argc;
    int next; /* index of the word to look at */
    struct invocation out;
    const char **words;
    size_t word_count;
    bool seen[OPTIONS_MAX];
};

void invocation_fini(struct invocation *invocation)
{
    /* the list owns its array; the pointer is const for its readers only */
    mem_free((void *)(uintptr_t)invocation->args.items);
    invocation->args = (struct text_list){0};
}

/* ---- values, one function per kind ---- */

/* Digits only: no sign, no blank, no other base. */
static int number_parse(const char *text, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (*text == '\0') {
        return -EINVAL;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -EINVAL;
        }
        const uint64_t digit = (uint64_t)(*text - '0');
        if (value > (max - digit) / 10) {
            return -ERANGE;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return 0;
}

static int set_flag(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    (void)spec;
    (void)text;
    (void)err;
    *(bool *)field = true;
    return 0;
}

static int set_text(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    if (text[0] == '\0') {
        return err_set(err, -EINVAL, "--%s: %s must not be empty", spec->name, spec->argument);
    }
    *(const char **)field = text;
    return 0;
}

static int set_number(const struct option_spec *spec,
                      void *field,
                      const char *text,
                      struct err *err)
{
    uint64_t value = 0;
    if (number_parse(text, spec->max, &value) != 0 || value == 0) {
        return err_set(err,
                       -EINVAL,
                       "--%s %s: must be a whole number from 1 to %u",
                       spec->name,
                       text,
                       spec->max);
    }
    *(unsigned *)field = (unsigned)value;
    return 0;
}

static int set_seed(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    uint64_t value = 0;
    if (number_parse(text, UINT64_MAX, &value) != 0) {
        return err_set(err,
                       -EINVAL,
                       "--%s %s: must be a whole number from 0 to 18446744073709551615",
                       spec->name,
                       text);
    }
    *(uint64_t *)field = value;
    return 0;
}

static int set_share(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    return share_parse(text, field) == 0
               ? 0
               : err_set(err,
                         -EINVAL,
                         "--%s %s: must be a share from 0%% to 100%%, e.g. 1%%",
                         spec->name,
                         text);
}

static int set_duration(const struct option_spec *spec,
                        void *field,
                        const char *text,
                        struct err *err)
{
    int64_t ms = 0;
    if (duration_parse(text, &ms, err) != 0) {
        return err_wrap(err, "--%s", spec->name);
    }
    if (ms == 0) {
        return err_set(
            err, -EINVAL, "--%s %s: must be above zero, e.g. 90s or 6h", spec->name, text);
    }
    *(int64_t *)field = ms;
    return 0;
}

/* Digits and a unit: B, kB, MB, GB, TB in thousands, KiB, MiB, GiB, TiB in steps of 1024. */
static int set_size(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        {"",    1                      },
        {"B",   1                      },
        {"kB",  1000                   },
        {"MB",  1000000                },
        {"GB",  1000000000             },
        {"TB",  UINT64_C(1000000000000)},
        {"KiB", UINT64_C(1) << 10      },
        {"MiB", UINT64_C(1) << 20      },
        {"GiB", UINT64_C(1) << 30      },
        {"TiB", UINT64_C(1) << 40      },
    };

    char digits[24] = "";
    uint64_t number = 0;
    const size_t len = strspn(text, "0123456789");
    if (len < sizeof digits) {
        memcpy(digits, text, len);
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + len, units[i].name) == 0
            && number_parse(digits, INT64_MAX / units[i].bytes, &number) == 0) {
            *(struct size_choice *)field = (struct size_choice){true, number * units[i].bytes};
            return 0;
        }
    }
    return err_set(
        err, -EINVAL, "--%s %s: must be a size, e.g. 5GiB, 300MB or 0", spec->name, text);
}

/* Behind what names no folder: "./a//b" is "a/b". */
static const char *skip_no_name(const char *at, bool begins)
{
    for (;;) {
        if (begins && at[0] == '.' && at[1] == '/') {
            at += 2;
        } else if (begins && at[0] == '/') {
            at++;
        } else {
            return at;
        }
    }
}

static bool is_same_place(const char *a, const char *b)
{
    if ((a[0] == '/') != (b[0] == '/')) {
        return false;
    }
    bool begins = true;
    for (;;) {
        a = skip_no_name(a, begins);
        b = skip_no_name(b, begins);
        if (*a != *b || *a == '\0') {
            return *a == *b;
        }
        begins = *a == '/';
        a++;
        b++;
    }
}

static int set_report(const struct option_spec *spec,
                      void *field,
                      const char *text,
                      struct err *err)
{
    struct report_choices *choices = field;
    struct report_choice choice = {0};
    if (report_parse(text, &choice.kind, &choice.path, err) != 0) {
        return err_wrap(err, "--%s %s", spec->name, text);
    }
    for (size_t i = 0; i < choices->count; i++) {
        if (is_same_place(choices->items[i].path, choice.path)) {
            return err_set(
                err, -EINVAL, "--%s %s: %s is written already", spec->name, text, choice.path);
        }
    }
    if (choices->count == REPORTS_MAX) {
        return err_set(err, -EINVAL, "--%s: at most %d reports of a run", spec->name, REPORTS_MAX);
    }
    choices->items[choices->count++] = choice;
    return 0;
}

static int set_word(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    size_t count = 0;
    for (; spec->words[count] != NULL; count++) {
        if (text[0] != '\0' && strcmp(spec->words[count], text) == 0) {
            *(int *)field = (int)count;
            return 0;
        }
    }
    const char *near = text_nearest(text, spec->words, count);
    return err_set(err,
                   -EINVAL,
                   "--%s %s: must be %s%s%s%s",
                   spec->name,
                   text,
                   spec->argument,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

static int set_shard(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    const char *slash = strchr(text, '/');
    char first[16] = "";
    uint64_t index = 0;
    uint64_t count = 0;
    if (slash != NULL && (size_t)(slash - text) < sizeof first) {
        memcpy(first, text, (size_t)(slash - text));
        if (number_parse(first, SHARDS_MAX, &index) == 0
            && number_parse(slash + 1, SHARDS_MAX, &count) == 0 && index >= 1 && index <= count) {
            *(struct shard_choice *)field =
                (struct shard_choice){.index = (unsigned)index, .count = (unsigned)count};
            return 0;
        }
    }
    return err_set(err,
                   -EINVAL,
                   "--%s %s: must be I/N with 1 <= I <= N <= %d, e.g. 2/4 for the second of four",
                   spec->name,
                   text,
                   SHARDS_MAX);
}

static int set_run(const struct option_spec *spec, void *field, const char *text, struct err *err)
{
    if (strcmp(text, PAST_RUN_LATEST) == 0) {
        text = "";
    }
    if (text[0] != '\0' && !run_id_is_valid(text)) {
        return err_set(err,
                       -EINVAL,
                       "--%s=%s: not the id of a run (they look like 20261122T090000-4f2a); "
                       "`sluice report --list` shows them",
                       spec->name,
                       text);
    }
    *(struct run_choice *)field =
        (struct run_choice){.given = true, .run = text[0] != '\0' ? text : NULL};
    return 0;
}

static int (*const setters[OPTION_KIND_COUNT])(const struct option_spec *spec,
                                               void *field,
                                               const char *text,
                                               struct err *err) = {
    [OPTION_FLAG] = set_flag,
    [OPTION_TEXT] = set_text,
    [OPTION_ONCE] = set_text,
    [OPTION_NUMBER] = set_number,
    [OPTION_SEED] = set_seed,
    [OPTION_DURATION] = set_duration,
    [OPTION_WORD] = set_word,
    [OPTION_SHARD] = set_shard,
    [OPTION_RUN] = set_run,
    [OPTION_SHARE] = set_share,
    [OPTION_SIZE] = set_size,
    [OPTION_REPORT] = set_report,
};

/* ---- finding the option ---- */

/* Two commands may mean different things by one name: that of the command is preferred. */
static const struct option_spec *find_long(const struct parser *p, const char *name, size_t len)
{
    size_t count = 0;
    const struct option_spec *options = option_table(&count);
    const struct option_spec *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(options[i].name, name, len) != 0 || options[i].name[len] != '\0') {
            continue;
        }
        const bool here =
            p->out.command != NULL && (options[i].commands & p->out.command->bit) != 0;
        if (here || found == NULL) {
            found = &options[i];
        }
    }
    return found;
}

static const struct option_spec *find_letter(char letter)
{
    size_t count = 0;
    const struct option_spec *options = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (options[i].letter == letter && letter != '\0') {
            return &options[i];
        }
    }
    return NULL;
}

static unsigned command_bits(const struct parser *p)
{
    return p->out.command != NULL ? p->out.command->bit : COMMAND_ALL;
}

static int fail_unknown(const struct parser *p, const char *name, size_t len, struct err *err)
{
    size_t count = 0;
    const struct option_spec *options = option_table(&count);
    char word[64] = "";
    const char *names[OPTIONS_MAX] = {NULL};
    if (len < sizeof word) {
        memcpy(word, name, len);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = (options[i].commands & command_bits(p)) != 0 ? options[i].name : NULL;
    }
    const char *near = text_nearest(word, names, count);
    const char *command = p->out.command != NULL ? p->out.command->name : NULL;
    return err_set(err,
                   -EINVAL,
                   "unknown option --%.*s%s%s%s (`sluice help%s%s` lists them)",
                   (int)len,
                   name,
                   near != NULL ? "; did you mean --" : "",
                   near != NULL ? near : "",
                   near != NULL ? "?" : "",
                   command != NULL ? " " : "",
                   command != NULL ? command : "");
}

/* The option exists but not here: says where it does. */
static int fail_elsewhere(const struct parser *p, const struct option_spec *spec, struct err *err)
{
    struct str where = STR_INIT(256);
    size_t count = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if ((spec->commands & table[i].bit) != 0) {
            (void)str_appendf(&where, "%s%s", where.len > 0 ? ", " : "", table[i].name);
        }
    }
    if (p->out.command == NULL) {
        (void)err_set(err,
                      -EINVAL,
                      "--%s must stand behind the command: sluice %s --%s",
                      spec->name,
                      str_text(&where),
                      spec->name);
    } else {
        (void)err_set(err,
                      -EINVAL,
                      "--%s is no option of `sluice %s`; it belongs to: %s",
                      spec->name,
                      p->out.command->name,
                      str_text(&where));
    }
    str_fini(&where);
    return -EINVAL;
}

static int option_store(struct parser *p,
                        const struct option_spec *spec,
                        const char *text,
                        struct err *err)
{
    size_t count = 0;
    const size_t index = (size_t)(spec - option_table(&count));
    if (spec->kind == OPTION_ONCE && p->seen[index]) {
        return err_set(err, -EINVAL, "--%s is given twice; %s", spec->name, spec->instead);
    }
    p->seen[index] = true;
    void *field = (char *)&p->out + spec->offset;
    return setters[spec->kind](spec, field, text, err);
}

/* Handles an option with its value, where `value` is what was glued to it (NULL = nothing). */
static int option_take(struct parser *p,
                       const struct option_spec *spec,
                       const char *value,
                       struct err *err)
{
    const bool allowed = p->out.command != NULL ? (spec->commands & p->out.command->bit) != 0
                                                : spec->commands == COMMAND_ALL;
    if (!allowed) {
        return fail_elsewhere(p, spec, err);
    }
    if (spec->argument == NULL && value != NULL) {
        return err_set(
            err, -EINVAL, "--%s takes no value (it was given \"%s\")", spec->name, value);
    }
    if (spec->argument == NULL || value != NULL) {
        return option_store(p, spec, value != NULL ? value : "", err);
    }
    const char *next = p->next < p->argc ? p->argv[p->next] : NULL;
    if (spec->kind == OPTION_RUN && (next == NULL || !run_id_is_valid(next))) {
        return option_store(p, spec, "", err);
    }
    if (next == NULL) {
        return err_set(
            err, -EINVAL, "--%s needs a value: --%s %s", spec->name, spec->name, spec->argument);
    }
    p->next++;
    return option_store(p, spec, next, err);
}

static int take_long(struct parser *p, const char *name, struct err *err)
{
    const char *equals = strchr(name, '=');
    const size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct option_spec *spec = find_long(p, name, len);
    if (spec == NULL) {
        return fail_unknown(p, name, len, err);
    }
    return option_take(p, spec, equals != NULL ? equals + 1 : NULL, err);
}

static int fail_letter(const struct parser *p, char letter, struct err *err)
{
    const char *command = p->out.command != NULL ? p->out.command->name : NULL;
    return err_set(err,
                   -EINVAL,
                   "unknown option -%c (`sluice help%s%s` lists them)",
                   letter,
                   command != NULL ? " " : "",
                   command != NULL ? command : "");
}

/* "-qj2": flags may stand together, the last one may bring its value along. */
static int take_letters(struct parser *p, const char *letters, struct err *err)
{
    int rc = 0;
    for (; rc == 0 && *letters != '\0'; letters++) {
        const struct option_spec *spec = find_letter(*letters);
        if (spec == NULL) {
            return fail_letter(p, *letters, err);
        }
        if (spec->argument != NULL) {
            const char *glued = letters[1] == '=' ? letters + 2 : letters + 1;
            return option_take(p, spec, letters[1] != '\0' ? glued : NULL, err);
        }
        rc = option_take(p, spec, NULL, err);
    }
    return rc;
}

static int take_word(struct parser *p, const char *word, struct err *err)
{
    if (p->out.command != NULL) {
        p->words[p->word_count++] = word;
        return 0;
    }
    p->out.command = command_find(word);
    if (p->out.command == NULL) {
        const struct command *near = command_nearest(word);
        return err_set(err,
                       -EINVAL,
                       "unknown command \"%s\"%s%s%s (`sluice help` lists them)",
                       word,
                       near != NULL ? "; did you mean \"" : "",
                       near != NULL ? near->name : "",
                       near != NULL ? "\"?" : "");
    }
    return 0;
}

static int parse_words(struct parser *p, struct err *err)
{
    bool only_words = false;
    int rc = 0;
    while (rc == 0 && p->next < p->argc) {
        const char *word = p->argv[p->next++];
        if (only_words || word[0] != '-' || word[1] == '\0') {
            rc = take_word(p, word, err);
        } else if (strcmp(word, "--") == 0) {
            only_words = true;
        } else if (word[1] == '-') {
            rc = take_long(p, word + 2, err);
        } else {
            rc = take_letters(p, word + 1, err);
        }
    }
    return rc;
}

/* ---- what only makes sense together ---- */

/* Two reports in one file are none. What is no file, as /dev/stdout, takes both. Elsewhere - means
 * standard output: a file of that name in the tree surprises. */
static int check_place(const char *path, const char *const *others, size_t count, struct err *err)
{
    if (strcmp(path, "-") == 0) {
        return err_set(err,
                       -EINVAL,
                       "a report to - would be a file of that name: for standard output write "
                       "/dev/stdout, for the file ./-");
    }
    for (size_t i = 0; i < count; i++) {
        if (is_same_place(path, others[i]) && strncmp(path, "/dev/", 5) != 0) {
            return err_set(
                err, -EINVAL, "two of --junit, --report and --events would write %s", path);
        }
    }
    return 0;
}

static int check_places(const struct invocation *out, struct err *err)
{
    const char *paths[REPORTS_MAX + 2] = {NULL};
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < out->reports.count && rc == 0; i++) {
        rc = check_place(out->reports.items[i].path, NULL, 0, err);
        paths[count++] = out->reports.items[i].path;
    }
    if (rc == 0 && out->junit != NULL) {
        rc = check_place(out->junit, paths, count, err);
        paths[count++] = out->junit;
    }
    if (rc == 0 && out->events != NULL) {
        rc = check_place(out->events, paths, count, err);
    }
    return rc;
}

/* Options that each are right, and not together. */
static int check_together(const struct invocation *out, struct err *err)
{
    if (out->quiet && out->verbose) {
        return err_set(err, -EINVAL, "--quiet and --verbose cannot both be meant");
    }
    if (out->rerun_failed && out->resume.given) {
        return err_set(err,
                       -EINVAL,
                       "--resume goes on with an interrupted run, --rerun-failed starts a new one "
                       "from what failed: choose one");
    }
    if (out->repeat > 0 && (out->resume.given || out->rerun_failed)) {
        return err_set(err,
                       -EINVAL,
                       "--repeat begins new runs of the same units, %s chooses them by what ended "
                       "before: choose one",
                       out->resume.given ? "--resume" : "--rerun-failed");
    }
    if (out->fail_fast && out->max_fail > 1) {
        return err_set(
            err, -EINVAL, "--fail-fast means --max-fail 1; it contradicts the other one");
    }
    return check_places(out, err);
}

static int check_whole(const struct parser *p, struct err *err)
{
    const struct invocation *out = &p->out;
    if (out->command == NULL || out->help) {
        return 0;
    }
    if (p->word_count > out->command->args_max) {
        return err_set(err,
                       -EINVAL,
                       "\"%s\" is one word too many: sluice %s%s%s",
                       p->words[out->command->args_max],
                       out->command->name,
                       out->command->arguments[0] != '\0' ? " " : "",
                       out->command->arguments);
    }
    return check_together(out, err);
}

int options_parse(int argc,
                  const char *const *argv,
                  struct invocation *ret_invocation,
                  struct err *err)
{
    assert(argv != NULL);
    assert(ret_invocation != NULL);
    struct parser p = {.argv = argv, .argc = argc, .next = 1};
    p.words = mem_calloc((size_t)(argc > 0 ? argc : 0) + 1, sizeof *p.words);
    if (p.words == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    int rc = parse_words(&p, err);
    if (rc == 0) {
        rc = check_whole(&p, err);
    }
    if (rc != 0) {
        mem_free(p.words);
        return rc;
    }
    p.out.args = (struct text_list){.items = p.words, .count = p.word_count};
    p.out.argv = argv;
    p.out.argc = argc;
    *ret_invocation = p.out;
    return 0;
}

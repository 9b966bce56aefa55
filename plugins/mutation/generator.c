/* SPDX-License-Identifier: Apache-2.0 */
/* The user's command proposes mutants: it reads the file from standard input, has its path in
 * MUTANT_FILE, and prints a JSON object a line: {"start": 10, "end": 11, "text": "<="}, offsets in
 * bytes, with "operator" and "note" if it likes. It may be a model: nothing it says is believed
 * before it was looked at. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include "plugins/mutation/find_impl.h"
#include "plugins/sdk/sdk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What it may print for one file: all mutants there may be, of 256 bytes each. */
#define GENERATOR_OUTPUT_MAX ((size_t)FIND_MAX * 256)

/* Names of operators are read by people and stand in tables. */
#define GENERATOR_NAME_MAX 64

/* A function of some hundred lines; each survivor is shown with its text, in terminals, too. */
#define GENERATOR_TEXT_MAX (16u << 10)

struct proposal {
    int64_t start;
    int64_t end;
    const char *text;
    const char *name; /* of the operator */
    const char *note;
};

static bool is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strspn(name, allowed);
    return length > 0 && length <= GENERATOR_NAME_MAX && name[length] == '\0';
}

/* A byte that continues a character of UTF-8: nothing begins or ends there. */
static bool is_inside_character(const struct source *source, int64_t at)
{
    return at < source->size && ((unsigned char)source->text[at] & 0xc0) == 0x80;
}

static int check_proposal(const struct source *source, const struct proposal *in, struct err *err)
{
    if (in->start < 0 || in->end < in->start || in->end > source->size) {
        return err_set(err,
                       -EINVAL,
                       "bytes %lld to %lld are not in the file, which has %u",
                       (long long)in->start,
                       (long long)in->end,
                       source->size);
    }
    if (is_inside_character(source, in->start) || is_inside_character(source, in->end)) {
        return err_set(err, -EINVAL, "start and end must not cut a character of UTF-8 in two");
    }
    if (!is_name(in->name)) {
        return err_set(
            err,
            -EINVAL,
            "\"operator\" must be a word of letters, digits, '-', '_' and '.', %d at most",
            GENERATOR_NAME_MAX);
    }
    if (strlen(in->text) > GENERATOR_TEXT_MAX) {
        return err_set(err, -EFBIG, "\"text\" has more than %u bytes", GENERATOR_TEXT_MAX);
    }
    return 0;
}

static int take_line(struct finding *finding, const char *line, size_t length, struct err *err)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    struct proposal in = {.name = "generated"};
    const struct json_field fields[] = {
        {"start",    JSON_FIELD_INT,    true,  &in.start},
        {"end",      JSON_FIELD_INT,    true,  &in.end  },
        {"text",     JSON_FIELD_STRING, true,  &in.text },
        {"operator", JSON_FIELD_STRING, false, &in.name },
        {"note",     JSON_FIELD_STRING, false, &in.note },
    };
    int rc = json_parse(line, length, &object, err);
    rc = rc < 0 ? rc : json_read_object(object, fields, sizeof fields / sizeof fields[0], err);
    rc = rc < 0 ? rc : check_proposal(finding->source, &in, err);
    if (rc < 0 || !operators_enabled(finding->operators, in.name, false)) {
        return rc;
    }
    struct place place = {
        .extent = {(uint32_t)in.start, (uint32_t)in.end},
        .name = arena_strdup(finding->arena, in.name),
        .replacement = arena_strdup(finding->arena, in.text),
        .note = in.note != NULL ? arena_strdup(finding->arena, in.note) : NULL,
        .order = finding->order,
    };
    if (place.name == NULL || place.replacement == NULL
        || (in.note != NULL && place.note == NULL)) {
        return finding_short_of_memory(finding, err);
    }
    return finding_add(finding, &place, err);
}

static int take_lines(struct finding *finding, const struct str *printed, struct err *err)
{
    const char *at = str_text(printed);
    const char *end = at + printed->len;
    for (unsigned line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        size_t length = (size_t)(stop - at);
        if (length > 0 && take_line(finding, at, length, err) < 0) {
            return err_wrap(
                err, "%s: line %u of what operators.command printed", finding->source->path, line);
        }
        at = stop + 1;
    }
    return 0;
}

/* The text in a file without a name, so that what is mutated is what was parsed. */
static int text_file(const struct source *source, struct err *err)
{
    int fd = memfd_create("mutant", MFD_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "%s: cannot make a file in memory", source->path);
    }
    int rc = fd_write_all(fd, source->text, source->size);
    if (rc < 0) {
        (void)close(fd);
        return err_set(err, rc, "%s: cannot write a file in memory", source->path);
    }
    return fd;
}

int find_by_command(struct finding *finding, struct err *err)
{
    const char *command = finding->operators->command;
    if (command == NULL) {
        return 0;
    }
    CLEANUP(cleanup_fd) int fd = text_file(finding->source, err);
    if (fd < 0) {
        return fd;
    }
    char input[64];
    (void)snprintf(input, sizeof input, "/proc/%d/fd/%d", (int)getpid(), fd);
    const char *const argv[] = {
        "/bin/sh",
        "-c",
        "exec <\"$1\"; MUTANT_FILE=$2; export MUTANT_FILE; eval \"$3\"",
        "sh",
        input,
        finding->source->path,
        command,
        NULL,
    };
    CLEANUP(str_fini) struct str printed = STR_INIT(GENERATOR_OUTPUT_MAX);
    if (sdk_run(argv, finding->operators->root, &printed, err) < 0) {
        return err_wrap(err, "%s: operators.command (%s)", finding->source->path, command);
    }
    return take_lines(finding, &printed, err);
}

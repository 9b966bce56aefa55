/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin */
/* What a plugin prints: the first byte chooses between units, a selection of units "a", "b" and
 * "c", a judgement, and a schema with a value on the line after it. Whatever comes is either
 * refused with a message or keeps the promises of plugin.h. */
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "plugin/plugin.h"
#include "plugin/schema.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const metrics[] = {"score", "survivors", NULL};
static const struct plugin_description description = {
    .name = "fuzz", .judges = true, .metrics = {metrics, 2}
};

static int check_unit(void *context, const struct unit *unit)
{
    size_t *count = context;
    (*count)++;
    assert(unit->id[0] != '\0' && strlen(unit->id) <= ID_MAX);
    assert(strpbrk(unit->id, "\n\r\t\x1b") == NULL);
    assert(unit->argv[0] != NULL && unit->argv[0][0] != '\0');
    assert(unit->cwd == NULL || strcmp(unit->cwd, ".") == 0 || path_is_inside(unit->cwd));
    assert(unit->report_path == NULL || path_is_inside(unit->report_path));
    assert(unit->file == NULL || path_is_inside(unit->file));
    assert(unit->timeout_ms >= 0 && unit->cost_ms >= 0);
    assert(unit->locks.count == 0 || unit->locks.items[unit->locks.count] == NULL);
    return 0;
}

static void read_units(const char *file)
{
    struct arena *arena = arena_new(16u << 20);
    struct err err = {0};
    size_t count = 0;
    int status =
        plugin_read_units(&description, 0, &FILE_WHOLE(file), arena, check_unit, &count, &err);
    assert(status == 0 ? count > 0 : err.code == status && err.text[0] != '\0');
    arena_free(arena);
}

static void read_judgement(const char *file)
{
    struct arena *arena = arena_new(16u << 20);
    struct err err = {0};
    struct judgement judgement = {0};
    int status = plugin_read_judgement(&description, &FILE_WHOLE(file), arena, &judgement, &err);
    assert(status == 0 || (err.code == status && err.text[0] != '\0'));
    assert(judgement.metric_count <= 2);
    for (size_t i = 0; status == 0 && i < judgement.finding_count; i++) {
        const struct finding *finding = &judgement.findings[i];
        assert(finding->file == NULL || path_is_inside(finding->file));
        assert(finding->message[0] != '\0');
    }
    arena_free(arena);
}

static void read_selection(const char *file)
{
    struct arena *arena = arena_new(1u << 20);
    struct err err = {0};
    struct map positions = {0};
    struct plugin_selection selection = {0};
    bool seen[3] = {false};
    (void)map_put(&positions, "a", 0);
    (void)map_put(&positions, "b", 1);
    (void)map_put(&positions, "c", 2);
    int status =
        plugin_read_selection(&description, &FILE_WHOLE(file), &positions, arena, &selection, &err);
    assert(status == 0 ? selection.count > 0 : err.code == status && err.text[0] != '\0');
    for (size_t i = 0; i < selection.count; i++) {
        uint32_t position = selection.order[i];
        assert(position < 3 && !seen[position] && selection.taken[position]);
        seen[position] = true;
    }
    map_fini(&positions);
    arena_free(arena);
}

static void read_schema(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    if (newline == NULL) {
        return;
    }
    json_t *schema = NULL;
    json_t *value = NULL;
    struct err err = {0};
    struct str pointer = STR_INIT(4096);
    size_t rest = len - (size_t)(newline - text) - 1;
    if (json_parse(text, (size_t)(newline - text), &schema, &err) == 0
        && json_parse(newline + 1, rest, &value, &err) == 0 && schema_check(schema, &err) == 0) {
        int status = schema_validate(schema, value, &pointer, &err);
        assert(status == 0 || err.text[0] != '\0');
    }
    str_fini(&pointer);
    json_cleanup(&schema);
    json_cleanup(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char file[64];
    if (fd < 0) {
        fd = memfd_create("plugin", MFD_CLOEXEC);
        assert(fd >= 0);
        (void)snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
    }
    if (size == 0) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    if (data[0] == 's') {
        read_schema(text, size - 1);
        return 0;
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, size - 1, 0) != (ssize_t)size - 1) {
        abort();
    }
    if (data[0] == 'j') {
        read_judgement(file);
    } else if (data[0] == 'c') {
        read_selection(file);
    } else {
        read_units(file);
    }
    return 0;
}

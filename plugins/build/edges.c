/* SPDX-License-Identifier: Apache-2.0 */
/* From an edge of build.ninja to a unit: its command as ninja runs it, the files it leaves, and the
 * units it needs. Headers and whatever else a command reads of the tree are nobody's business here:
 * they are observed.
 *
 * Before a command ninja makes the folders of its outputs and writes its response file. The
 * configure unit does that for all edges at once, so that the command stays what ninja runs; where
 * there is none (or two edges share a response file), a few words of shell in front do. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugins/build/build.h"
#include "plugins/build/ninja_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One word of a command, as the kernel takes it (MAX_ARG_STRLEN). */
#define WORD_MAX ((128u << 10) - 1)

/* Units, their ids and lists while they are written. */
#define EMIT_ARENA_MAX ((size_t)4 << 30)

/* Makes folders, writes a response file, then becomes the command. */
static const char preparing[] = "command=$1 file=$2 content=$3; shift 3; "
                                "[ $# -eq 0 ] || mkdir -p -- \"$@\" || exit; "
                                "[ -z \"$file\" ] || printf %s \"$content\" >\"$file\" || exit; "
                                "exec /bin/sh -c \"$command\"";

struct pool_use {
    const struct ninja_pool *pool;
    unsigned next;
};

struct emitting {
    struct sdk *sdk;
    const struct edge_options *options;
    struct ninja *ninja;
    struct arena *arena;
    struct sdk_ids ids;
    struct map response_files; /* path -> content, both in the arena */

    struct {
        VEC_FIELDS(struct pool_use);
    } pools;

    struct str text;
    struct err *err;
};

static void emitting_fini(struct emitting *e)
{
    ninja_free(e->ninja);
    arena_free(e->arena);
    sdk_ids_fini(&e->ids);
    map_fini(&e->response_files);
    vec_fini(&e->pools);
    str_fini(&e->text);
}

static int no_memory(struct emitting *e)
{
    return err_set(e->err, -ENOMEM, "out of memory for the units of the build");
}

static const char *name_of(const struct ninja_edge *edge)
{
    return edge->outputs.items[0]->path;
}

/* ---- paths ---- */

/* A path of the manifest, as seen from the root; its length, or 0 when it is outside the tree. */
static size_t below_root(const struct edge_options *options,
                         const char *path,
                         char *buf,
                         size_t size)
{
    const size_t root = strlen(options->root);
    int n = -1;
    if (path[0] != '/') {
        n = snprintf(buf, size, "%s/%s", options->folder, path);
    } else if (strncmp(path, options->root, root) == 0 && path[root] == '/') {
        n = snprintf(buf, size, "%s", path + root + 1);
    }
    if (n < 0 || (size_t)n >= size || ninja_clean_path(buf) == 0 || !path_is_inside(buf)) {
        return 0;
    }
    return strlen(buf);
}

static bool is_in_folder(const struct edge_options *options, const char *below)
{
    const size_t len = strlen(options->folder);
    return strcmp(options->folder, ".") == 0
           || (strncmp(below, options->folder, len) == 0 && below[len] == '/');
}

/* Paths are patterns for the host. */
static const char *quote_pattern(struct emitting *e, const char *path)
{
    str_clear(&e->text);
    for (; *path != '\0'; path++) {
        if (strchr("*?[\\", *path) != NULL) {
            (void)str_append_char(&e->text, '\\');
        }
        (void)str_append_char(&e->text, *path);
    }
    return str_error(&e->text) == 0 ? arena_strdup(e->arena, str_text(&e->text)) : NULL;
}

static int read_value(struct emitting *e,
                      const struct ninja_edge *edge,
                      const char *name,
                      const char **ret_value)
{
    str_clear(&e->text);
    int rc = ninja_value(e->ninja, edge, name, &e->text, e->err);
    if (rc < 0) {
        return rc;
    }
    *ret_value = arena_strndup(e->arena, str_text(&e->text), e->text.len);
    return *ret_value != NULL ? 0 : no_memory(e);
}

/* ---- what an edge leaves ---- */

static int put_outputs(struct emitting *e,
                       const struct ninja_edge *edge,
                       const char *const **ret_outputs)
{
    char below[PATH_TEXT_MAX];
    const char **outputs = arena_calloc(e->arena, edge->outputs.count + 1, sizeof *outputs);
    if (outputs == NULL) {
        return no_memory(e);
    }
    for (size_t i = 0; i < edge->outputs.count; i++) {
        const char *path = edge->outputs.items[i]->path;
        if (below_root(e->options, path, below, sizeof below) == 0) {
            return err_set(e->err,
                           -EXDEV,
                           "%s:%u: %.200s is made outside of the tree, where nothing can be kept; "
                           "leave its target out with `targets`",
                           edge->file,
                           edge->line,
                           path);
        }
        outputs[i] = quote_pattern(e, below);
        if (outputs[i] == NULL) {
            return no_memory(e);
        }
    }
    *ret_outputs = outputs;
    return 0;
}

/* ---- what it needs ---- */

static int put_needs(struct emitting *e,
                     const struct ninja_edge *edge,
                     const char *const **ret_needs)
{
    const char **needs = arena_calloc(e->arena, edge->need_count + 2, sizeof *needs);
    size_t count = 0;
    if (needs == NULL) {
        return no_memory(e);
    }
    if (e->options->configured) {
        needs[count++] = BUILD_CONFIGURE_ID;
    }
    for (size_t i = 0; i < edge->need_count; i++) {
        needs[count++] = edge->needs[i]->id;
    }
    *ret_needs = needs;
    return 0;
}

static struct pool_use *use_of(struct emitting *e, const struct ninja_pool *pool)
{
    struct pool_use *use;
    vec_for_each (use, &e->pools) {
        if (use->pool == pool) {
            return use;
        }
    }
    const struct pool_use added = {.pool = pool};
    return vec_push(&e->pools, added) == 0 ? &e->pools.items[e->pools.count - 1] : NULL;
}

/* At most `depth` edges of a pool at once: that many locks, dealt out in turn. */
static int put_locks(struct emitting *e,
                     const struct ninja_edge *edge,
                     const char *const **ret_locks)
{
    const struct ninja_pool *pool = edge->pool;
    if (pool == NULL || pool->depth == 0) {
        return 0;
    }
    struct pool_use *use = use_of(e, pool);
    const char **locks = arena_calloc(e->arena, 2, sizeof *locks);
    if (use == NULL || locks == NULL) {
        return no_memory(e);
    }
    locks[0] = arena_printf(e->arena, "pool %.200s %u", pool->name, use->next % pool->depth + 1);
    use->next++;
    *ret_locks = locks;
    return locks[0] != NULL ? 0 : no_memory(e);
}

/* ---- its command ---- */

struct command {
    const char *text;
    const char *response_file; /* "" = none, or it is there */
    const char *response;

    struct {
        VEC_FIELDS(const char *);
    } folders; /* to be made */
};

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int note_folder(struct emitting *e, const char *folder, struct command *command)
{
    const char **known;
    vec_for_each (known, &command->folders) {
        if (strcmp(*known, folder) == 0) {
            return 0;
        }
    }
    return vec_push(&command->folders, folder) < 0 ? no_memory(e) : 0;
}

/* The folder of a file: made here, or noted for the command. */
static int need_folder(struct emitting *e, const char *path, struct command *command)
{
    char below[PATH_TEXT_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return 0;
    }
    const char *folder = arena_strndup(e->arena, path, (size_t)(slash - path));
    if (folder == NULL) {
        return no_memory(e);
    }
    const bool inside = below_root(e->options, folder, below, sizeof below) > 0;
    if (inside && is_folder(below)) {
        return 0;
    }
    if (inside && e->options->configured && is_in_folder(e->options, below)) {
        return dir_make(below, 0755, e->err);
    }
    return note_folder(e, folder, command);
}

static int write_response(struct emitting *e, const char *below, const char *content)
{
    CLEANUP(cleanup_fd)
    int fd = open(below, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int rc = fd < 0 ? -errno : fd_write_all(fd, content, strlen(content));
    return rc < 0 ? err_set(e->err, rc, "cannot write the response file %s", below) : 0;
}

/* A response file belongs to one edge as a rule. Where another one has it with other words, the
 * command writes it. */
static int place_response(struct emitting *e, const char *path, struct command *command)
{
    char below[PATH_TEXT_MAX];
    uintptr_t known = 0;
    if (!e->options->configured || below_root(e->options, path, below, sizeof below) == 0
        || !is_in_folder(e->options, below)) {
        return 0;
    }
    if (map_get(&e->response_files, path, &known) == 1) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the map holds texts
        command->response_file = strcmp((const char *)known, command->response) == 0 ? "" : path;
        return 0;
    }
    command->response_file = "";
    if (map_put(&e->response_files, path, (uintptr_t)command->response) < 0) {
        return no_memory(e);
    }
    return write_response(e, below, command->response);
}

static int read_response(struct emitting *e, const struct ninja_edge *edge, struct command *command)
{
    const char *path = NULL;
    int rc = read_value(e, edge, "rspfile", &path);
    rc = rc == 0 ? read_value(e, edge, "rspfile_content", &command->response) : rc;
    if (rc < 0) {
        return rc;
    }
    command->response_file = path;
    if (path[0] == '\0') {
        return 0;
    }
    rc = need_folder(e, path, command);
    return rc == 0 ? place_response(e, path, command) : rc;
}

static int check_words(struct emitting *e, const struct ninja_edge *edge, const struct command *c)
{
    const bool response = c->response_file[0] != '\0';
    if (strlen(c->text) <= WORD_MAX && (!response || strlen(c->response) <= WORD_MAX)) {
        return 0;
    }
    return err_set(
        e->err,
        -E2BIG,
        "%s:%u: the command for %.200s is longer than %u bytes, the most a process can be "
        "given; with CMake, -DCMAKE_NINJA_FORCE_RESPONSE_FILE=ON makes it short",
        edge->file,
        edge->line,
        name_of(edge),
        WORD_MAX);
}

static int read_command(struct emitting *e, const struct ninja_edge *edge, struct command *command)
{
    const char *depfile = NULL;
    int rc = read_value(e, edge, "command", &command->text);
    for (size_t i = 0; rc == 0 && i < edge->outputs.count; i++) {
        rc = need_folder(e, edge->outputs.items[i]->path, command);
    }
    rc = rc == 0 ? read_value(e, edge, "depfile", &depfile) : rc;
    rc = rc == 0 ? need_folder(e, depfile, command) : rc;
    rc = rc == 0 ? read_response(e, edge, command) : rc;
    return rc == 0 ? check_words(e, edge, command) : rc;
}

static int put_command(struct emitting *e,
                       const struct ninja_edge *edge,
                       const char *const **ret_argv)
{
    struct command command = {0};
    int rc = read_command(e, edge, &command);
    const char **argv =
        rc == 0 ? arena_calloc(e->arena, command.folders.count + 8, sizeof *argv) : NULL;
    if (rc == 0 && argv == NULL) {
        rc = no_memory(e);
    } else if (rc == 0) {
        const bool plain = command.folders.count == 0 && command.response_file[0] == '\0';
        size_t count = 0;
        argv[count++] = "/bin/sh";
        argv[count++] = "-c";
        argv[count++] = plain ? command.text : preparing;
        if (!plain) {
            argv[count++] = "sh";
            argv[count++] = command.text;
            argv[count++] = command.response_file;
            argv[count++] = command.response_file[0] != '\0' ? command.response : "";
        }
        for (size_t i = 0; i < command.folders.count; i++) {
            argv[count++] = command.folders.items[i];
        }
        *ret_argv = argv;
    }
    vec_fini(&command.folders);
    return rc;
}

/* ---- units ---- */

static int refuse_dyndep(struct emitting *e, const struct ninja_edge *edge)
{
    const char *dyndep = "";
    int rc = read_value(e, edge, "dyndep", &dyndep);
    if (rc < 0 || dyndep == NULL || dyndep[0] == '\0') {
        return rc;
    }
    return err_set(
        e->err,
        -ENOTSUP,
        "%s:%u: %.200s has its dependencies in %.200s (dyndep), which is written while "
        "building (Fortran, modules of C++20): its edges cannot be planned. Build it as one "
        "unit with `command:`%s",
        edge->file,
        edge->line,
        name_of(edge),
        dyndep,
        e->options->configured ? ", or, where no modules are used, configure with "
                                 "-DCMAKE_CXX_SCAN_FOR_MODULES=OFF"
                               : "");
}

/* The source a compilation is of. */
static const char *source_of(struct emitting *e, const struct ninja_edge *edge)
{
    char below[PATH_TEXT_MAX];
    if (edge->explicit_inputs == 0 || edge->inputs.items[0]->maker != NULL
        || below_root(e->options, edge->inputs.items[0]->path, below, sizeof below) == 0) {
        return NULL;
    }
    return arena_strdup(e->arena, below);
}

static int emit_edge(struct emitting *e, const struct ninja_edge *edge)
{
    const char *const labels[] = {edge->rule->name, NULL};
    struct sdk_unit unit = {
        .id = edge->id, .cwd = e->options->folder, .labels = labels, .file = source_of(e, edge)};
    int rc = refuse_dyndep(e, edge);
    rc = rc == 0 ? put_outputs(e, edge, &unit.outputs) : rc;
    rc = rc == 0 ? put_needs(e, edge, &unit.needs) : rc;
    rc = rc == 0 ? put_locks(e, edge, &unit.locks) : rc;
    rc = rc == 0 ? put_command(e, edge, &unit.argv) : rc;
    return rc == 0 ? sdk_emit_unit(e->sdk, &unit, e->err) : rc;
}

static int name_edge(struct emitting *e, struct ninja_edge *edge)
{
    char id[SDK_ID_SIZE];
    if (sdk_ids_make(&e->ids, name_of(edge), id) != 0) {
        return no_memory(e);
    }
    edge->id = arena_strdup(e->arena, id);
    return edge->id != NULL ? 0 : no_memory(e);
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words != NULL && words[count] != NULL) {
        count++;
    }
    return count;
}

/* Returns the end. */
static const char **append_words(const char **argv, const char *const *words)
{
    for (; words != NULL && *words != NULL; words++) {
        *argv++ = *words;
    }
    return argv;
}

/* Headers or scripts alone need no command. That nothing is to be done is for the build tool to
 * say: it looks once more whether all is there that the targets need. */
static int emit_nothing_to_do(struct emitting *e)
{
    const struct edge_options *options = e->options;
    static const char *const ninja[] = {"ninja", "--", NULL};
    static const char *const cmake[] = {"cmake", "--build", ".", NULL};
    static const char *const cmake_targets[] = {"cmake", "--build", ".", "--target", NULL};
    static const char *const configure[] = {BUILD_CONFIGURE_ID, NULL};
    char id[SDK_ID_SIZE];
    const size_t named = count_words(options->targets);
    const char *const *words = !options->cmake ? ninja : named > 0 ? cmake_targets : cmake;
    const char **argv = arena_calloc(e->arena, count_words(words) + named + 1, sizeof *argv);
    if (argv == NULL || sdk_ids_make(&e->ids, BUILD_NOTHING_ID, id) != 0) {
        return no_memory(e);
    }
    (void)append_words(append_words(argv, words), options->targets);
    const struct sdk_unit unit = {.id = id,
                                  .cwd = options->folder,
                                  .argv = argv,
                                  .needs = options->configured ? configure : NULL};
    return sdk_emit_unit(e->sdk, &unit, e->err);
}

static int emit_all(struct emitting *e, const struct ninja_edges *edges)
{
    char id[SDK_ID_SIZE];
    int rc = e->options->configured && sdk_ids_make(&e->ids, BUILD_CONFIGURE_ID, id) != 0
                 ? no_memory(e)
                 : 0;
    for (size_t i = 0; rc == 0 && i < edges->count; i++) {
        rc = name_edge(e, edges->items[i]);
    }
    for (size_t i = 0; rc == 0 && i < edges->count; i++) {
        rc = emit_edge(e, edges->items[i]);
    }
    return rc == 0 && edges->count == 0 ? emit_nothing_to_do(e) : rc;
}

static int read_file(void *context, const char *path, struct str *out, struct err *err)
{
    const struct edge_options *options = context;
    char full[PATH_TEXT_MAX];
    const bool absolute = path[0] == '/';
    int n = snprintf(
        full, sizeof full, "%s%s%s", absolute ? "" : options->folder, absolute ? "" : "/", path);
    return n > 0 && (size_t)n < sizeof full ? file_read(full, out, err)
                                            : err_set(err, -ENAMETOOLONG, "%.200s: too long", path);
}

int edges_emit(struct sdk *sdk, const struct edge_options *options, struct err *err)
{
    CLEANUP(emitting_fini)
    struct emitting e = {
        .sdk = sdk, .options = options, .text = STR_INIT(NINJA_VALUE_MAX), .err = err};
    struct edge_options copy = *options;
    const struct ninja_reader reader = {.read = read_file, .context = &copy};
    struct ninja_edges edges = {0};
    e.arena = arena_new(EMIT_ARENA_MAX);
    int rc = e.arena != NULL ? ninja_read("build.ninja", &reader, &e.ninja, err) : no_memory(&e);
    rc = rc == 0 ? ninja_needed(e.ninja, options->targets, &edges, err) : rc;
    rc = rc == 0 ? emit_all(&e, &edges) : rc;
    vec_fini(&edges);
    return rc;
}

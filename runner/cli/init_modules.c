/* SPDX-License-Identifier: Apache-2.0 */
/* Go modules, Cargo packages and bats files. Both Go and Cargo keep what they fetched in the home
 * folder, which isolated units do not have: a project that needs more than itself and has no
 * vendored copies runs in place. */
#include "cli/init.h"

#include <stdio.h>
#include <string.h>

static bool has_test(const struct init_plan *plan, const char *dir, uint32_t mark)
{
    for (size_t i = 0; i < plan->tree->folders.count; i++) {
        const struct init_folder *folder = &plan->tree->folders.items[i];
        if ((folder->marks & mark) != 0 && init_is_below(folder->path, dir)) {
            return true;
        }
    }
    return false;
}

static const char *with_dir(struct init_plan *plan, const char *discover, const char *dir)
{
    const bool top = strcmp(dir, ".") == 0;
    return init_text(plan,
                     "discover: %s%s%s",
                     discover,
                     top ? "" : "\ndir: ",
                     top ? "" : init_scalar(plan, dir));
}

/* Is there a line that starts with the word, after blanks? */
static bool has_line(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = text; at != NULL && *at != '\0';) {
        at += strspn(at, " \t");
        if (strncmp(at, word, len) == 0) {
            return true;
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return false;
}

/* Test files of Go that belong to no module: go refuses them. */
static void tell_no_module(struct init_plan *plan, const struct init_folder *folder)
{
    for (size_t i = 0; i < plan->tree->folders.count; i++) {
        const struct init_folder *other = &plan->tree->folders.items[i];
        if ((other->marks & INIT_GO) != 0 && init_is_below(folder->path, other->path)) {
            return;
        }
    }
    init_problem(plan,
                 "%s has tests of Go but no go.mod, without which go does not build them: `go mod "
                 "init NAME`, then `sluice init` again",
                 folder->path);
}

bool init_detect_go(struct init_plan *plan, const struct init_folder *folder)
{
    const char *marker = init_join(plan, folder->path, "go.mod");
    const char *text = init_read(plan, marker);
    if (text == NULL) {
        tell_no_module(plan, folder);
        return false;
    }
    if (!has_test(plan, folder->path, INIT_GO_TEST)) {
        init_unknown(plan, "%s: no *_test.go file in it, so nothing in it is tested", marker);
        return true;
    }
    const bool vendored = init_exists(plan, init_join(plan, folder->path, "vendor/modules.txt"));
    const bool needs = has_line(text, "require") && !vendored;
    const struct init_layer layer = {
        .id = "go",
        .dir = folder->path,
        .marker = marker,
        .tool = "go test",
        .comment = init_text(
            plan,
            "%s: `go test`, each package with tests a unit. Needs: go, a compiler for cgo.",
            marker),
        .uses = "unit",
        .in_place =
            needs ? "the modules it requires are in your home folder, which isolated units do not "
                    "see. After `go mod vendor` (and git add vendor) remove this line."
                  : NULL,
        .with = with_dir(plan, "go", folder->path),
        .programs = "go",
        .tests = true,
    };
    (void)init_add_layer(plan, &layer);
    return true;
}

bool init_detect_cargo(struct init_plan *plan, const struct init_folder *folder)
{
    const char *marker = init_join(plan, folder->path, "Cargo.toml");
    const char *text = init_read(plan, marker);
    if (text == NULL || (!has_line(text, "[package]") && !has_line(text, "[workspace"))) {
        return false;
    }
    const char *lock = init_read(plan, init_join(plan, folder->path, "Cargo.lock"));
    const bool vendored = init_exists(plan, init_join(plan, folder->path, ".cargo/config.toml"))
                          || init_exists(plan, init_join(plan, folder->path, ".cargo/config"));
    const bool depends = lock != NULL ? strstr(lock, "source = \"") != NULL
                                      : has_line(text, "[dependencies")
                                            || has_line(text, "[dev-dependencies")
                                            || has_line(text, "[build-dependencies");
    const struct init_layer layer = {
        .id = "cargo",
        .dir = folder->path,
        .marker = marker,
        .tool = "cargo test",
        .comment = init_text(plan,
                             "%s: built once, then each test program a unit, and the doc tests. "
                             "Needs: cargo.",
                             marker),
        .uses = "unit",
        .in_place =
            depends && !vendored
                ? "the crates it depends on are in your home folder, which isolated units do not "
                  "see. After `cargo vendor` (and the .cargo/config.toml that it prints) remove "
                  "this line."
                : NULL,
        .with = with_dir(plan, "cargo", folder->path),
        .programs = "cargo",
        .tests = true,
    };
    (void)init_add_layer(plan, &layer);
    if (depends && !vendored) {
        init_unknown(plan,
                     "crates: nothing is fetched while tests run; `cargo fetch` gets what %s needs",
                     marker);
    }
    return true;
}

bool init_detect_bats(struct init_plan *plan, const struct init_folder *folder)
{
    const char *pattern = init_join(plan, folder->path, "*.bats");
    const struct init_layer layer = {
        .id = "bats",
        .dir = folder->path,
        .marker = pattern,
        .tool = "bats",
        .comment = init_text(plan, "%s: each file a unit. Needs: bats.", pattern),
        .uses = "unit",
        .with = init_text(plan, "discover: bats\ntests: %s", init_scalar(plan, pattern)),
        .programs = "bats",
        .tests = true,
    };
    (void)init_add_layer(plan, &layer);
    return true;
}

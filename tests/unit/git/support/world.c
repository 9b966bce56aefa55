/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

#define PRELUDE                                                                            \
    "set -e; umask 022; export HOME=\"$PWD\" GIT_CONFIG_NOSYSTEM=1 LC_ALL=C "              \
    "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@x " \
    "GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=init.defaultBranch GIT_CONFIG_VALUE_0=main "      \
    "GIT_CONFIG_KEY_1=protocol.file.allow GIT_CONFIG_VALUE_1=always "                      \
    "GIT_CONFIG_KEY_2=safe.directory GIT_CONFIG_VALUE_2='*'\n"

static FILE *start(const char *script)
{
    static char text[65536];
    int len = snprintf(
        text, sizeof text, "exec 2>&1; cd '%s' || exit 1\n%s%s", test_folder(), PRELUDE, script);
    assert_true(len > 0 && (size_t)len < sizeof text);
    (void)setenv("HOME", test_folder(), 1);
    FILE *pipe = popen(text, "r");
    assert_non_null(pipe);
    return pipe;
}

const char *sh_out(const char *script)
{
    static char buf[4][65536];
    static unsigned next;
    char *text = buf[next++ % 4];
    FILE *pipe = start(script);
    size_t len = fread(text, 1, sizeof buf[0] - 1, pipe);
    text[len] = '\0';
    if (pclose(pipe) != 0) {
        fail_msg("%s\nprinted: %s", script, text);
    }
    if (len > 0 && text[len - 1] == '\n') {
        text[len - 1] = '\0';
    }
    return text;
}

void sh(const char *script)
{
    (void)sh_out(script);
}

const char *at(const char *name)
{
    static char buf[8][4096];
    static unsigned next;
    char *path = buf[next++ % 8];
    (void)snprintf(path, sizeof buf[0], "%s/%s", test_folder(), name);
    return path;
}

const struct git_repo *open_repo(const char *name)
{
    static struct git_repo repo;
    struct err err = {0};
    if (git_open(at(name), &repo, &err) != 0) {
        fail_msg("git_open: %s", err.text);
    }
    return &repo;
}

const char *snapshot(const struct git_repo *repo, const char *const *exclude)
{
    static char buf[4][GIT_ID_MAX];
    static unsigned next;
    char *tree = buf[next++ % 4];
    struct err err = {0};
    if (git_snapshot(repo, exclude, tree, &err) != 0) {
        fail_msg("git_snapshot: %s", err.text);
    }
    return tree;
}

void materialise(const struct git_repo *repo, const char *tree, const char *folder)
{
    struct err err = {0};
    if (git_materialise(repo, tree, folder, &err) != 0) {
        fail_msg("git_materialise: %s", err.text);
    }
}

void as_nobody(int (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* Root in a world without capabilities may not become nobody, but has no more rights. */
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0) && errno != EPERM) {
            _exit(99);
        }
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

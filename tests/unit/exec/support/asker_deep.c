/* SPDX-License-Identifier: Apache-2.0 */
#include "asker_deep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int say(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int expect(long result, const char *what)
{
    return result >= 0 ? 0 : say(what);
}

/* Goes 6,000 bytes deep below the working folder. */
static int go_deep(void)
{
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    for (int i = 0; i < 30; i++) {
        if (mkdir(name, 0755) < 0 || chdir(name) < 0) {
            return say("mkdir");
        }
    }
    return 0;
}

static int deep_look(char **args)
{
    struct stat st;
    (void)args;
    return go_deep() + (stat("deep", &st) < 0 ? 0 : say("stat"));
}

/* Makes, lists, reads and removes in folders without names, by paths and by descriptors, and comes
 * up again. */
static int deep_work(char **args)
{
    struct stat st;
    int bad = go_deep();
    (void)args;
    bad += expect(mkdir("sub", 0755), "mkdir") + expect(mkdir("sub/own", 0755), "mkdir below");
    const int file = open("sub/own/file", O_CREAT | O_RDWR | O_EXCL, 0644);
    const int folder = open("sub/own/.", O_RDONLY | O_DIRECTORY);
    bad += expect(file, "creat") + expect(folder, "open")
           + expect(fstatat(folder, "file", &st, 0), "fstatat");
    DIR *listing = fdopendir(folder);
    bad += listing == NULL || readdir(listing) == NULL ? say("readdir") : 0;
    bad += expect(unlinkat(dirfd(listing), "file", 0), "unlinkat");
    const int up = openat(dirfd(listing), "..", O_RDONLY | O_DIRECTORY);
    bad += expect(up, "openat ..") + expect(unlinkat(up, "own", AT_REMOVEDIR), "rmdir own");
    bad += expect(rmdir("sub"), "rmdir") + expect(stat("/src/a.c", &st), "an absolute path");
    for (int i = 0; i < 30; i++) {
        bad += expect(chdir(".."), "chdir ..");
    }
    bad += expect(stat("/src/dir", &st), "stat at the end");
    (void)close(file);
    (void)close(up);
    (void)closedir(listing);
    return bad;
}

/* In folders without names: makes a link and looks through it; or goes where args[0] leads. */
static int deep_link(char **args)
{
    struct stat st;
    return go_deep() + expect(symlink(args[0], "link"), "symlink")
           + expect(stat("link", &st), "stat");
}

static int deep_rename(char **args)
{
    (void)args;
    return go_deep() + expect(mkdir("a", 0755), "mkdir") + expect(rename("a", "b"), "rename");
}

/* Copies a program there, and executes it. */
static int deep_exec(char **args)
{
    char bytes[4096];
    const int from = open(args[0], O_RDONLY | O_CLOEXEC);
    const ssize_t n = read(from, bytes, sizeof bytes);
    int bad = go_deep();
    const int to = open("program", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
    bad += n > 0 && write(to, bytes, (size_t)n) == n ? 0 : say("copy");
    (void)close(to);
    if (bad == 0) {
        (void)execl("./program", "program", (char *)NULL);
    }
    return bad + say("execl");
}

/* From the last folder that has a name into the first without, by one path; up and down again. */
static int deep_across(char **args)
{
    char path[402];
    struct stat st;
    (void)args;
    memset(path, 'd', sizeof path);
    path[200] = '/';
    path[401] = '\0';
    int bad = go_deep();
    for (int i = 0; i < 11; i++) {
        bad += expect(chdir(".."), "chdir ..");
    }
    return bad + expect(stat(path, &st), "stat");
}

static int deep_side(char **args)
{
    struct stat st;
    int bad = go_deep() + expect(mkdir("../side", 0755), "mkdir");
    (void)args;
    return bad + expect(stat("../side", &st), "stat");
}

int ask_deep(char **args)
{
    static const struct {
        const char *name;
        int (*run)(char **args);
    } ways[] = {
        {"look",   deep_look  },
        {"work",   deep_work  },
        {"link",   deep_link  },
        {"rename", deep_rename},
        {"exec",   deep_exec  },
        {"across", deep_across},
        {"side",   deep_side  },
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(args[0], ways[i].name) == 0) {
            return ways[i].run(args + 1);
        }
    }
    errno = EINVAL;
    return say(args[0]);
}

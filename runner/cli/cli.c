/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "model/event.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A slot process may have entered a world whose /proc is not its own; LeakSanitizer needs /proc at
 * exit and ends the process with a complaint when it cannot read it. */
#if defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define SLOT_SKIPS_LEAK_CHECK 1
#    endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SLOT_SKIPS_LEAK_CHECK)
#    define SLOT_SKIPS_LEAK_CHECK 1
#endif
#ifndef SLOT_SKIPS_LEAK_CHECK
#    define SLOT_SKIPS_LEAK_CHECK 0
#endif

/* A slot process is started per slot of every run: nothing else may happen before it. */
static int dispatch_slot(const char *const *argv)
{
    const struct invocation invocation = {
        .args = {.items = argv + 2, .count = 1}
    };
    const int code = command_slot(&invocation);
    if (SLOT_SKIPS_LEAK_CHECK) {
        _exit(code);
    }
    return code;
}

static int dispatch(const struct invocation *invocation)
{
    if (invocation->version) {
        return command_version(invocation);
    }
    if (invocation->help) {
        return command_help(invocation);
    }
    if (invocation->command == NULL) {
        say_problem(
            "no command is given; `sluice help` lists them, `sluice run` runs the pipeline");
        return EXIT_USAGE;
    }
    if (invocation->directory != NULL && chdir(invocation->directory) != 0) {
        char reason[128];
        say_problem("-C %s: %s", invocation->directory, strerror_r(errno, reason, sizeof reason));
        return EXIT_USAGE;
    }
    return invocation->command->run(invocation);
}

/* Whoever closed a standard stream must not find our answer in the event log or the store: the next
 * file that is opened would get its number. /dev/null for reading keeps the place, and a write to
 * it still fails. */
static int keep_standard_streams(void)
{
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDONLY); /* units inherit it, as they would the stream */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd < 0 && fcntl(STDERR_FILENO, F_GETFD) < 0 ? -errno : 0;
}

int cli_main(int argc, char *const *argv)
{
    const char *const *words = (const char *const *)argv;
    if (argc == 3 && strcmp(words[1], "slot") == 0) {
        return dispatch_slot(words);
    }
    if (keep_standard_streams() != 0) {
        return EXIT_INFRASTRUCTURE; /* there is no place to say why */
    }
    say_survive_closed_pipes();
    struct invocation invocation = {0};
    struct err err = {0};
    if (options_parse(argc, words, &invocation, &err) != 0) {
        say_error(&err);
        return err.code == -ENOMEM ? EXIT_INFRASTRUCTURE : EXIT_USAGE;
    }
    const int code = dispatch(&invocation);
    invocation_fini(&invocation);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include "base/file.h"
#include "model/event.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void end_like_a_filter(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)raise(SIGPIPE);
}

int say_answer(struct str *text)
{
    if (str_error(text) != 0) {
        say_problem("the answer is too long for the memory there is");
        return EXIT_INFRASTRUCTURE;
    }
    const int rc = fd_write_all(STDOUT_FILENO, str_text(text), text->len);
    str_clear(text);
    if (rc == -EPIPE) {
        end_like_a_filter();
    }
    if (rc != 0) {
        char reason[128];
        say_problem("cannot write to standard output: %s", strerror_r(-rc, reason, sizeof reason));
        return EXIT_INFRASTRUCTURE;
    }
    return EXIT_OPEN;
}

/* One write per message, so that lines of several processes do not mix. */
static void say_text(const char *prefix, const char *text)
{
    struct str line = STR_INIT((size_t)2 * ERR_TEXT_MAX);
    (void)str_appendf(&line, "%s%s\n", prefix, text);
    (void)fd_write_all(STDERR_FILENO, str_text(&line), line.len);
    str_fini(&line);
}

/* "file:12:5: ..." on the first line? */
static bool starts_with_place(const char *text)
{
    static const char digits[] = "0123456789";
    const size_t len = strcspn(text, "\n");
    for (size_t i = 1; i < len; i++) {
        const size_t line = text[i] == ':' ? strspn(text + i + 1, digits) : 0;
        const char *behind = text + i + 1 + line;
        const size_t column = line > 0 && *behind == ':' ? strspn(behind + 1, digits) : 0;
        if (column > 0 && behind[1 + column] == ':') {
            return true;
        }
    }
    return false;
}

void say_error(const struct err *err)
{
    say_text(starts_with_place(err->text) ? "" : "sluice: ", err->text);
}

void say_problem(const char *format, ...)
{
    struct err err = {0};
    va_list args;
    va_start(args, format);
    (void)err_vset(&err, -EINVAL, format, args);
    va_end(args);
    say_error(&err);
}

void say_line(const char *text)
{
    say_text("", text);
}

bool say_in_color(const struct invocation *invocation, int fd)
{
    if (invocation->color != COLOR_AUTO) {
        return invocation->color == COLOR_ALWAYS;
    }
    /* https://no-color.org: set and not empty, whatever its value */
    const char *no_color = getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    const char *term = getenv("TERM");         // NOLINT(concurrency-mt-unsafe): nobody sets it
    return (no_color == NULL || no_color[0] == '\0') && isatty(fd) == 1
           && (term == NULL || strcmp(term, "dumb") != 0);
}

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

void say_survive_closed_pipes(void)
{
    const struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    (void)sigaction(SIGPIPE, &action, NULL);
}

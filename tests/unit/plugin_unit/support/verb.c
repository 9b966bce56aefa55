/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plugin_unit/support/verb.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"

int run_verb(int (*verb)(int argc, char **argv), const char *const *words)
{
    char copies[8][2048];
    char *argv[9] = {NULL};
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        assert_true(argc < 8 && strlen(words[argc]) < sizeof copies[0]);
        argv[argc] = strcpy(copies[argc], words[argc]); // NOLINT: the length was looked at
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open("out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        _exit(verb(argc, argv));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

int run_report(const char *kind, const char *report, const char *script)
{
    write_file("tool", script, 0755);
    const char *const words[] = {"report", kind, report, "./tool", NULL};
    return run_verb(unit_run_report, words);
}

void assert_file(const char *path, const char *expected)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    struct err err = {0};
    if (file_read(path, &text, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(str_text(&text), expected);
}

void assert_exit(int status, int code)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

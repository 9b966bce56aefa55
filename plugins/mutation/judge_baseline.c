/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/judge_baseline.h"

#include "base/file.h"
#include "plugins/mutation/mutant.h"

#include <errno.h>
#include <string.h>

/* Takes the id out of a line, in place. */
static int take_line(
    struct judge_baseline *baseline, char *line, const char *path, size_t number, struct err *err)
{
    line[strcspn(line, " \t\r")] = '\0';
    if (line[0] == '\0' || line[0] == '#') {
        return 0;
    }
    if (strlen(line) != MUTANT_ID_SIZE - 1
        || strspn(line, "0123456789abcdef") != MUTANT_ID_SIZE - 1) {
        return err_set(err,
                       -EINVAL,
                       "%s:%zu: \"%.40s\" is no id of a mutant: 16 digits of 0-9a-f, as `sluice "
                       "mutants list` shows them",
                       path,
                       number,
                       line);
    }
    return map_put(&baseline->ids, line, 1) < 0
               ? err_set(err, -ENOMEM, "out of memory for the baseline %s", path)
               : 0;
}

int judge_baseline_read(const char *path, struct judge_baseline *ret_baseline, struct err *err)
{
    struct judge_baseline *baseline = ret_baseline;
    *baseline = (struct judge_baseline){0};
    str_init(&baseline->text, JUDGE_BASELINE_MAX);
    if (file_read_regular(path, &baseline->text, err) != 0) {
        return err_wrap(err, "baseline (an empty file is one without known survivors)");
    }
    char *at = baseline->text.data;
    int status = 0;
    for (size_t number = 1; at != NULL && *at != '\0' && status == 0; number++) {
        char *end = strchr(at, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        status = take_line(baseline, at, path, number, err);
        at = end != NULL ? end + 1 : NULL;
    }
    return status;
}

void judge_baseline_fini(struct judge_baseline *baseline)
{
    map_fini(&baseline->ids);
    str_fini(&baseline->text);
}

bool judge_baseline_has(const struct judge_baseline *baseline, const char *id)
{
    return map_get(&baseline->ids, id, NULL) == 1;
}

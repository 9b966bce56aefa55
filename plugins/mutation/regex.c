/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions as operators: within code, never within comments and texts between quotes. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "plugins/mutation/find_impl.h"

#include <errno.h>
#include <string.h>

struct search {
    struct finding *finding;
    const struct regex *regex;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static bool applies(const struct regex *regex, const struct finding *finding)
{
    const char *const *file = regex->files;
    if (!operators_enabled(finding->operators, regex->name, false)) {
        return false;
    }
    if (file == NULL) {
        return finding->source->language->grammar == NULL;
    }
    while (*file != NULL && !glob_match(*file, finding->source->path)) {
        file++;
    }
    return *file != NULL;
}

/* "$1" is what the first group matched, as pcre2 has it. */
static int add_match(const struct search *search, struct extent extent, struct err *err)
{
    const struct source *source = search->finding->source;
    PCRE2_UCHAR small[256];
    PCRE2_SIZE size = sizeof small;
    uint32_t flags = PCRE2_SUBSTITUTE_MATCHED | PCRE2_SUBSTITUTE_REPLACEMENT_ONLY
                     | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    PCRE2_UCHAR *text = small;
    PCRE2_SIZE end = extent.end;
    int rc = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        rc = pcre2_substitute(search->regex->code,
                              (PCRE2_SPTR)source->text,
                              end,
                              extent.start,
                              flags,
                              search->data,
                              search->context,
                              (PCRE2_SPTR)search->regex->replace,
                              PCRE2_ZERO_TERMINATED,
                              text,
                              &size);
        if (rc != PCRE2_ERROR_NOMEMORY || attempt > 0) {
            break;
        }
        text = arena_alloc(search->finding->arena, size);
        if (text == NULL) {
            return finding_short_of_memory(search->finding, err);
        }
    }
    if (rc < 0) {
        char said[256];
        (void)pcre2_get_error_message(rc, (PCRE2_UCHAR *)said, sizeof said);
        return err_set(err,
                       -EINVAL,
                       "operators.regex: \"%s\": the replacement \"%s\": %s",
                       search->regex->name,
                       search->regex->replace,
                       said);
    }
    const PCRE2_SIZE *matched = pcre2_get_ovector_pointer(search->data);
    struct place place = {
        .extent = {(uint32_t)matched[0], (uint32_t)matched[1]},
        .name = search->regex->name,
        .replacement = arena_strdup(search->finding->arena, (const char *)text),
        .order = search->finding->order,
    };
    return place.replacement == NULL ? finding_short_of_memory(search->finding, err)
                                     : finding_add(search->finding, &place, err);
}

/* All matches within one stretch of code. It ends where the stretch does, and sees what is before.
 */
static int search_extent(const struct search *search, struct extent extent, struct err *err)
{
    const struct source *source = search->finding->source;
    const PCRE2_SIZE *matched = pcre2_get_ovector_pointer(search->data);
    while (extent.start < extent.end) {
        int rc = pcre2_match(search->regex->code,
                             (PCRE2_SPTR)source->text,
                             extent.end,
                             extent.start,
                             0,
                             search->data,
                             search->context);
        if (rc == PCRE2_ERROR_NOMATCH) {
            return 0;
        }
        if (rc < 0) {
            return err_set(
                err,
                -E2BIG,
                "%s: operators.regex: \"%s\" takes more than %d steps at offset %u: make "
                "the expression simpler (nested repetitions?)",
                source->path,
                search->regex->name,
                OPERATORS_MATCH_MAX,
                extent.start);
        }
        PCRE2_SIZE next = matched[1] > matched[0] ? matched[1] : matched[1] + 1;
        rc = matched[0] < extent.start || matched[1] < matched[0] ? 0
                                                                  : add_match(search, extent, err);
        if (rc < 0) {
            return rc;
        }
        extent.start = next > extent.start ? (uint32_t)next : extent.start + 1;
    }
    return 0;
}

static int search_file(struct finding *finding, const struct regex *regex, struct err *err)
{
    struct search search = {
        .finding = finding,
        .regex = regex,
        .data = pcre2_match_data_create_from_pattern(regex->code, NULL),
        .context = pcre2_match_context_create(NULL),
    };
    int rc = 0;
    if (search.data == NULL || search.context == NULL) {
        rc = finding_short_of_memory(finding, err);
    } else {
        (void)pcre2_set_match_limit(search.context, OPERATORS_MATCH_MAX);
    }
    const struct extents *code = &finding->outline.code;
    for (size_t i = 0; rc == 0 && i < code->count; i++) {
        rc = search_extent(&search, code->items[i], err);
    }
    pcre2_match_context_free(search.context);
    pcre2_match_data_free(search.data);
    return rc;
}

int find_by_regexes(struct finding *finding, struct err *err)
{
    const struct operators *operators = finding->operators;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < operators->regexes.count; i++) {
        if (applies(&operators->regexes.items[i], finding)) {
            rc = search_file(finding, &operators->regexes.items[i], err);
        }
        finding->order++;
    }
    return rc;
}

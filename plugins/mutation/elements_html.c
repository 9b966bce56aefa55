/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/mutation/elements.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Mutants</title>\n<script>\n";
static const char middle[] = "\n</script>\n</head>\n<body>\n"
                             "<mutation-test-report-app title-postfix=\"Mutants\">\n"
                             "This report needs a browser with JavaScript.\n"
                             "</mutation-test-report-app>\n<script>\n"
                             "document.querySelector('mutation-test-report-app').report = ";
static const char tail[] = ";\n</script>\n</body>\n</html>\n";

static void close_stream(FILE **stream)
{
    if (*stream != NULL) {
        (void)fclose(*stream);
    }
}

/* The script ends at the first "</script", wherever it stands: in a string, '<' is '\x3c'. What is
 * outside of strings has none of it in minified code but as an operator, which "</script" is not.
 */
static void put_script(FILE *out, const char *text, size_t len)
{
    static const char end[] = "</script";
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '<' && len - i >= sizeof end - 1
            && strncasecmp(text + i, end, sizeof end - 1) == 0) {
            (void)fputs("\\x3c", out);
        } else {
            (void)putc(text[i], out);
        }
    }
}

/* JSON: no '<' but in strings, where it may be escaped. */
static void put_escaped(FILE *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '<') {
            (void)fputs("\\u003c", out);
        } else {
            (void)putc(bytes[i], out);
        }
    }
}

static int put_json(FILE *out, const char *path, struct err *err)
{
    char bytes[16384];
    size_t got = 0;
    CLEANUP(close_stream) FILE *in = fopen(path, "rbe");
    if (in == NULL) {
        return err_errno(err, "cannot read %s", path);
    }
    while ((got = fread(bytes, 1, sizeof bytes, in)) > 0) {
        put_escaped(out, bytes, got);
    }
    return ferror(in) != 0 ? err_set(err, -EIO, "cannot read %s to its end", path) : 0;
}

bool elements_find_viewer(char viewer[PATH_TEXT_MAX])
{
    char self[PATH_TEXT_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return false;
    }
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    int written = snprintf(viewer, PATH_TEXT_MAX, "%s/" ELEMENTS_VIEWER, self);
    return written > 0 && written < PATH_TEXT_MAX && access(viewer, R_OK) == 0;
}

int elements_write_html(const char *json, const char *viewer, const char *html, struct err *err)
{
    CLEANUP(str_fini) struct str script = STR_INIT(ELEMENTS_VIEWER_MAX);
    int status = file_read(viewer, &script, err);
    if (status != 0) {
        return status;
    }
    FILE *out = fopen(html, "wbe");
    if (out == NULL) {
        return err_errno(err, "cannot write %s", html);
    }
    (void)fputs(head, out);
    put_script(out, str_text(&script), script.len);
    (void)fputs(middle, out);
    status = put_json(out, json, err);
    (void)fputs(tail, out);
    bool bad = ferror(out) != 0;
    bad = fclose(out) != 0 || bad;
    return status == 0 && bad ? err_set(err, -EIO, "cannot write %s", html) : status;
}

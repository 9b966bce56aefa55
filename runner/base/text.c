/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/mem.h"
#include "base/text_width.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What an invalid sequence, a control byte or a code point that XML forbids is shown as. */
#define REPLACEMENT "\xEF\xBF\xBD"

/* Longest OSC, DCS, APC, PM or SOS string that is taken as one escape sequence: window titles and
 * hyperlinks (a URL of 2083 bytes, the practical limit of browsers) fit twice. Beyond, or with a
 * newline in it, the introducer alone is removed, so that a lost terminator does not eat a log. */
#define ESCAPE_STRING_MAX 4096

/* ---- UTF-8 ---- */

/* The least code point each length may encode (below: overlong) and the bits of the lead byte. */
struct utf8_lead {
    unsigned char mask, lead, bits;
    unsigned length;
    uint32_t least;
};

static const struct utf8_lead utf8_leads[] = {
    {0xE0, 0xC0, 0x1F, 2, 0x80   },
    {0xF0, 0xE0, 0x0F, 3, 0x800  },
    {0xF8, 0xF0, 0x07, 4, 0x10000},
};

static bool is_scalar(uint32_t code)
{
    return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

/* Decodes the multi-byte sequence `lead` announces. Returns its length, or 0. */
static size_t decode_tail(const struct utf8_lead *lead,
                          const unsigned char *bytes,
                          size_t len,
                          uint32_t *ret_code)
{
    if (len < lead->length) {
        return 0;
    }
    uint32_t code = bytes[0] & lead->bits;
    for (unsigned i = 1; i < lead->length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3Fu);
    }
    if (code < lead->least || !is_scalar(code)) {
        return 0;
    }
    *ret_code = code;
    return lead->length;
}

/* Decodes one code point. Returns the number of bytes, 0 when they are not valid UTF-8. len > 0. */
static size_t utf8_decode(const char *text, size_t len, uint32_t *ret_code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80) {
        *ret_code = bytes[0];
        return 1;
    }
    for (size_t i = 0; i < sizeof utf8_leads / sizeof utf8_leads[0]; i++) {
        if ((bytes[0] & utf8_leads[i].mask) == utf8_leads[i].lead) {
            return decode_tail(&utf8_leads[i], bytes, len, ret_code);
        }
    }
    return 0;
}

size_t utf8_valid_prefix(const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint32_t code = 0;
        size_t used = utf8_decode(bytes + at, len - at, &code);
        if (used == 0) {
            break;
        }
        at += used;
    }
    return at;
}

size_t text_columns(const char *text)
{
    size_t len = strlen(text);
    size_t columns = 0;
    size_t at = 0;
    while (at < len) {
        uint32_t code = 0;
        size_t used = utf8_decode(text + at, len - at, &code);
        columns += used == 0 ? 1 : text_codepoint_columns(code);
        at += used == 0 ? 1 : used;
    }
    return columns;
}

/* ---- escape sequences ---- */

static size_t skip_range(const char *bytes, size_t len, size_t at, char first, char last)
{
    while (at < len && bytes[at] >= first && bytes[at] <= last) {
        at++;
    }
    return at;
}

/* ESC [ parameters intermediates final. A broken one ends before the byte that breaks it. */
static size_t csi_length(const char *bytes, size_t len)
{
    size_t at = skip_range(bytes, len, 2, '0', '?');
    at = skip_range(bytes, len, at, ' ', '/');
    return at < len && bytes[at] >= '@' && bytes[at] <= '~' ? at + 1 : at;
}

/* ESC ] ... BEL, or ESC ] ... ESC \ (also P, X, ^, _). 2 when it does not end in time. */
static size_t escape_string_length(const char *bytes, size_t len)
{
    size_t end = len < ESCAPE_STRING_MAX ? len : ESCAPE_STRING_MAX;
    for (size_t at = 2; at < end && bytes[at] != '\n'; at++) {
        if (bytes[at] == '\a') {
            return at + 1;
        }
        if (bytes[at] == '\033' && at + 1 < end && bytes[at + 1] == '\\') {
            return at + 2;
        }
    }
    return 2;
}

/* Length of the escape sequence at an ESC byte; 0 when it is none. */
static size_t escape_length(const char *bytes, size_t len)
{
    if (len < 2) {
        return 1; /* cut in the middle: nothing to show */
    }
    if (bytes[1] == '[') {
        return csi_length(bytes, len);
    }
    if (strchr("]PX^_", bytes[1]) != NULL && bytes[1] != '\0') {
        return escape_string_length(bytes, len);
    }
    size_t at = skip_range(bytes, len, 1, ' ', '/');
    if (at < len && bytes[at] >= '0' && bytes[at] <= '~') {
        return at + 1;
    }
    return at > 1 ? at : 0;
}

/* ---- sanitizing ---- */

/* Code points shown as they are: no C0 but tab and newline, no DEL, no C1, none XML forbids. */
static bool is_showable(uint32_t code)
{
    if (code < 0x20) {
        return code == '\t' || code == '\n';
    }
    return (code < 0x7F || code > 0x9F) && code != 0xFFFE && code != 0xFFFF;
}

/* How many of the bytes from `at` can be copied unseen: printable ASCII, tab, newline. The common
 * case of a log, worth a loop without decoding. */
static size_t plain_run(const char *bytes, size_t len, size_t at)
{
    size_t start = at;
    while (at < len
           && ((bytes[at] >= ' ' && bytes[at] <= '~') || bytes[at] == '\n' || bytes[at] == '\t')) {
        at++;
    }
    return at - start;
}

/* A carriage return becomes a newline, unless a newline or another return follows: "\r\n" is one
 * line end, and progress that overwrites itself stays readable line by line. */
static size_t sanitize_return(struct str *out, const char *bytes, size_t len)
{
    if (len < 2 || (bytes[1] != '\n' && bytes[1] != '\r')) {
        (void)str_append_char(out, '\n');
    }
    return 1;
}

/* Format characters of Unicode (Cf) and their like that have no picture of their own. */
static bool is_unseen(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00AD,  0x00AD }, /* soft hyphen */
        {0x034F,  0x034F }, /* grapheme joiner */
        {0x061C,  0x061C }, /* Arabic letter mark */
        {0x115F,  0x1160 }, /* Hangul fillers */
        {0x180B,  0x180F }, /* Mongolian selectors and separator */
        {0x200B,  0x200B }, /* zero-width space */
        {0x200E,  0x200F }, /* left-to-right and right-to-left mark */
        {0x2028,  0x202E }, /* line and paragraph separator, embeddings and overrides */
        {0x2060,  0x206F }, /* word joiner, invisible operators, isolates */
        {0x3164,  0x3164 }, /* Hangul filler */
        {0xFEFF,  0xFEFF }, /* byte order mark */
        {0xFFA0,  0xFFA0 }, /* halfwidth Hangul filler */
        {0xFFF9,  0xFFFB }, /* interlinear annotations */
        {0xE0000, 0xE007F}, /* tags */
    };

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Handles the one thing at bytes[0] that is not plain; returns the bytes consumed (> 0). */
static size_t sanitize_special(struct str *out, const char *bytes, size_t len, bool shown)
{
    if (bytes[0] == '\r') {
        return sanitize_return(out, bytes, len);
    }
    if (bytes[0] == '\033') {
        size_t used = escape_length(bytes, len);
        if (used > 0) {
            return used;
        }
    }
    uint32_t code = 0;
    size_t used = utf8_decode(bytes, len, &code);
    if (used > 0 && shown && is_unseen(code)) {
        (void)str_appendf(out, "\\u{%x}", (unsigned)code);
        return used;
    }
    if (used > 0 && is_showable(code)) {
        (void)str_append_n(out, bytes, used);
        return used;
    }
    (void)str_append(out, REPLACEMENT);
    return used > 0 ? used : 1;
}

static int sanitize(struct str *out, const char *bytes, size_t len, bool shown)
{
    size_t at = 0;
    while (at < len && out->error == 0) {
        size_t plain = plain_run(bytes, len, at);
        if (plain > 0) {
            (void)str_append_n(out, bytes + at, plain);
            at += plain;
        } else {
            at += sanitize_special(out, bytes + at, len - at, shown);
        }
    }
    return out->error;
}

int text_sanitize(struct str *out, const char *bytes, size_t len)
{
    return sanitize(out, bytes, len, false);
}

int text_show(struct str *out, const char *bytes, size_t len)
{
    return sanitize(out, bytes, len, true);
}

/* ---- shell words ----
 * One scanner serves splitting and judging. It walks a line and calls each piece what it is:
 *
 *   blank | plain character | escaped character (\x) | '...' | "..."
 */

enum quote {
    QUOTE_NONE,
    QUOTE_SINGLE,
    QUOTE_DOUBLE
};

struct scanner {
    const char *at;
    enum quote quote;
};

enum piece {
    PIECE_END,    /* of the line */
    PIECE_BLANK,  /* unquoted blank: ends a word */
    PIECE_QUOTE,  /* a quotation mark: opens or closes, gives no character */
    PIECE_PLAIN,  /* an unquoted character */
    PIECE_QUOTED, /* a character that stands for itself */
    PIECE_ACTIVE, /* `$` or '`' within "...": a shell would expand it */
    PIECE_JOINED, /* backslash-newline: nothing */
    PIECE_BROKEN, /* the line ends within a quote or after a backslash */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* The character after a backslash outside quotes, or an escapable one within "...". */
static enum piece scan_escaped(struct scanner *scanner, char *ret_char)
{
    char next = scanner->at[0];
    if (next == '\0') {
        return PIECE_BROKEN;
    }
    scanner->at++;
    *ret_char = next;
    return next == '\n' ? PIECE_JOINED : PIECE_QUOTED;
}

static enum piece scan_unquoted(struct scanner *scanner, char c, char *ret_char)
{
    if (c == '\\') {
        return scan_escaped(scanner, ret_char);
    }
    if (c == '\'' || c == '"') {
        scanner->quote = c == '"' ? QUOTE_DOUBLE : QUOTE_SINGLE;
        return PIECE_QUOTE;
    }
    *ret_char = c;
    return is_blank(c) ? PIECE_BLANK : PIECE_PLAIN;
}

static enum piece scan_double(struct scanner *scanner, char c, char *ret_char)
{
    if (c == '"') {
        scanner->quote = QUOTE_NONE;
        return PIECE_QUOTE;
    }
    if (c == '\\' && scanner->at[0] != '\0' && strchr("$`\"\\\n", scanner->at[0]) != NULL) {
        return scan_escaped(scanner, ret_char);
    }
    *ret_char = c;
    return c == '$' || c == '`' ? PIECE_ACTIVE : PIECE_QUOTED;
}

static enum piece scan_next(struct scanner *scanner, char *ret_char)
{
    char c = scanner->at[0];
    if (c == '\0') {
        return scanner->quote == QUOTE_NONE ? PIECE_END : PIECE_BROKEN;
    }
    scanner->at++;
    if (scanner->quote == QUOTE_NONE) {
        return scan_unquoted(scanner, c, ret_char);
    }
    if (scanner->quote == QUOTE_DOUBLE) {
        return scan_double(scanner, c, ret_char);
    }
    if (c == '\'') {
        scanner->quote = QUOTE_NONE;
        return PIECE_QUOTE;
    }
    *ret_char = c;
    return PIECE_QUOTED;
}

/* Words under construction: pointers in front, bytes behind them, in one block. */
struct splitter {
    char **words;
    size_t count;
    char *bytes;
    bool in_word;
};

static void splitter_begin_word(struct splitter *splitter)
{
    if (!splitter->in_word) {
        splitter->words[splitter->count++] = splitter->bytes;
        splitter->in_word = true;
    }
}

static void splitter_end_word(struct splitter *splitter)
{
    if (splitter->in_word) {
        *splitter->bytes++ = '\0';
        splitter->in_word = false;
    }
}

static void splitter_add(struct splitter *splitter, enum piece piece, char c)
{
    if (piece == PIECE_BLANK) {
        splitter_end_word(splitter);
        return;
    }
    if (piece == PIECE_JOINED) {
        return;
    }
    splitter_begin_word(splitter);
    if (piece != PIECE_QUOTE) {
        *splitter->bytes++ = c;
    }
}

static int broken_line(const struct scanner *scanner, const char *line, struct err *err)
{
    if (scanner->quote == QUOTE_NONE) {
        return err_set(err, -EINVAL, "a backslash ends the command, nothing follows it: %s", line);
    }
    return err_set(err,
                   -EINVAL,
                   "a %s quote is opened but never closed: %s",
                   scanner->quote == QUOTE_SINGLE ? "single" : "double",
                   line);
}

int shell_split(const char *line, char ***ret_words, size_t *ret_count, struct err *err)
{
    size_t len = strlen(line);
    /* A word takes one byte and a blank at least, so there are at most len / 2 + 1 of them. */
    size_t slots = len / 2 + 2;
    size_t size = size_add(size_mul(slots, sizeof(char *)), len + 2);
    char **words = mem_calloc(1, size);
    if (words == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to split a command of %zu bytes", len);
    }
    struct splitter splitter = {.words = words, .bytes = (char *)(words + slots)};
    struct scanner scanner = {.at = line};
    enum piece piece = PIECE_END;
    char c = '\0';
    while ((piece = scan_next(&scanner, &c)) != PIECE_END) {
        if (piece == PIECE_BROKEN) {
            mem_free(words);
            return broken_line(&scanner, line, err);
        }
        splitter_add(&splitter, piece, c);
    }
    splitter_end_word(&splitter);
    *ret_words = words;
    *ret_count = splitter.count;
    return 0;
}

/* Words that a shell does not look up on PATH: reserved ones, and built-ins that either have no
 * program of the same name or act on the shell itself. */
static const char *const shell_own_words[] = {
    "!",        "if",     "then",   "else",   "elif",  "fi",    "do",      "done",    "case",
    "esac",     "while",  "until",  "for",    "in",    "time",  "select",  "coproc",  "function",
    ".",        ":",      "alias",  "bg",     "break", "cd",    "command", "eval",    "exec",
    "continue", "exit",   "export", "fc",     "fg",    "hash",  "getopts", "jobs",    "local",
    "readonly", "return", "set",    "shift",  "trap",  "times", "type",    "ulimit",  "umask",
    "unalias",  "unset",  "wait",   "source", "read",  "let",   "declare", "builtin", "typeset",
};

static bool is_shell_own_word(const char *word)
{
    for (size_t i = 0; i < sizeof shell_own_words / sizeof shell_own_words[0]; i++) {
        if (strcmp(word, shell_own_words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_name_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && c >= '0' && c <= '9');
}

/* NAME= or NAME+= in front, which a shell takes for an assignment. */
static bool is_assignment(const char *word)
{
    size_t at = 0;
    while (is_name_char(word[at], at == 0)) {
        at++;
    }
    at += at > 0 && word[at] == '+' ? 1 : 0;
    return at > 0 && word[at] == '=';
}

/* An unquoted character that means more than itself, given the character before it ('\0' at the
 * start of a word). */
static bool is_special(char c, char before)
{
    if (strchr("$`|&;<>()*?[]{}\n", c) != NULL) {
        return true;
    }
    if (c == '#') {
        return before == '\0';
    }
    return c == '~' && (before == '\0' || before == '=' || before == ':');
}

/* True when no piece of the line asks the shell for anything; *ret_words tells if there is any. */
static bool pieces_are_plain(const char *line, bool *ret_words)
{
    struct scanner scanner = {.at = line};
    char before = '\0';
    char c = '\0';
    enum piece piece = PIECE_END;
    *ret_words = false;
    while ((piece = scan_next(&scanner, &c)) != PIECE_END) {
        if (piece == PIECE_BROKEN || piece == PIECE_ACTIVE || piece == PIECE_JOINED) {
            return false;
        }
        if ((piece == PIECE_PLAIN && is_special(c, before))
            || (piece == PIECE_BLANK && c == '\n')) {
            return false;
        }
        *ret_words = *ret_words || piece != PIECE_BLANK;
        before = c;
        if (piece == PIECE_QUOTE) {
            before = '"';
        } else if (piece == PIECE_BLANK) {
            before = '\0';
        }
    }
    return true;
}

bool shell_is_plain(const char *line)
{
    bool has_words = false;
    if (!pieces_are_plain(line, &has_words) || !has_words) {
        return false;
    }
    char **words = NULL;
    size_t count = 0;
    if (shell_split(line, &words, &count, NULL) != 0 || words == NULL) {
        return false;
    }
    /* Judged by the word without its quotes: a quoted NAME=x or "if" is rare, and the shell is
     * always right. */
    bool plain = !is_assignment(words[0]) && !is_shell_own_word(words[0]);
    mem_free(words);
    return plain;
}

static bool is_safe_char(char c)
{
    return is_name_char(c, false) || strchr("@%+=:,./-", c) != NULL;
}

static bool needs_quotes(const char *word)
{
    for (const char *c = word; *c != '\0'; c++) {
        if (!is_safe_char(*c)) {
            return true;
        }
    }
    return *word == '\0' || is_assignment(word) || is_shell_own_word(word);
}

int shell_quote(struct str *out, const char *word)
{
    if (!needs_quotes(word)) {
        return str_append(out, word);
    }
    (void)str_append_char(out, '\'');
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'') {
            (void)str_append(out, "'\\''");
        } else {
            (void)str_append_char(out, *c);
        }
    }
    return str_append_char(out, '\'');
}

int share_parse(const char *text, unsigned *ret_ppm)
{
    const size_t whole = strspn(text, "0123456789");
    const size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    const char *end = text + whole + (part > 0 ? 1 + part : 0);
    const bool shaped = whole > 0 && whole <= 3 && part <= 4 && strcmp(end, "%") == 0;
    const double percent = shaped ? strtod(text, NULL) : 101;
    if (percent > 100) {
        return -EINVAL;
    }
    *ret_ppm = (unsigned)(percent * 10000 + 0.5);
    return 0;
}

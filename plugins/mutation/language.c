/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/str.h"
#include "plugins/mutation/queries.h"
#include "plugins/mutation/source.h"

#include <string.h>

const TSLanguage *tree_sitter_c(void);
const TSLanguage *tree_sitter_python(void);
const TSLanguage *tree_sitter_javascript(void);
const TSLanguage *tree_sitter_typescript(void);
const TSLanguage *tree_sitter_tsx(void);

static const char *const endings_c[] = {".c", ".h", NULL};
static const char *const endings_python[] = {".py", ".pyi", NULL};
static const char *const endings_javascript[] = {".js", ".mjs", ".cjs", ".jsx", NULL};
static const char *const endings_typescript[] = {".ts", ".mts", ".cts", NULL};
static const char *const endings_tsx[] = {".tsx", NULL};
static const char *const endings_cpp[] = {".cc", ".cpp", ".cxx", ".hh", ".hpp", NULL};
static const char *const endings_go[] = {".go", NULL};
static const char *const endings_rust[] = {".rs", NULL};
static const char *const endings_java[] = {".java", ".kt", ".scala", ".cs", ".swift", NULL};
static const char *const endings_shell[] = {".sh", ".bash", ".bats", NULL};
static const char *const endings_ruby[] = {".rb", ".pl", ".pm", NULL};
static const char *const endings_lua[] = {".lua", NULL};
static const char *const endings_none[] = {NULL};

/* A character literal of C ends in its line at the latest; an apostrophe is also a digit separator
 * or a lifetime in others, where the end of the line limits what is missed. */
static const struct language_quote quotes_c[] = {
    {"//",  "\n", '\0', true},
    {"/*", "*/", '\0', true},
    {"\"",     "\"", '\\', false},
    {"'", "'", '\\', false},
    {0},
};

static const struct language_quote quotes_rust[] = {
    {"//",  "\n", '\0', true},
    {"/*", "*/", '\0', true},
    {"\"",     "\"", '\\', false},
    {0},
};

static const struct language_quote quotes_script[] = {
    {"//",  "\n", '\0', true},
    {"/*", "*/", '\0', true},
    {"\"",     "\"", '\\', false},
    {"'", "'", '\\', false},
    {"`", "`", '\\', false},
    {0 },
};

static const struct language_quote quotes_python[] = {
    {"#",       "\n", '\0', true},
    {"\"\"\"",     "\"\"\"", '\\', false},
    {"'''",         "'''", '\\', false},
    {"\"","\"", '\\', false},
    {"'",    "'", '\\', false},
    {0    },
};

static const struct language_quote quotes_shell[] = {
    {"#",   "\n", '\0', true},
    {"\"", "\"", '\\', false},
    {"'",     "'", '\0', false},
    {0},
};

static const struct language_quote quotes_lua[] = {
    {"--[[", "]]", '\0', true},
    {"--",  "\n", '\0', true},
    {"\"",      "\"", '\\', false},
    {"'", "'", '\\', false},
    {0 },
};

static const struct language_quote quotes_text[] = {
    {"#",   "\n", '\0', true},
    {"//", "\n", '\0', true},
    {"\"",     "\"", '\\', false},
    {0},
};

#define SCRIPT_FUNCTIONS                                                                         \
    "function_declaration function_expression generator_function generator_function_declaration" \
    " arrow_function method_definition"
#define SCRIPT_SCOPES "class_declaration class abstract_class_declaration"

static const struct language languages[] = {
    {"c",          endings_c,     tree_sitter_c,          query_c, "//", "function_definition", "",                 quotes_c     },
    {"python",
     endings_python,              tree_sitter_python,
     query_python,                                                 "#",
     "function_definition",                                                                     "class_definition",
     quotes_python                                                                                                               },
    {"javascript",
     endings_javascript,          tree_sitter_javascript,
     query_javascript,                                             "//",
     SCRIPT_FUNCTIONS,                                                                          SCRIPT_SCOPES,
     quotes_script                                                                                                               },
    {"typescript",
     endings_typescript,          tree_sitter_typescript,
     query_javascript,                                             "//",
     SCRIPT_FUNCTIONS,                                                                          SCRIPT_SCOPES,
     quotes_script                                                                                                               },
    {"tsx",
     endings_tsx,                 tree_sitter_tsx,
     query_javascript,                                             "//",
     SCRIPT_FUNCTIONS,                                                                          SCRIPT_SCOPES,
     quotes_script                                                                                                               },
    {"cpp",        endings_cpp,   NULL,                   NULL,    "//", "",                    "",                 quotes_c     },
    {"go",         endings_go,    NULL,                   NULL,    "//", "",                    "",                 quotes_script},
    {"rust",       endings_rust,  NULL,                   NULL,    "//", "",                    "",                 quotes_rust  },
    {"java",       endings_java,  NULL,                   NULL,    "//", "",                    "",                 quotes_c     },
    {"shell",      endings_shell, NULL,                   NULL,    "#",  "",                    "",                 quotes_shell },
    {"ruby",       endings_ruby,  NULL,                   NULL,    "#",  "",                    "",                 quotes_shell },
    {"lua",        endings_lua,   NULL,                   NULL,    "--", "",                    "",                 quotes_lua   },
    {"text",       endings_none,  NULL,                   NULL,    "#",  "",                    "",                 quotes_text  },
};

#define LANGUAGE_COUNT (sizeof(languages) / sizeof(languages[0]))

const struct language *language_at(size_t index)
{
    return index < LANGUAGE_COUNT ? &languages[index] : NULL;
}

/* ".c" alone is a hidden file, not one of C. */
static bool has_ending(const char *name, const char *const *endings)
{
    for (; *endings != NULL; endings++) {
        if (text_ends_with(name, *endings) && strlen(name) > strlen(*endings)) {
            return true;
        }
    }
    return false;
}

const struct language *language_of(const char *path)
{
    const char *name = path_basename(path);
    for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
        if (has_ending(name, languages[i].endings)) {
            return &languages[i];
        }
    }
    return NULL;
}

const struct language *language_named(const char *name)
{
    for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
        if (strcmp(name, languages[i].name) == 0) {
            return &languages[i];
        }
    }
    return NULL;
}

const struct language *language_of_text(void)
{
    return &languages[LANGUAGE_COUNT - 1];
}

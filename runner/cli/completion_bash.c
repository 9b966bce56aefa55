/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for bash 4 and later, without help of the bash-completion package. */
#include "cli/completion.h"

static const char head[] =
    "# bash completion for sluice, made from its tables by `sluice completion bash`.\n"
    "\n"
    "# Offers a word when it continues what was typed; a shell reads it back as one word.\n"
    "_sluice_offer() {\n"
    "    local cur=$1 word quoted\n"
    "    while IFS= read -r word; do\n"
    "        printf -v quoted %q \"$word\"\n"
    "        if [[ -n $word && ($word == \"$cur\"* || $quoted == \"$cur\"*) ]]; then\n"
    "            COMPREPLY+=(\"$quoted\")\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_sluice_paths() {\n"
    "    local path\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    while IFS= read -r path; do\n"
    "        COMPREPLY+=(\"$path\")\n"
    "    done < <(compgen \"$1\" -- \"$2\")\n"
    "}\n"
    "\n"
    "_sluice() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} command='' opt='' later='' i=1 word\n"
    "    local kinds='' words='' at=()\n"
    "    COMPREPLY=()\n";

/* "--opt=value" comes as three words. */
static const char scan[] =
    "    while ((i < COMP_CWORD)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $takes == *\" $word \"* || ${COMP_WORDS[i + 1]} == = && $word == --* ]]; then\n"
    "            [[ ${COMP_WORDS[i + 1]} != = ]] || i=$((i + 1))\n"
    "            if ((i + 1 >= COMP_CWORD)); then\n"
    "                opt=$word\n"
    "                break\n"
    "            fi\n"
    "            case $word in\n"
    "            -C | --directory | --pipeline) at+=(\"$word\" \"${COMP_WORDS[i + 1]/#\\~/$HOME}\") ;;\n"
    "            esac\n"
    "            i=$((i + 1))\n"
    "        elif [[ $word != -* && -n $command ]]; then\n"
    "            later=later\n"
    "        elif [[ $word != -* ]]; then\n"
    "            command=$word\n"
    "        fi\n"
    "        i=$((i + 1))\n"
    "    done\n"
    "    [[ $cur != = ]] || cur=''\n";

static const char tail[] =
    "    # shellcheck disable=SC2086 # words are separated by blanks\n"
    "    _sluice_offer \"$cur\" < <(printf '%s\\n' $words)\n"
    "    for word in $kinds; do\n"
    "        case $word in\n"
    "        files) _sluice_paths -f \"$cur\" ;;\n"
    "        folders) _sluice_paths -d \"$cur\" ;;\n"
    "        *) _sluice_offer \"$cur\" < <(\"$program\" \"${at[@]}\" completion \"$word\" 2>/dev/null) ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "\n"
    "complete -F _sluice sluice\n";

static void put_commands(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            (void)str_appendf(out, " %s", table[i].name);
        }
    }
}

/* kinds='...' words='...' for what may stand there. */
static void put_kinds(struct str *out, unsigned bits)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {COMPLETES_FILES,   "files"  },
        {COMPLETES_FOLDERS, "folders"},
        {COMPLETES_LAYERS,  "layers" },
        {COMPLETES_RUNS,    "runs"   },
    };

    (void)str_append(out, "kinds='");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((bits & names[i].bit) != 0) {
            (void)str_appendf(out, " %s", names[i].name);
        }
    }
    (void)str_append(out, "'");
}

/* Options whose value may be the next word. */
static void put_takes(struct str *out)
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    (void)str_append(out, "    local takes='");
    for (size_t i = 0; i < count; i++) {
        if (table[i].argument == NULL || table[i].kind == OPTION_RUN) {
            continue;
        }
        (void)str_appendf(out, " --%s", table[i].name);
        if (table[i].letter != '\0') {
            (void)str_appendf(out, " -%c", table[i].letter);
        }
    }
    (void)str_append(out, " '\n");
}

static void put_value(struct str *out,
                      const struct command *command,
                      const struct option_spec *spec)
{
    const unsigned bits = completion_of(spec->argument);
    if (bits == 0 && spec->words == NULL) {
        return;
    }
    const char *name = command != NULL ? command->name : "";
    (void)str_appendf(out, "        \"%s --%s\"", name, spec->name);
    if (spec->letter != '\0') {
        (void)str_appendf(out, " | \"%s -%c\"", name, spec->letter);
    }
    (void)str_append(out, ") ");
    put_kinds(out, bits);
    (void)str_append(out, " words='");
    completion_words(out, spec);
    (void)str_append(out, "' ;;\n");
}

static void put_name(struct str *out, const struct command *command, const struct option_spec *spec)
{
    (void)command;
    (void)str_appendf(out, " --%s", spec->name);
    if (spec->letter != '\0') {
        (void)str_appendf(out, " -%c", spec->letter);
    }
}

/* A branch per command, and one for none. */
static void put_names(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            (void)str_appendf(out, "        %s) words='", table[i].name);
            completion_options(out, &table[i], put_name);
            (void)str_append(out, "' ;;\n");
        }
    }
    (void)str_append(out, "        '') words='");
    completion_options(out, NULL, put_name);
    (void)str_append(out, "' ;;\n");
}

static void put_arguments(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        const unsigned bits = completion_of_first(table[i].arguments);
        const unsigned later = completion_of_later(table[i].arguments);
        if (table[i].summary == NULL || (bits == 0 && table[i].words == NULL)) {
            continue;
        }
        if (later != 0) {
            (void)str_appendf(out, "        \"%s later\") ", table[i].name);
            put_kinds(out, later);
            (void)str_append(out, " ;;\n");
        }
        (void)str_appendf(out, "        \"%s \") ", table[i].name);
        put_kinds(out, bits);
        (void)str_appendf(out, " words='%s", table[i].words != NULL ? table[i].words : "");
        if ((bits & COMPLETES_COMMANDS) != 0) {
            put_commands(out);
        }
        (void)str_append(out, "' ;;\n");
    }
}

int completion_bash(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    (void)str_append(out, head);
    put_takes(out);
    (void)str_append(out, scan);
    (void)str_append(out,
                     "    if [[ -n $opt ]]; then\n"
                     "        case \"$command $opt\" in\n");
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            completion_options(out, &table[i], put_value);
        }
    }
    completion_options(out, NULL, put_value);
    (void)str_append(out,
                     "        esac\n"
                     "    elif [[ $cur == -* ]]; then\n"
                     "        case $command in\n");
    put_names(out);
    (void)str_append(out,
                     "        esac\n"
                     "    elif [[ -z $command ]]; then\n"
                     "        words='");
    put_commands(out);
    (void)str_append(out,
                     "'\n"
                     "    else\n"
                     "        case \"$command $later\" in\n");
    put_arguments(out);
    (void)str_append(out,
                     "        esac\n"
                     "    fi\n");
    (void)str_append(out, tail);
    return str_error(out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include "base/str.h"

#include <string.h>

static const struct command commands[] = {
    {
     .name = "run",
     .bit = COMMAND_RUN,
     .arguments = "[LAYER...]",
     .args_max = ARGS_ANY,
     .summary = "run the pipeline, or some layers of it; the exit code is the gate",
     .text =
            "Runs the layers of the pipeline stage by stage and opens or shuts the gate. Named\n"
            "layers run alone (matrix variants by their common name or one by one).\n"
            "\n"
            "While it runs: `t` or SIGUSR1 shows what runs now; Ctrl-C once finishes what\n"
            "runs, twice stops at once.\n"
            "\n"
            "Everything a run did lies in .sluice/runs/ID; `sluice report` shows it again.\n",               .run = command_run,
     },
    {
     .name = "plan",
     .bit = COMMAND_PLAN,
     .arguments = "[LAYER...]",
     .args_max = ARGS_ANY,
     .summary = "tell for each unit whether `run` would run it, and why",
     .text =
            "Asks every plugin for its units and prints one line per unit: the decision, layer,\n"
            "unit and reason. hit: evidence answers (from which run, of which change, how old);\n"
            "join: another process runs the same now; run: it must run, and why; wait: it sees\n"
            "what another layer will have made; skip: not selected. Runs no unit. A layer whose\n"
            "units are not known before another one has made its outputs is one line with unit\n"
            "`*`. With --at it answers for a revision, or for merge:BASE,CHANGE,...: the tree that\n"
            "would land if these were merged. The pipeline is the one on disk.\n",                                                                                   .run = command_plan,
     },
    {
     .name = "list",
     .bit = COMMAND_LIST,
     .arguments = "[LAYER...]",
     .args_max = ARGS_ANY,
     .summary = "list the selected units, one layer/unit a line",
     .text = "Prints the units that --filter, --shard and the named layers select.\n",
     .run = command_list,
     },
    {
     .name = "why",
     .bit = COMMAND_WHY,
     .arguments = "UNIT",
     .args_max = 1,
     .summary = "explain why a unit would run, or what answers for it",
     .text =
            "UNIT is LAYER/UNIT, or the unit's id alone. For a unit that must run: the first\n"
            "observations that differ from the nearest evidence, with both answers. For one that\n"
            "is reused: which run earned it, for which change, when. --run tells what a past run\n"
            "decided and what came of it; --run latest is the newest.\n",                                                                                                            .run = command_why,
     },
    {
     .name = "mutants",
     .bit = COMMAND_MUTANTS,
     .arguments = "[VERB] [ID]",
     .args_max = ARGS_ANY,
     .words = "list show replay diff merge",
     .summary = "show what a mutation layer found out",
     .text =
            "Of the newest run that has results of a layer with `uses: mutation`, or of --run RUN.\n"
            "\n"
            "  list       every mutant, with its line as the mutant has it (--status, --file);\n"
            "             the verb may be left out\n"
            "  show ID    one mutant: the change, the tests that reach it, the one that killed it\n"
            "  replay ID  try it once more, on the tree as it is, and see what the tests print\n"
            "  merge FOLDER FILE...\n"
            "             the mutation.json of all shards as one report in FOLDER, with the score of\n"
            "             the whole\n"
            "  diff       survivors that are new, and those that are gone, since an older run\n"
            "             (--against)\n"
            "\n"
            "ID may be the beginning of an id. --json has a line for each mutant: id, file, line,\n"
            "operator, original, replacement, status, killed_by, covered_by.\n", .run = command_mutants,
     },
    {
     .name = "init",
     .bit = COMMAND_INIT,
     .arguments = "",
     .args_max = 0,
     .summary = "write a first sluice.yml from what the tree holds",
     .text =
            "Looks for CMake, Meson, configure, make, npm (node --test, vitest, jest, mocha, ...),\n"
            "pytest, Go, Cargo and bats, in the tree and in folders below it, writes a commented\n"
            "pipeline at its top, and says what it found, what it could not know, and what is\n"
            "missing on this machine. Runs nothing of the tree and changes no other file. A\n"
            "pipeline that is there is left alone without --force. The exit code is 2 when\n"
            "nothing was found, and then nothing is written.\n",                                                                 .run = command_init,
     },
    {
     .name = "lint",
     .bit = COMMAND_LINT,
     .arguments = "[FILE...]",
     .args_max = ARGS_ANY,
     .summary = "check pipeline files and the settings of their plugins",
     .text =
            "Checks each FILE (the project's pipeline when none is named) and says what is wrong\n"
            "with file, line and column. Runs nothing but the plugins' `describe`.\n",                                                                                    .run = command_lint,
     },
    {
     .name = "report",
     .bit = COMMAND_REPORT,
     .arguments = "[RUN|FILE.ndjson] | read FILE... | merge FILE...",
     .args_max = ARGS_ANY,
     .words = "read merge",
     .summary = "show a past run again, from its event log; read other tools' reports",
     .text =
            "Renders the newest run (`latest`), the run with id RUN, or an event log. With --junit and\n"
            "--report it writes reports again, with --json the summary object. Also works for a\n"
            "run that was killed: what ended before is shown. The exit code is 0 when the report\n"
            "could be made, whatever the run's own result was.\n"
            "\n"
            "  read FILE...      read other tools' reports (- is standard input): a line per case\n"
            "                    and the counts at the end; with --json a JSON object a line, as\n"
            "                    in docs/formats/cases.md, with --verbose with what failed\n"
            "                    tests said and what each printed. --format names what they are: auto,\n"
            "                    junit, tap, cmocka, cases, ctrf, mocha, subunit, gotest, check,\n"
            "                    cunit, cppunit, ctest, boost, nunit, xunit, trx, qtest. Exit code\n"
            "                    0: all could be read and nothing failed, 1: a case failed, 3: a\n"
            "                    file could not be read (whole).\n"
            "  merge FILE...     the event logs (--events) of all shards of a run as one run, with\n"
            "                    --junit, --report and --json as above, and with --events a log of\n"
            "                    the whole; or other tools' reports. Gates are judged over what\n"
            "                    the shards add up to. The exit code is that of the whole; 3 when\n"
            "                    a shard is missing or did not come to its end.\n", .run = command_report,
     },
    {
     .name = "schema",
     .bit = COMMAND_SCHEMA,
     .arguments = "",
     .args_max = 0,
     .summary = "print the JSON Schema of pipeline files",
     .text = "For editors: save it and name it in the first line of sluice.yml,\n"
                "    # yaml-language-server: $schema=sluice.schema.json\n",.run = command_schema,
     },
    {
     .name = "doctor",
     .bit = COMMAND_DOCTOR,
     .arguments = "",
     .args_max = 0,
     .summary = "say what this machine can do, and how to switch on the rest",
     .text = "Tries each thing that isolated units need. The exit code is 0 when units can be\n"
                "isolated here and 3 when they cannot.\n",                                                                                  .run = command_doctor,
     },
    {
     .name = "version",
     .bit = COMMAND_VERSION,
     .arguments = "",
     .args_max = 0,
     .summary = "print the version",
     .text = "",
     .run = command_version,
     },
    {
     .name = "cache",
     .bit = COMMAND_CACHE,
     .arguments = "VERB [FILE|KEY]",
     .args_max = ARGS_ANY,
     .words = "stats gc prune verify revoke export import quarantine",
     .summary = "look after the evidence that is reused",
     .text =
            "Evidence lies in $SLUICE_CACHE, else in sluice/ below $XDG_CACHE_HOME or ~/.cache,\n"
            "shared by all work trees and clones of a user.\n"
            "\n"
            "  stats             how much there is\n"
            "  gc                make room: what was not used for the longest time goes\n"
            "                    (--budget)\n"
            "  prune             remove what was not used for a time (--older-than)\n"
            "  verify            read everything; what is damaged is removed and runs again\n"
            "  revoke            remove all that rests on a host, a change, a run or a time, and\n"
            "                    keep it from coming back (--host, --change, --run, --since,\n"
            "                    --until; --dry-run lists it only)\n"
            "  export FILE       write what answers for a commit or a run, with its content, to\n"
            "                    one file (--for, --run)\n"
            "  import FILE       read such a file; its trust is at most --trust (member)\n"
            "  quarantine        list the units whose evidence contradicts itself\n"
            "  quarantine lift KEY   use a unit's evidence again; it starts with none\n", .run = command_cache,
     },
    {
     .name = "completion",
     .bit = COMMAND_COMPLETION,
     .arguments = "SHELL",
     .args_max = 1,
     .words = "bash zsh fish",
     .summary = "print the completion script of a shell",
     .text =
            "SHELL is bash, zsh or fish. The packages install these scripts; by hand:\n"
            "\n"
            "    bash   source <(sluice completion bash)\n"
            "    zsh    sluice completion zsh >DIR/_sluice, where DIR is in $fpath\n"
            "    fish   sluice completion fish >~/.config/fish/completions/sluice.fish\n"
            "\n"
            "`sluice completion commands`, `layers` and `runs` print what the scripts offer there.\n",
     .run = command_completion,
     },
    {
     .name = "help",
     .bit = COMMAND_HELP,
     .arguments = "[COMMAND]",
     .args_max = 1,
     .summary = "explain a command",
     .text = "",
     .run = command_help,
     },
    {
     .name = "slot",
     .bit = COMMAND_SLOT,
     .arguments = "FD",
     .args_max = 1,
     .summary = NULL,                                                             /* started by `run`, one per slot; of no use by hand */
        .text = "",
     .run = command_slot,
     },
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const struct command *command_table(size_t *ret_count)
{
    *ret_count = COMMAND_COUNT;
    return commands;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

const struct command *command_nearest(const char *word)
{
    const char *names[COMMAND_COUNT] = {NULL};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].summary != NULL ? commands[i].name : NULL;
    }
    const char *name = text_nearest(word, names, COMMAND_COUNT);
    return name != NULL ? command_find(name) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config/keys.h"

#include "base/str.h"
#include "config/reader.h"
#include "config/rules.h"

#include <stddef.h>
#include <string.h>

#define TOP      SCOPE_BIT(SCOPE_TOP)
#define LAYER    SCOPE_BIT(SCOPE_LAYER)
#define DEFAULTS SCOPE_BIT(SCOPE_DEFAULTS)

#define IN_TOP(field)   offsetof(struct top, field)
#define IN_LAYER(field) offsetof(struct draft, layer.field)
#define IN_REUSE(field) offsetof(struct reuse_policy, field)
#define IN_GATE(field)  offsetof(struct gate_rule, field)

static const struct key_word sandbox_words[] = {
    {"full", SANDBOX_FULL, "each unit sees a snapshot of the tree and nothing else" },
    {"none", SANDBOX_NONE, "units run in place, in the live tree; nothing is reused"},
    {NULL,   0,            NULL                                                     },
};

static const struct key_word when_words[] = {
    {"always",  WHEN_ALWAYS,  "in every run"                                                 },
    {"changed", WHEN_CHANGED, "only if the tree differs from the one its gate last opened on"},
    {"manual",  WHEN_MANUAL,  "only when it is named on the command line"                    },
    {NULL,      0,            NULL                                                           },
};

static const struct key_word retry_words[] = {
    {"failure", RETRY_FAILURE, "the test says no"        },
    {"error",   RETRY_ERROR,   "it could not say"        },
    {"timeout", RETRY_TIMEOUT, "it took too long"        },
    {"signal",  RETRY_SIGNAL,  "it was ended by a signal"},
    {NULL,      0,             NULL                      },
};

static const struct key_word reuse_words[] = {
    {"observed", REUSE_OBSERVED, "by what the unit was observed to read"                    },
    {"declared", REUSE_DECLARED, "by the files listed in `declared`; for units with network"},
    {"off",      REUSE_OFF,      "never"                                                    },
    {NULL,       0,              NULL                                                       },
};

const struct key keys[] = {
  /* top level */
    {.name = "version",
     .scopes = TOP,
     .type = TYPE_VERSION,
     .required = true,
     .help = "Version of this file format.",
     .example = "1",
     .read = read_version,
     .offset = IN_TOP(version)                                                                                                                                                                                 },
    {.name = "name",
     .scopes = TOP,
     .type = TYPE_TEXT,
     .rule = &rule_title,
     .fallback = "the name of the file without its ending",
     .help = "What the pipeline is called in reports.",
     .example = "libfoo",
     .read = read_text,
     .offset = IN_TOP(name)},
    {.name = "defaults",
     .scopes = TOP,
     .type = TYPE_OBJECT,
     .inner = SCOPE_DEFAULTS,
     .help = "Settings of every layer that does not say otherwise. Variables of `env`, and the "
             "members of `retry` and `reuse`, are taken over one by one; any other setting of a "
             "layer replaces the default.",                                                                .example = "{timeout: 5m, env: {LC_ALL: C.UTF-8}}",
     .read = read_node,
     .offset = IN_TOP(defaults)                                                                                                                                                                                         },
    {.name = "stages",
     .scopes = TOP,
     .type = TYPE_LIST,
     .rule = &rule_id,
     .fallback = "one stage, `default`",
     .help = "The stages in their order. The layers of a stage start when the gates of all stages "
             "before it are open.",                                                                                    .example = "[fast, deep]",
     .read = read_stages,
     .offset = IN_TOP(stages)},
    {.name = "layers",
     .scopes = TOP,
     .type = TYPE_MAP,
     .inner = SCOPE_LAYER,
     .rule = &rule_id,
     .required = true,
     .help = "The layers by their ids.",
     .example = "{unit: {uses: unit}}",
     .read = read_node,
     .offset = IN_TOP(layers)},

 /* layers */
    {.name = "name",
     .scopes = LAYER,
     .type = TYPE_TEXT,
     .rule = &rule_title,
     .fallback = "the id",
     .help = "What the layer is called in reports.",
     .example = "Unit tests",
     .read = read_name,
     .offset = IN_LAYER(name)},
    {.name = "stage",
     .scopes = LAYER,
     .type = TYPE_TEXT,
     .rule = &rule_id,
     .fallback = "the first stage",
     .help = "One of `stages`. It holds the layer back only where `needs` is absent.",
     .example = "deep",
     .read = read_stage,
     .offset = offsetof(struct draft, stage)},
    {.name = "uses",
     .scopes = LAYER,
     .type = TYPE_TEXT,
     .rule = &rule_uses,
     .required = true,
     .help = "The plugin: a built-in name, or the path of your own below the root, beginning with "
             "`./`.",                                                                               .example = "unit",
     .read = read_uses,
     .offset = IN_LAYER(uses)},
    {.name = "with",
     .scopes = LAYER,
     .type = TYPE_WITH,
     .fallback = "no settings",
     .help = "Settings of the plugin; each plugin has its own keys.",
     .example = "{discover: ctest, dir: build}",
     .read = read_with,
     .offset = offsetof(struct draft,                                                                                                                                                                                 with)},
    {.name = "needs",
     .scopes = LAYER,
     .type = TYPE_LIST,
     .rule = &rule_need,
     .single = true,
     .fallback = "all layers of the stages before",
     .help = "Layers whose gates must be open first, and whose `outputs` this one sees. They are "
             "of the same stage or one before. `unit` means all variants of a layer with a "
             "matrix, `unit[asan]` one. `[]` waits for nothing.",                                                                                                                          .example = "[build]",
     .read = read_needs,
     .offset = offsetof(struct draft, needs)},
    {.name = "matrix",
     .scopes = LAYER,
     .type = TYPE_MATRIX,
     .fallback = "one variant",
     .help = "Axes and their values: the layer is run once for every combination, as "
             "`id[value,value]`. `${{ matrix.AXIS }}` stands for the value in every text of the "
             "layer.",                                                                         .example = "{san: [asan, ubsan]}",
     .read = read_matrix                                                                                             },
    {.name = "env",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_ENV,
     .rule = &rule_env_name,
     .fallback = "no variables",
     .help = "Environment variables of the units. Numbers, true and false are taken as they are "
             "written; null passes on the value that sluice itself was started with.",                                                                                                   .example = "{TZ: UTC, JOBS: 4, CI: null}",
     .read = read_env,
     .offset = IN_LAYER(env)},
    {.name = "cwd",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_TEXT,
     .rule = &rule_cwd,
     .fallback = "the root",
     .help = "The folder, relative to the root, in which units start.",
     .example = "build",
     .read = read_text,
     .offset = IN_LAYER(cwd)},
    {.name = "timeout",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_DURATION,
     .fallback = "`10m`",
     .help = "A unit that takes longer is ended, and its outcome is timed_out.",
     .example = "90s",
     .read = read_duration,
     .offset = IN_LAYER(timeout_ms)                                                                                                                          },
    {.name = "slow_after",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_DURATION,
     .zero = true,
     .fallback = "`0`: never",
     .help = "A unit that takes longer is told as slow; it is not ended.",
     .example = "60s",
     .read = read_duration,
     .offset = IN_LAYER(slow_after_ms)},
    {.name = "retry",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_OBJECT,
     .inner = SCOPE_RETRY,
     .fallback = "no retries",
     .help = "When a unit is tried again. One that passes then is told as flaky.",
     .example = "{max: 2, when: [timeout, signal]}",
     .read = read_retry                                                                                                                                                                                       },
    {.name = "shards",
     .scopes = LAYER,
     .type = TYPE_INT,
     .min = 1,
     .max = SHARDS_MAX,
     .fallback = "`1`",
     .help = "Every unit is run as this many parts, told by `SLUICE_SHARD_INDEX` and "
             "`SLUICE_SHARD_COUNT`.",                                                                                                                               .example = "4",
     .read = read_int,
     .offset = IN_LAYER(shards)},
    {.name = "locks",
     .scopes = LAYER,
     .type = TYPE_LIST,
     .rule = &rule_lock,
     .single = true,
     .fallback = "none",
     .help = "Units that share a lock do not run at the same time.",
     .example = "[port-8080]",
     .read = read_list,
     .offset = IN_LAYER(locks)},
    {.name = "slots",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_INT,
     .min = 1,
     .max = SLOTS_MAX,
     .fallback = "`1`",
     .help = "How many of the slots of `-j` a unit takes; more than there are means all.",
     .example = "2",
     .read = read_int,
     .offset = IN_LAYER(slots)},
    {.name = "when",
     .scopes = LAYER,
     .type = TYPE_WORD,
     .words = when_words,
     .fallback = "`always`",
     .help = "In which runs the layer takes part.",
     .example = "changed",
     .read = read_word,
     .offset = IN_LAYER(when)},
    {.name = "allow_failure",
     .scopes = LAYER,
     .type = TYPE_BOOL,
     .fallback = "`false`",
     .help = "A shut gate of this layer is told, but does not shut the pipeline.",
     .example = "true",
     .read = read_bool,
     .offset = IN_LAYER(allow_failure)                                                                                                                                                                                 },
    {.name = "outputs",
     .scopes = LAYER,
     .type = TYPE_LIST,
     .rule = &rule_inside,
     .single = true,
     .fallback = "none",
     .help = "Patterns below the root. What a passed unit wrote there is seen by the layers that "
             "need this one.",                                                                                                                                   .example = "[build/**]",
     .read = read_list,
     .offset = IN_LAYER(outputs)},
    {.name = "expose",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_LIST,
     .rule = &rule_expose,
     .single = true,
     .fallback = "none",
     .help = "Paths that units see although git ignores them, or, if absolute, although they are "
             "outside the tree. Read-only. The files of a submodule are such paths.",                                                                                                                                    .example = "[node_modules, /srv/data]",
     .read = read_list,
     .offset = IN_LAYER(expose)},
    {.name = "artifacts",
     .scopes = LAYER,
     .type = TYPE_LIST,
     .rule = &rule_inside,
     .single = true,
     .fallback = "none",
     .help =
         "Patterns below the root, of files that are kept with the run whatever the outcome. "
         "Links that lead out of the tree are not kept. A unit that is reused leaves those of the run "
         "that earned its evidence; when other patterns are asked for than then, it runs.",                                                                                                                                     .example = "[\"build/*.log\"]",
     .read = read_list,
     .offset = IN_LAYER(artifacts)},
    {.name = "network",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_BOOL,
     .fallback = "`false`: loopback only",
     .help = "Units may use the network of the host.",
     .example = "true",
     .read = read_bool,
     .offset = IN_LAYER(network)                                                                                                                                                                                            },
    {.name = "sandbox",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_WORD,
     .words = sandbox_words,
     .fallback = "`full`",
     .help = "The world that units run in.",
     .example = "none",
     .read = read_word,
     .offset = IN_LAYER(sandbox)},
    {.name = "reuse",
     .scopes = LAYER | DEFAULTS,
     .type = TYPE_OBJECT,
     .inner = SCOPE_REUSE,
     .fallback = "`{mode: observed}`",
     .help = "When an earlier outcome answers for a unit.",
     .example = "{mode: observed, verify: 1%}",
     .read = read_reuse,
     .offset = IN_LAYER(reuse)},
    {.name = "gate",
     .scopes = LAYER,
     .type = TYPE_MAP,
     .inner = SCOPE_GATE,
     .rule = &rule_id,
     .fallback = "nothing failed, errored or timed out, and at least one case",
     .help = "Bounds for the metrics of the layer. Those that are not named keep their default.",
     .example = "{score: {min: 80}}",
     .read = read_gate},

 /* retry */
    {.name = "max",
     .scopes = SCOPE_BIT(SCOPE_RETRY),
     .type = TYPE_INT,
     .min = 0,
     .max = RETRY_MAX,
     .fallback = "`0`",
     .help = "Further attempts after the first.",
     .example = "2",
     .read = read_int,
     .offset = IN_LAYER(retry_max)},
    {.name = "when",
     .scopes = SCOPE_BIT(SCOPE_RETRY),
     .type = TYPE_WORDS,
     .words = retry_words,
     .single = true,
     .fallback = "all of them",
     .help = "The outcomes that are tried again.",
     .example = "[timeout, signal]",
     .read = read_words,
     .offset = IN_LAYER(retry_when)},

 /* reuse */
    {.name = "mode",
     .scopes = SCOPE_BIT(SCOPE_REUSE),
     .type = TYPE_WORD,
     .words = reuse_words,
     .fallback = "`observed`",
     .help = "How it is decided that an earlier outcome still holds.",
     .example = "declared",
     .read = read_word,
     .offset = IN_REUSE(mode)},
    {.name = "ttl",
     .scopes = SCOPE_BIT(SCOPE_REUSE),
     .type = TYPE_DURATION,
     .zero = true,
     .fallback = "`0`: for ever",
     .help = "How long an outcome may be reused.",
     .example = "7d",
     .read = read_duration,
     .offset = IN_REUSE(ttl_ms)},
    {.name = "verify",
     .scopes = SCOPE_BIT(SCOPE_REUSE),
     .type = TYPE_SHARE,
     .fallback = "`0%`",
     .help = "The share of reused outcomes that is run again all the same, to be compared.",
     .example = "1%",
     .read = read_share,
     .offset = IN_REUSE(verify_ppm)                                                                                                                                                                                          },
    {.name = "declared",
     .scopes = SCOPE_BIT(SCOPE_REUSE),
     .type = TYPE_LIST,
     .rule = &rule_declared,
     .single = true,
     .fallback = "none",
     .help = "The files and folders that decide, for `mode: declared`. Names, no patterns.",
     .example = "[package-lock.json]",
     .read = read_list,
     .offset = IN_REUSE(declared)},

 /* gate rules */
    {.name = "min",
     .scopes = SCOPE_BIT(SCOPE_GATE),
     .type = TYPE_NUMBER,
     .help = "The gate is shut when the metric is smaller.",
     .example = "80",
     .read = read_min                                                                                                    },
    {.name = "max",
     .scopes = SCOPE_BIT(SCOPE_GATE),
     .type = TYPE_NUMBER,
     .help = "The gate is shut when the metric is larger.",
     .example = "0",
     .read = read_max                                                                                                      },
    {.name = "final",
     .scopes = SCOPE_BIT(SCOPE_GATE),
     .type = TYPE_BOOL,
     .fallback = "`false`",
     .help = "A pipeline that includes this one may not loosen the rule.",
     .example = "true",
     .read = read_bool,
     .offset = IN_GATE(final)                                                                                                                                                           },
};

const size_t key_count = sizeof keys / sizeof *keys;

static const struct {
    const char *name;
    const char *help;
} scopes[SCOPE_COUNT] = {
    [SCOPE_TOP] = {"pipeline", "The file is one mapping with these keys."                       },
    [SCOPE_DEFAULTS] = {"defaults",
                   "Below `defaults`: what holds for every layer that does not say otherwise. "
                        "The keys mean what they mean in a layer."                              },
    [SCOPE_LAYER] = {"layer",    "Below `layers.<id>`: one kind of evidence about the tree."      },
    [SCOPE_RETRY] = {"retry",    "Below `retry`."                                                 },
    [SCOPE_REUSE] = {"reuse",    "Below `reuse`."                                                 },
    [SCOPE_GATE] = {"gate",     "Below `gate.<metric>`: bounds, inclusive; at least one of them."},
};

const char *key_scope_name(enum key_scope scope)
{
    return scopes[scope].name;
}

const char *key_scope_help(enum key_scope scope)
{
    return scopes[scope].help;
}

const char *key_type_wants(const struct key *key)
{
    static const char *const wants[TYPE_COUNT] = {
        [TYPE_VERSION] = "the number 1",
        [TYPE_TEXT] = "text",
        [TYPE_WORD] = "one of these words:",
        [TYPE_WORDS] = "a list of these words:",
        [TYPE_INT] = "a whole number",
        [TYPE_NUMBER] = "a number",
        [TYPE_BOOL] = "true or false",
        [TYPE_DURATION] = "a duration",
        [TYPE_SHARE] = "a share in percent",
        [TYPE_LIST] = "a list of texts",
        [TYPE_ENV] = "a mapping of names to values",
        [TYPE_MATRIX] = "a mapping of axes to lists of values",
        [TYPE_WITH] = "a mapping",
        [TYPE_OBJECT] = "a mapping",
        [TYPE_MAP] = "a mapping",
    };
    return wants[key->type];
}

const struct key *key_find(enum key_scope scope, const char *name)
{
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0 && strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

const char *key_nearest(enum key_scope scope, const char *name)
{
    const char *names[sizeof keys / sizeof *keys];
    for (size_t i = 0; i < key_count; i++) {
        names[i] = (keys[i].scopes & SCOPE_BIT(scope)) != 0 ? keys[i].name : NULL;
    }
    return text_nearest(name, names, key_count);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice cache`: looking after the evidence. Each verb is one row of a table with the options it
 * takes; any other option is a usage error, so that none is silently without effect. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/cache_folder.h"
#include "cli/cache_words.h"
#include "cli/commands.h"
#include "cli/past_run.h"
#include "cli/project.h"
#include "cli/say.h"
#include "git/git.h"
#include "git/tree.h"
#include "model/event.h"
#include "store/evidence_keep.h"
#include "store/evidence_transfer.h"
#include "store/unit_memo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A line per row that is revoked, or per unit in quarantine: some hundred bytes each. */
#define ANSWER_MAX (256u << 20)

/* Bits for the options of one verb. */
enum cache_option {
    CACHE_BUDGET = 1 << 0,
    CACHE_OLDER = 1 << 1,
    CACHE_HOST = 1 << 2,
    CACHE_CHANGE = 1 << 3,
    CACHE_SINCE = 1 << 4,
    CACHE_UNTIL = 1 << 5,
    CACHE_FOR = 1 << 6,
    CACHE_RUN = 1 << 7,
    CACHE_DRY = 1 << 8,
    CACHE_TRUST = 1 << 9,
};

struct cache {
    const struct invocation *invocation;
    struct evidence_store *store;
    struct str out;  /* the answer */
    const char *run; /* --run: its id; NULL = not given */
    struct past_run latest;
    char folder[PATH_TEXT_MAX];
};

/* ---- stats ---- */

/* What `cache stats` tells. */
struct cache_stats {
    struct evidence_stats evidence;
    uint64_t memos, memo_bytes;
};

static void stats_json(struct str *out, const struct cache_stats *all, const char *folder)
{
    const struct evidence_stats *stats = &all->evidence;
    struct json_writer w;

    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"units",          stats->units         },
        {"classes",        stats->classes       },
        {"questions",      stats->atoms         },
        {"evidence",       stats->rows          },
        {"passed",         stats->passed        },
        {"failed",         stats->failed        },
        {"declared",       stats->declared      },
        {"quarantined",    stats->quarantined   },
        {"flaky",          stats->flaky         },
        {"revocations",    stats->revocations   },
        {"leases",         stats->leases        },
        {"contents",       stats->blobs         },
        {"content_bytes",  stats->blob_bytes    },
        {"database_bytes", stats->database_bytes},
        {"memos",          all->memos           },
        {"memo_bytes",     all->memo_bytes      },
    };

    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "folder", folder);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        jw_put_int(&w, numbers[i].key, (int64_t)numbers[i].value);
    }
    jw_key(&w, "trust");
    jw_object(&w);
    for (size_t i = 0; i < EVIDENCE_TRUST_COUNT; i++) {
        jw_put_int(&w, evidence_trust_names[i], (int64_t)stats->of_trust[i]);
    }
    jw_end_object(&w);
    jw_put_int(&w, "oldest_ms", stats->oldest_ms);
    jw_put_int(&w, "newest_ms", stats->newest_ms);
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}

static void stats_text(struct str *out, const struct cache_stats *all, const char *folder)
{
    const struct evidence_stats *stats = &all->evidence;
    char blobs[SIZE_TEXT_MAX];
    char database[SIZE_TEXT_MAX];
    char time[TIMESTAMP_TEXT_MAX];
    (void)str_appendf(out, "%s\n", folder);
    (void)str_appendf(out,
                      "evidence   %llu: %llu passed, %llu failed, of %llu units\n",
                      (unsigned long long)stats->rows,
                      (unsigned long long)stats->passed,
                      (unsigned long long)stats->failed,
                      (unsigned long long)stats->units);
    (void)str_appendf(out,
                      "trust      %llu protected, %llu member, %llu fork\n",
                      (unsigned long long)stats->of_trust[EVIDENCE_PROTECTED],
                      (unsigned long long)stats->of_trust[EVIDENCE_MEMBER],
                      (unsigned long long)stats->of_trust[EVIDENCE_FORK]);
    (void)str_appendf(out,
                      "questions  %llu in %llu classes\n",
                      (unsigned long long)stats->atoms,
                      (unsigned long long)stats->classes);
    (void)str_appendf(out,
                      "content    %llu files, %s; database %s\n",
                      (unsigned long long)stats->blobs,
                      size_format(stats->blob_bytes, blobs),
                      size_format(stats->database_bytes, database));
    if (all->memos > 0) {
        (void)str_appendf(out,
                          "memos      %llu, %s\n",
                          (unsigned long long)all->memos,
                          size_format(all->memo_bytes, blobs));
    }
    if (stats->rows > 0) {
        (void)str_appendf(out, "oldest     %sZ\n", timestamp_format(stats->oldest_ms, time));
    }
    if (stats->quarantined + stats->flaky + stats->revocations > 0) {
        (void)str_appendf(
            out,
            "careful    %llu units in quarantine, %llu flaky fingerprints, %llu revocations\n",
            (unsigned long long)stats->quarantined,
            (unsigned long long)stats->flaky,
            (unsigned long long)stats->revocations);
    }
}

static int run_stats(struct cache *cache, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    struct cache_stats stats;
    int result = cache_folder(folder, sizeof folder, err);
    result = result == 0 ? evidence_stats(cache->store, &stats.evidence, err) : result;
    result = result == 0 ? unit_memo_count(folder, &stats.memos, &stats.memo_bytes, err) : result;
    if (result == 0) {
        (cache->invocation->json ? stats_json : stats_text)(&cache->out, &stats, folder);
    }
    return result;
}

/* ---- room ---- */

static void tell_cleaned(struct cache *cache, const struct evidence_cleaned *cleaned)
{
    char before[SIZE_TEXT_MAX];
    char after[SIZE_TEXT_MAX];
    if (cache->invocation->json) {
        struct json_writer w;
        jw_begin(&w, &cache->out);
        jw_object(&w);
        jw_put_int(&w, "evidence", (int64_t)cleaned->rows);
        jw_put_int(&w, "contents", (int64_t)cleaned->blobs);
        jw_put_int(&w, "contents_recent", (int64_t)cleaned->recent);
        jw_put_int(&w, "bytes_before", (int64_t)cleaned->bytes_before);
        jw_put_int(&w, "bytes_after", (int64_t)cleaned->bytes_after);
        jw_end_object(&w);
        (void)str_append_char(&cache->out, '\n');
        return;
    }
    (void)str_appendf(&cache->out,
                      "removed: evidence %llu, files of content %llu; %s before, %s now\n",
                      (unsigned long long)cleaned->rows,
                      (unsigned long long)cleaned->blobs,
                      size_format(cleaned->bytes_before, before),
                      size_format(cleaned->bytes_after, after));
    if (cleaned->recent > 0) {
        (void)str_appendf(&cache->out,
                          "kept for now: files of content %llu, stored or read in the last %d "
                          "minutes: a run may be about to need them\n",
                          (unsigned long long)cleaned->recent,
                          (int)(EVIDENCE_GRACE_MS / 60000));
    }
}

/* Memos only save time: they get a fifth of what evidence may take. */
static uint64_t memo_budget(const struct size_choice *budget)
{
    return budget->given && budget->bytes / 5 < UNIT_MEMO_BUDGET ? budget->bytes / 5
                                                                 : UNIT_MEMO_BUDGET;
}

static int run_gc(struct cache *cache, struct err *err)
{
    const struct size_choice *budget = &cache->invocation->cache.budget;
    struct evidence_cleaned cleaned;
    int result = evidence_gc(
        cache->store, budget->given ? budget->bytes : EVIDENCE_BUDGET_DEFAULT, &cleaned, err);
    result = result == 0 ? unit_memo_tidy(
                 cache->folder, clock_wall_ms() - UNIT_MEMO_AGE_MS, memo_budget(budget), NULL, err)
                         : result;
    if (result == 0) {
        tell_cleaned(cache, &cleaned);
    }
    return result;
}

static int run_prune(struct cache *cache, struct err *err)
{
    const int64_t older_ms = cache->invocation->cache.older_ms;
    struct evidence_cleaned cleaned;
    if (older_ms == 0) {
        return err_set(err, -EINVAL, "say what to prune: sluice cache prune --older-than 30d");
    }
    const int64_t before_ms = clock_wall_ms() - older_ms;
    int result = evidence_prune(cache->store, before_ms, &cleaned, err);
    result = result == 0 ? unit_memo_tidy(cache->folder, before_ms, UNIT_MEMO_BUDGET, NULL, err)
                         : result;
    if (result == 0) {
        tell_cleaned(cache, &cleaned);
    }
    return result;
}

/* ---- damage ---- */

static int run_verify(struct cache *cache, struct err *err)
{
    struct evidence_verified verified;
    int result = evidence_verify(cache->store, &verified, err);
    if (result != 0) {
        return result;
    }
    if (cache->invocation->json) {
        struct json_writer w;
        jw_begin(&w, &cache->out);
        jw_object(&w);
        jw_put_int(&w, "contents", (int64_t)verified.blobs);
        jw_put_int(&w, "contents_damaged", (int64_t)verified.blobs_damaged);
        jw_put_int(&w, "evidence", (int64_t)verified.rows);
        jw_put_int(&w, "evidence_removed", (int64_t)verified.rows_removed);
        jw_put_int(&w, "classes_removed", (int64_t)verified.classes_removed);
        jw_end_object(&w);
        (void)str_append_char(&cache->out, '\n');
        return 0;
    }
    (void)str_appendf(&cache->out,
                      "read: evidence %llu, files of content %llu\n",
                      (unsigned long long)verified.rows,
                      (unsigned long long)verified.blobs);
    if (verified.blobs_damaged + verified.rows_removed + verified.classes_removed > 0) {
        (void)str_appendf(&cache->out,
                          "removed as damaged: files of content %llu, evidence %llu, classes of "
                          "questions %llu; what they answered for runs again\n",
                          (unsigned long long)verified.blobs_damaged,
                          (unsigned long long)verified.rows_removed,
                          (unsigned long long)verified.classes_removed);
    } else {
        (void)str_append(&cache->out, "all of it is whole\n");
    }
    return 0;
}

/* ---- trust ---- */

static int tell_row(void *context, const struct evidence_row *row, const char *words)
{
    struct cache *cache = context;
    char time[TIMESTAMP_TEXT_MAX];
    if (cache->invocation->json) {
        struct json_writer w;
        jw_begin(&w, &cache->out);
        jw_object(&w);
        jw_put_int(&w, "evidence", row->id);
        jw_put_bool(&w, "passed", row->passed);
        jw_put_string(&w, "unit", words);
        jw_put_string(&w, "trust", evidence_trust_names[row->trust]);
        jw_put_string(&w, "change", row->scope);
        jw_put_string(&w, "host", row->host);
        jw_put_string(&w, "run", row->run);
        jw_put_string(&w, "tree", row->tree);
        jw_put_int(&w, "time_ms", row->time_ms);
        jw_end_object(&w);
        (void)str_append_char(&cache->out, '\n');
        return 0;
    }
    (void)str_appendf(&cache->out, "%lld %s ", (long long)row->id, row->passed ? "pass" : "fail");
    unit_words(&cache->out, words);
    (void)str_appendf(&cache->out,
                      ": run %s on %s at %sZ%s%s\n",
                      row->run,
                      row->host,
                      timestamp_format(row->time_ms, time),
                      row->scope[0] != '\0' ? ", change " : "",
                      row->scope);
    return 0;
}

static int read_times(const struct cache_choice *choice,
                      struct evidence_revocation *what,
                      struct err *err)
{
    int result = 0;
    if (choice->since != NULL) {
        result = moment_parse(choice->since, &what->since_ms, err);
        result = result == 0 ? 0 : err_wrap(err, "--since");
    }
    if (result == 0 && choice->until != NULL) {
        result = moment_parse(choice->until, &what->until_ms, err);
        result = result == 0 ? 0 : err_wrap(err, "--until");
        what->until_ms -= 1; /* before then */
    }
    if (result == 0 && what->since_ms > what->until_ms) {
        result = err_set(err, -EINVAL, "--since is not before --until");
    }
    return result;
}

static int run_revoke(struct cache *cache, struct err *err)
{
    const struct cache_choice *choice = &cache->invocation->cache;
    const struct evidence_listener listener = {tell_row, cache};
    struct evidence_revocation what = {
        .host = choice->host,
        .scope = cache->invocation->change,
        .run = cache->run,
        .until_ms = INT64_MAX,
    };
    uint64_t count = 0;
    uint64_t memos = 0;
    int result = read_times(choice, &what, err);
    result = result == 0
                 ? evidence_revoke(cache->store, &what, choice->dry_run, &listener, &count, err)
                 : result;
    result =
        result == 0 ? unit_memo_revoke(cache->folder, &what, choice->dry_run, &memos, err) : result;
    if (result == 0 && !cache->invocation->json) {
        (void)str_appendf(&cache->out,
                          "%s: evidence %llu\n",
                          choice->dry_run ? "would be revoked" : "revoked",
                          (unsigned long long)count);
        if (memos > 0) {
            (void)str_appendf(&cache->out, "memos: %llu\n", (unsigned long long)memos);
        }
    }
    return result;
}

/* ---- export, import ---- */

static void tell_transferred(struct cache *cache,
                             const char *what,
                             const struct evidence_transferred *done)
{
    char size[SIZE_TEXT_MAX];

    const struct {
        const char *key;
        const char *words;
        uint64_t value;
    } left[] = {
        {"known",      "known already",                           done->known     },
        {"incomplete", "left out, content is missing",            done->incomplete},
        {"revoked",    "left out, it was revoked",                done->revoked   },
        {"crowded",    "left out, its unit has too many classes", done->crowded   },
        {"conflicts",  "contradicts what was here: quarantined",  done->conflicts },
    };

    if (cache->invocation->json) {
        struct json_writer w;
        jw_begin(&w, &cache->out);
        jw_object(&w);
        jw_put_int(&w, "evidence", (int64_t)done->rows);
        jw_put_int(&w, "contents", (int64_t)done->blobs);
        jw_put_int(&w, "bytes", (int64_t)done->bytes);
        for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
            jw_put_int(&w, left[i].key, (int64_t)left[i].value);
        }
        jw_end_object(&w);
        (void)str_append_char(&cache->out, '\n');
        return;
    }
    (void)str_appendf(&cache->out,
                      "%s: evidence %llu, files of content %llu, %s\n",
                      what,
                      (unsigned long long)done->rows,
                      (unsigned long long)done->blobs,
                      size_format(done->bytes, size));
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        if (left[i].value > 0) {
            (void)str_appendf(
                &cache->out, "%s: %llu\n", left[i].words, (unsigned long long)left[i].value);
        }
    }
}

/* The tree of a revision of the repository we stand in. */
static int find_tree(const char *revision, char tree[GIT_ID_MAX], struct err *err)
{
    char root[PATH_TEXT_MAX];
    struct git_repo repo;
    int result = project_find_root(".", root, sizeof root, err);
    result = result == 0 ? git_open(root, &repo, err) : result;
    return result == 0 ? git_commit_tree(&repo, revision, tree, err) : result;
}

/* What is proven travels; what only saves time does not. */
static int tell_memos_stay(struct cache *cache, struct err *err)
{
    uint64_t count = 0;
    uint64_t bytes = 0;
    const int rc = unit_memo_count(cache->folder, &count, &bytes, err);
    if (rc == 0 && count > 0 && !cache->invocation->json) {
        (void)str_appendf(
            &cache->out, "left out, memos only save time: %llu\n", (unsigned long long)count);
    }
    return rc;
}

/* A file takes its place when it is whole: that must not be what - or /dev/stdout stand for. */
static int check_export_file(const char *file, struct err *err)
{
    if (strcmp(file, "-") == 0) {
        return err_set(err,
                       -EINVAL,
                       "evidence exported to - would be a file of that name: it is written to a "
                       "file only. Name one; if that is its name, ./-");
    }
    return strncmp(file, "/dev/", 5) != 0
               ? 0
               : err_set(err, -EINVAL, "%s: evidence is exported to a file only: name one", file);
}

static int run_export(struct cache *cache, struct err *err)
{
    const struct cache_choice *choice = &cache->invocation->cache;
    const char *file = cache->invocation->args.items[1];
    char tree[GIT_ID_MAX] = "";
    struct evidence_transferred done;
    memset(&done, 0, sizeof done);
    if ((choice->for_revision == NULL) == (choice->run == NULL)) {
        return err_set(
            err, -EINVAL, "say for what: sluice cache export --for HEAD FILE, or --run RUN FILE");
    }
    int result = check_export_file(file, err);
    if (result == 0 && choice->for_revision != NULL) {
        result = find_tree(choice->for_revision, tree, err);
    }
    if (result != 0) {
        return result;
    }
    const struct evidence_selection selection = {
        .tree = choice->for_revision != NULL ? tree : NULL,
        .run = cache->run,
    };
    result = evidence_export(cache->store, &selection, file, &done, err);
    if (result == 0) {
        tell_transferred(cache, "exported", &done);
        result = tell_memos_stay(cache, err);
    }
    return result;
}

static int run_import(struct cache *cache, struct err *err)
{
    const int trust = cache->invocation->trust;
    struct evidence_transferred done;
    memset(&done, 0, sizeof done);
    int result = evidence_import(cache->store,
                                 cache->invocation->args.items[1],
                                 trust == 0 ? EVIDENCE_MEMBER : (enum evidence_trust)(trust - 1),
                                 &done,
                                 err);
    if (result == 0) {
        tell_transferred(cache, "imported", &done);
    }
    return result;
}

/* ---- quarantine ---- */

static int tell_entry(void *context, const struct evidence_quarantine *entry)
{
    struct cache *cache = context;
    char key[HASH_HEX_SIZE];
    char time[TIMESTAMP_TEXT_MAX];
    const char *words = entry->words != NULL ? entry->words : "";
    (void)hash_hex(&entry->unit_key, key);
    if (cache->invocation->json) {
        struct json_writer w;
        jw_begin(&w, &cache->out);
        jw_object(&w);
        jw_put_string(&w, "key", key);
        jw_put_string(&w, "unit", words);
        jw_put_string(&w, "reason", entry->reason);
        jw_put_int(&w, "first", entry->first_id);
        jw_put_int(&w, "second", entry->second_id);
        jw_put_int(&w, "time_ms", entry->time_ms);
        jw_end_object(&w);
        (void)str_append_char(&cache->out, '\n');
        return 0;
    }
    (void)str_appendf(&cache->out, "%.12s ", key);
    unit_words(&cache->out, words);
    (void)str_appendf(&cache->out,
                      "\n    %s\n    evidence %lld and %lld, %sZ\n",
                      entry->reason,
                      (long long)entry->first_id,
                      (long long)entry->second_id,
                      timestamp_format(entry->time_ms, time));
    return 0;
}

struct lifting {
    const char *word; /* a key or its beginning */
    unsigned matches;
    struct hash key;
};

static int match_entry(void *context, const struct evidence_quarantine *entry)
{
    struct lifting *lifting = context;
    char key[HASH_HEX_SIZE];
    (void)hash_hex(&entry->unit_key, key);
    if (text_starts_with(key, lifting->word)
        && (lifting->matches == 0
            || memcmp(&lifting->key, &entry->unit_key, sizeof lifting->key) != 0)) {
        lifting->matches++;
        lifting->key = entry->unit_key;
    }
    return 0;
}

static int lift(struct cache *cache, const char *word, struct err *err)
{
    struct lifting lifting = {.word = word};
    int result = evidence_quarantine_walk(cache->store, match_entry, &lifting, err);
    if (result != 0) {
        return result;
    }
    if (lifting.matches != 1) {
        return err_set(err,
                       -EINVAL,
                       lifting.matches == 0
                           ? "%s: no unit of that key is in quarantine: `sluice cache quarantine` "
                             "lists them"
                           : "%s: more than one key in quarantine starts so: give more of it",
                       word);
    }
    result = evidence_quarantine_lift(cache->store, &lifting.key, NULL, err);
    if (result == 0 && !cache->invocation->json) {
        (void)str_append(&cache->out, "lifted: the unit starts without evidence\n");
    }
    return result;
}

static int run_quarantine(struct cache *cache, struct err *err)
{
    const struct text_list *args = &cache->invocation->args;
    if (args->count == 3 && strcmp(args->items[1], "lift") == 0) {
        return lift(cache, args->items[2], err);
    }
    if (args->count != 1) {
        return err_set(
            err, -EINVAL, "usage: sluice cache quarantine, or sluice cache quarantine lift KEY");
    }
    int result = evidence_quarantine_walk(cache->store, tell_entry, cache, err);
    if (result == 0 && cache->out.len == 0 && !cache->invocation->json) {
        (void)str_append(&cache->out, "no unit is in quarantine\n");
    }
    return result;
}

/* ---- verbs ---- */

static const struct cache_verb {
    const char *name;
    int (*run)(struct cache *cache, struct err *err);
    size_t args_min, args_max; /* words, its name included */
    unsigned options;          /* enum cache_option */
    const char *usage;
} verbs[] = {
    {"stats",      run_stats,      1, 1, 0,                                                                             "stats"                  },
    {"gc",         run_gc,         1, 1, CACHE_BUDGET,                                                                  "gc [--budget SIZE]"     },
    {"prune",      run_prune,      1, 1, CACHE_OLDER,                                                                   "prune --older-than TIME"},
    {"verify",     run_verify,     1, 1, 0,                                                                             "verify"                 },
    {"revoke",
     run_revoke,                   1,
     1,                                  CACHE_HOST | CACHE_CHANGE | CACHE_SINCE | CACHE_UNTIL | CACHE_RUN | CACHE_DRY,
     "revoke --host H | --change C | --run R | --since T | --until T"                                                                            },
    {"export",     run_export,     2, 2, CACHE_FOR | CACHE_RUN,                                                         "export --for REV FILE"  },
    {"import",     run_import,     2, 2, CACHE_TRUST,                                                                   "import FILE"            },
    {"quarantine", run_quarantine, 1, 3, 0,                                                                             "quarantine [lift KEY]"  },
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int find_verb(const struct invocation *invocation,
                     const struct cache_verb **ret_verb,
                     struct err *err)
{
    const char *names[VERB_COUNT];
    const char *word = invocation->args.count > 0 ? invocation->args.items[0] : NULL;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        names[i] = verbs[i].name;
        if (word != NULL && strcmp(word, verbs[i].name) == 0) {
            *ret_verb = &verbs[i];
            return 0;
        }
    }
    if (word == NULL) {
        return err_set(err, -EINVAL, "say what to do: `sluice help cache` lists it");
    }
    const char *near = text_nearest(word, names, VERB_COUNT);
    return err_set(err,
                   -EINVAL,
                   "sluice cache cannot \"%s\"%s%s%s (`sluice help cache` lists what it can)",
                   word,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

static int check_words(const struct invocation *invocation,
                       const struct cache_verb *verb,
                       struct err *err)
{
    const struct cache_choice *choice = &invocation->cache;

    const struct {
        unsigned bit;
        bool given;
        const char *name;
    } given[] = {
        {CACHE_BUDGET, choice->budget.given,         "budget"    },
        {CACHE_OLDER,  choice->older_ms != 0,        "older-than"},
        {CACHE_HOST,   choice->host != NULL,         "host"      },
        {CACHE_CHANGE, invocation->change != NULL,   "change"    },
        {CACHE_SINCE,  choice->since != NULL,        "since"     },
        {CACHE_UNTIL,  choice->until != NULL,        "until"     },
        {CACHE_FOR,    choice->for_revision != NULL, "for"       },
        {CACHE_RUN,    choice->run != NULL,          "run"       },
        {CACHE_DRY,    choice->dry_run,              "dry-run"   },
        {CACHE_TRUST,  invocation->trust != 0,       "trust"     },
    };

    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        if (given[i].given && (verb->options & given[i].bit) == 0) {
            return err_set(err,
                           -EINVAL,
                           "--%s is no option of `sluice cache %s`; usage: sluice cache %s",
                           given[i].name,
                           verb->name,
                           verb->usage);
        }
    }
    if (invocation->args.count < verb->args_min || invocation->args.count > verb->args_max) {
        return err_set(err, -EINVAL, "usage: sluice cache %s", verb->usage);
    }
    return 0;
}

/* Evidence names the run that earned it by its id. */
static int find_run(struct cache *cache, struct err *err)
{
    cache->run = cache->invocation->cache.run;
    if (cache->run == NULL || strcmp(cache->run, PAST_RUN_LATEST) != 0) {
        return 0;
    }
    const int rc = past_run_find(cache->invocation->pipeline, NULL, &cache->latest, err);
    cache->run = path_basename(cache->latest.run_dir);
    return rc;
}

static int run_verb(struct cache *cache, const struct cache_verb *verb, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    int result = cache_folder(folder, sizeof folder, err);
    result = result == 0 ? find_run(cache, err) : result;
    (void)snprintf(cache->folder, sizeof cache->folder, "%s", result == 0 ? folder : "");
    result = result == 0 ? evidence_open(folder, &cache->store, err) : result;
    result = result == 0 ? verb->run(cache, err) : result;
    evidence_close(cache->store);
    return result;
}

static int exit_code_of(int result)
{
    switch (result) {
    case 0:
        return EXIT_OPEN;
    case -EINVAL:
    case -ENOENT: /* a file or revision that was named */
        return EXIT_USAGE;
    case -ENODATA:
        return EXIT_NOTHING_SELECTED;
    default:
        return EXIT_INFRASTRUCTURE;
    }
}

int command_cache(const struct invocation *invocation)
{
    struct cache cache = {.invocation = invocation, .out = STR_INIT(ANSWER_MAX)};
    const struct cache_verb *verb = NULL;
    struct err err = {0};
    int result = find_verb(invocation, &verb, &err);
    result = result == 0 ? check_words(invocation, verb, &err) : result;
    result = result == 0 ? run_verb(&cache, verb, &err) : result;
    int code = exit_code_of(result);
    if (result == 0) {
        code = say_answer(&cache.out);
    } else {
        say_error(&err);
    }
    str_fini(&cache.out);
    return code;
}

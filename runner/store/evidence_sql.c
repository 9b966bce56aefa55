/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of the evidence. */
#include "store/evidence_impl.h"

#include <assert.h>

#define ROW_COLUMNS                                                                                \
    "SELECT e.id, e.class, e.fast, e.full, e.passed, e.kind, e.time_ms, e.wall_ns, e.cpu_us, "     \
    "e.expires_ms, e.used_ms, e.confirmed, e.stdout, e.stderr, e.manifest, e.outcome, e.inlined, " \
    "e.products, o.trust, o.scope, o.tree, o.run, o.host, o.observer, u.key, u.id, o.id "          \
    "FROM evidence e CROSS JOIN origin o ON o.id = e.origin "                                      \
    "CROSS JOIN class c ON c.id = e.class CROSS JOIN unit u ON u.id = c.unit "

static const char *const evidence_sql[SQL_COUNT] = {
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_META] = "SELECT epoch, secret, generation FROM meta",
    [SQL_SECRET_SET] = "UPDATE meta SET secret = ? WHERE NOT EXISTS (SELECT 1 FROM evidence)",
    [SQL_EPOCH_GROW] = "UPDATE meta SET epoch = epoch + 1",

    [SQL_ATOM_GET] = "SELECT kind, path FROM atom WHERE id = ?",
    [SQL_ATOM_FIND] = "SELECT id FROM atom WHERE path = ? AND kind = ?",
    [SQL_ATOM_ADD] = "INSERT INTO atom (path, kind) VALUES (?, ?) RETURNING id",
    [SQL_ATOMS] = "SELECT id, kind, path FROM atom WHERE id >= ? ORDER BY id",
    [SQL_ATOMS_AT] = "SELECT id, kind FROM atom WHERE path = ?",
    [SQL_ATOMS_BELOW] = "SELECT id, kind FROM atom WHERE path > ? AND path < ?",
    [SQL_ATOM_DELETE] = "DELETE FROM atom WHERE id = ?",

    [SQL_UNIT_GET] = "SELECT id, classes, words FROM unit WHERE key = ?",
    [SQL_UNIT_ADD] = "INSERT INTO unit (key, words, classes) VALUES (?1, ?2, x'') "
                     "ON CONFLICT (key) DO UPDATE SET words = CASE words WHEN '' THEN ?2 "
                     "ELSE words END RETURNING id",
    [SQL_UNIT_CLASSES_SET] = "UPDATE unit SET classes = ?2 WHERE id = ?1",
    [SQL_UNITS] = "SELECT id, key, classes, words FROM unit",
    [SQL_UNIT_DELETE] = "DELETE FROM unit WHERE key = ?",

    [SQL_CLASS_ADD] = "INSERT INTO class (unit) VALUES (?) RETURNING id",
    [SQL_CLASS_GET] = "SELECT unit, added, vectors FROM class WHERE id = ?",
    [SQL_CLASS_GROW] = "UPDATE class SET added = added + 1 WHERE id = ? RETURNING added",
    [SQL_CLASS_VECTORS_SET] = "UPDATE class SET vectors = ?2 WHERE id = ?1",
    [SQL_CLASS_DELETE] = "DELETE FROM class WHERE id = ?",
    [SQL_CLASS_IS_EMPTY] = "SELECT NOT EXISTS (SELECT 1 FROM evidence WHERE class = ?)",
    [SQL_CLASS_TRIM] = "DELETE FROM evidence WHERE id IN (SELECT id FROM evidence WHERE class = ?1 "
                       "ORDER BY used_ms DESC, id DESC LIMIT -1 OFFSET ?2)",

    [SQL_PROBE] = "SELECT EXISTS (SELECT 1 FROM evidence WHERE class = ? AND fast = ?)",
    [SQL_ROWS_OF_FULL] = ROW_COLUMNS "WHERE e.class = ? AND e.full = ?",
    [SQL_ROW_GET] = ROW_COLUMNS "WHERE e.id = ?",
    [SQL_ROWS] = ROW_COLUMNS "ORDER BY e.id",
    [SQL_ROW_ADD] =
        "INSERT INTO evidence (class, fast, full, origin, passed, kind, time_ms, wall_ns, cpu_us, "
        "expires_ms, used_ms, confirmed, stdout, stderr, manifest, outcome, inlined, products) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    [SQL_ROW_CONFIRM] =
        "UPDATE evidence SET confirmed = max(confirmed + ?2, ?6), used_ms = max(used_ms, ?3), "
        "expires_ms = CASE WHEN expires_ms = 0 OR ?4 = 0 THEN 0 ELSE max(expires_ms, ?4) END, "
        "fast = coalesce(fast, ?5) WHERE id = ?1",
    [SQL_ROW_TOUCH] = "UPDATE evidence SET used_ms = ?2 WHERE id = ?1 AND used_ms < ?3",
    [SQL_ROW_MEND] = "UPDATE evidence SET fast = ?2 WHERE id = ?1 AND fast IS NULL",
    [SQL_ROW_DELETE] = "DELETE FROM evidence WHERE id = ?",

    [SQL_ORIGIN_ADD] =
        "INSERT INTO origin (trust, scope, tree, run, host, observer) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET trust = trust RETURNING id",
    [SQL_ORIGINS_SWEEP] = "DELETE FROM origin WHERE id NOT IN (SELECT origin FROM evidence)",

    [SQL_LEDGER_GET] = "SELECT passes, failures FROM ledger WHERE unit = ? AND full = ?",
    [SQL_LEDGER_COUNT] =
        "INSERT INTO ledger (unit, full, passes, failures, used_ms) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET passes = passes + excluded.passes, "
        "failures = failures + excluded.failures, used_ms = max(used_ms, excluded.used_ms)",
    [SQL_LEDGER_MERGE] =
        "INSERT INTO ledger (unit, full, passes, failures, used_ms) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET passes = max(passes, excluded.passes), "
        "failures = max(failures, excluded.failures)",
    [SQL_LEDGER_SWEEP] = "DELETE FROM ledger WHERE failures = 0 AND used_ms < ?",

    [SQL_QUARANTINE_ADD] =
        "INSERT INTO quarantine (unit, trust, scope, other_trust, other_scope, reason, time_ms, "
        "first, second) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_QUARANTINE_OF] =
        "SELECT q.unit, q.trust, q.scope, q.other_trust, q.other_scope, q.reason, q.time_ms, "
        "q.first, q.second, NULL FROM quarantine q WHERE q.unit = ?",
    [SQL_QUARANTINE_ANY] = "SELECT EXISTS (SELECT 1 FROM quarantine)",
    [SQL_QUARANTINES] =
        "SELECT q.unit, q.trust, q.scope, q.other_trust, q.other_scope, q.reason, q.time_ms, "
        "q.first, q.second, u.words FROM quarantine q LEFT JOIN unit u ON u.key = q.unit "
        "ORDER BY q.time_ms DESC, q.unit",
    [SQL_QUARANTINE_LIFT] = "DELETE FROM quarantine WHERE unit = ?",

    [SQL_REVOKED] = "SELECT EXISTS (SELECT 1 FROM revocation WHERE coalesce(host, ?1) = ?1 "
                    "AND coalesce(scope, ?2) = ?2 AND coalesce(run, ?3) = ?3 "
                    "AND ?4 BETWEEN since_ms AND until_ms)",
    [SQL_REVOCATION_ADD] = "INSERT INTO revocation (host, scope, run, since_ms, until_ms, made_ms) "
                           "VALUES (?, ?, ?, ?, ?, ?)",

    [SQL_LEASE_GET] =
        "SELECT token, owner, host, boot, space, pid, start, expires_ms FROM lease WHERE key = ?",
    [SQL_LEASE_PUT] =
        "INSERT OR REPLACE INTO lease (key, token, owner, host, boot, space, pid, start, "
        "expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_LEASE_RENEW] = "UPDATE lease SET expires_ms = ?3 WHERE key = ?1 AND token = ?2 "
                        "RETURNING 1",
    [SQL_LEASE_DROP] = "DELETE FROM lease WHERE key = ? AND token = ?",
    [SQL_LEASES_SWEEP] = "DELETE FROM lease WHERE expires_ms < ?",

    [SQL_FILE_GET] = "SELECT digest FROM file_memo WHERE dev = ?1 AND ino = ?2 AND size = ?3 "
                     "AND mtime_ns = ?4 AND ctime_ns = ?5",
    [SQL_FILE_PUT] =
        "INSERT OR REPLACE INTO file_memo (dev, ino, size, mtime_ns, ctime_ns, digest, put_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SQL_FILES_SWEEP] = "DELETE FROM file_memo WHERE put_ms < ?",
    [SQL_ANSWERS_GET] = "SELECT answers FROM answers WHERE state = ?",
    [SQL_ANSWERS_PUT] = "INSERT OR REPLACE INTO answers (state, tree, run, used_ms, answers) "
                        "VALUES (?, ?, ?, ?, ?)",
    [SQL_ANSWERS_SWEEP] = "DELETE FROM answers WHERE state NOT IN "
                          "(SELECT state FROM answers ORDER BY used_ms DESC LIMIT ?)",
    [SQL_ANSWERS_ALL] = "SELECT tree, run, answers FROM answers",
    [SQL_ANSWERS_CLEAR] = "DELETE FROM answers",
    [SQL_ROLL_GET] = "SELECT generation, rowid FROM roll WHERE name = ?",
    [SQL_ROLL_PUT] =
        "INSERT OR REPLACE INTO roll (name, generation, used_ms, rows) VALUES (?, ?, ?, ?)",
    [SQL_ROLLS_STALE] = "DELETE FROM roll WHERE generation <> (SELECT generation FROM meta)",
    [SQL_ROLLS_CLEAR] = "DELETE FROM roll",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_ROLLS_SWEEP] = "DELETE FROM roll WHERE name NOT IN "
                        "(SELECT name FROM roll ORDER BY used_ms DESC LIMIT ?)",
};

int evidence_statement(struct evidence_store *store,
                       enum evidence_sql which,
                       sqlite3_stmt **ret_statement,
                       struct err *err)
{
    assert((size_t)which < SQL_COUNT && evidence_sql[which] != NULL);
    sqlite3_stmt **place = &store->statements[which];
    int result = database_prepare(&store->database, evidence_sql[which], place, err);
    if (result == 0) {
        *ret_statement = *place;
    }
    return result;
}

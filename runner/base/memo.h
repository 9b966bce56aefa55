/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the machine that are dear to find and rarely change, kept in a folder from one process
 * to the next: small files named after a key. The key is a hash over all that decides about the
 * answer; a file says the hash of its content, so that a part of one (files are not synced) is
 * none. Whoever can write to the folder can forge an answer: ask only where that gives him nothing,
 * and read the bytes as foreign ones. Nothing here fails: without the folder each answer is found
 * anew.
 */
#ifndef SLUICE_BASE_MEMO_H
#define SLUICE_BASE_MEMO_H

#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Answers in a folder: a few kinds, each under the keys of a few versions of the machine. When
 * there are more, all go. */
#define MEMO_COUNT_MAX 64

/* One answer: the schema of a plugin is the largest, about 10 kB. Larger ones are not kept. */
#define MEMO_ANSWER_MAX (256u << 10)

/* Appends the answer under this key. False when there is none. */
bool memo_find(const char *folder, const struct hash *key, struct str *out);

/* Keeps it. The folder is made when the one it lies in is there. */
void memo_keep(const char *folder, const struct hash *key, const void *bytes, size_t len);

/* ---- parts of keys ---- */

/* Stat data that change when a file does. */
void memo_add_stat(struct hasher *hasher, const struct stat *st);

/* Path and stat data of a file, as links lead to it. False when it is not there. */
bool memo_add_file(struct hasher *hasher, const char *path);

/* The first bytes of a small file, or that it cannot be read: false. */
bool memo_add_content(struct hasher *hasher, const char *path);

/* This boot of this machine. False when it cannot be told. */
bool memo_add_boot(struct hasher *hasher);

#endif

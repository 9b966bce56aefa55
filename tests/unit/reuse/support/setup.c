/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/test.h"

void setup_open(struct setup *s)
{
    struct err err = {0};
    (void)snprintf(s->root, sizeof s->root, "%s", at("r"));
    (void)snprintf(s->plugins, sizeof s->plugins, "%s", at("plugins"));
    const struct git_repo *repo = open_repo("r");
    if (s->tree[0] == '\0') {
        memcpy(s->tree, snapshot(repo, NULL), sizeof s->tree);
    }
    s->state.tree = s->tree;
    s->state.root = s->root;
    s->state.plugin_dir = s->plugins;
    assert_int_equal(git_objects_open(repo, &s->objects, &err), 0);
    assert_int_equal(host_new(s->memo, &s->host, &err), 0);
    if (answers_new(s->objects, s->host, &s->state, &s->answers, &err) != 0) {
        fail_msg("answers_new: %s", err.text);
    }
}

void setup_close(struct setup *s)
{
    answers_free(s->answers);
    host_free(s->host);
    git_objects_close(s->objects);
}

struct answer setup_get(struct setup *s, enum observation_kind kind, const char *path)
{
    struct observation asked = {kind, path};
    struct answer answer = {0};
    struct err err = {0};
    if (answers_get(s->answers, &asked, &answer, &err) != 0) {
        fail_msg("%c %s: %s", (char)kind, path, err.text);
    }
    assert_in_range(answer.len, 1, ANSWER_BYTES_MAX);
    return answer;
}

void setup_make_tree(void)
{
    sh("git init -q r; mkdir plugins; cd r; mkdir -p src/sub; echo one >src/a.c; echo two >src/b.c; "
       "printf '#!/bin/sh\\n' >run.sh; chmod +x run.sh; ln -s src/a.c link; ln -s src dirlink; "
       "echo deep >src/sub/f");
}

struct product setup_product(const char *path, const char *content)
{
    return (struct product){
        .path = path,
        .mode = S_IFREG | 0644,
        .size = strlen(content),
        .digest = hash_bytes(content, strlen(content)),
    };
}

void bare_open(struct bare *bare)
{
    struct err err = {0};
    assert_int_equal(host_new(NULL, &bare->host, &err), 0);
    if (answers_new(NULL, bare->host, &bare->state, &bare->answers, &err) != 0) {
        fail_msg("answers_new: %s", err.text);
    }
}

void bare_close(struct bare *bare)
{
    answers_free(bare->answers);
    host_free(bare->host);
}

struct answer bare_get(struct bare *bare, enum observation_kind kind, const char *path)
{
    const struct observation asked = {kind, path};
    struct answer answer = {0};
    struct err err = {0};
    if (answers_get(bare->answers, &asked, &answer, &err) != 0) {
        fail_msg("%c %s: %s", (char)kind, path, err.text);
    }
    return answer;
}

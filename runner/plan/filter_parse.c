/* SPDX-License-Identifier: Apache-2.0 */
/* Shunting-yard: the expression becomes a postfix program, without recursion. The parser is in one
 * of two states: it wants an operand (test, "not", "(") or an operator ("and", "or", ")", end). */
#include "base/mem.h"
#include "plan/filter_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char *const status_words[] = {
    "passed", "failed", "errored", "timed_out", "skipped", "new", "flaky"};

struct parser {
    const char *text;
    struct filter *filter;
    struct err *err;
    enum filter_op ops[FILTER_STACK_MAX];
    size_t op_at[FILTER_STACK_MAX]; /* offset of each, for messages */
    size_t op_count;
    size_t depth;
};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory for the filter");
}

static int emit(struct parser *p, enum filter_op op, uint32_t test)
{
    struct filter_step step = {op, test};

    return vec_push(&p->filter->steps, step) != 0 ? no_memory(p->err) : 0;
}

static void push_op(struct parser *p, enum filter_op op, size_t at)
{
    assert(p->op_count < FILTER_STACK_MAX);
    p->ops[p->op_count] = op;
    p->op_at[p->op_count++] = at;
}

/* Emits waiting operators that bind at least as tightly as `op` (NOT < AND < OR). */
static int pop_tighter(struct parser *p, enum filter_op op)
{
    while (p->op_count != 0 && p->ops[p->op_count - 1] <= op
           && p->ops[p->op_count - 1] != OP_OPEN) {
        int rc = emit(p, p->ops[--p->op_count], 0);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* status(...) can only be one of a few words, so a slip of the pen is found here. */
static int check_status(struct parser *p, const struct filter_test *test, const struct token *token)
{
    if (test->field != FIELD_STATUS) {
        return 0;
    }
    for (size_t i = 0; i < sizeof status_words / sizeof *status_words; i++) {
        if (matcher_match(&test->matcher, status_words[i])) {
            return 0;
        }
    }
    return filter_complain(p->text,
                           token->text_at,
                           p->err,
                           "no status is like this; there are passed, failed, errored, timed_out, "
                           "skipped, new and flaky");
}

static int add_test(struct parser *p, const struct token *token)
{
    struct filter_test test = {.field = token->field};
    int rc = matcher_init(&test.matcher, p->text, token, p->err);

    if (rc != 0) {
        return rc;
    }
    rc = check_status(p, &test, token);
    if (rc == 0 && vec_push(&p->filter->tests, test) != 0) {
        rc = no_memory(p->err);
    }
    if (rc != 0) {
        matcher_fini(&test.matcher);
        return rc;
    }
    return emit(p, OP_TEST, (uint32_t)(p->filter->tests.count - 1));
}

/* Two nots in a row are none. */
static void push_not(struct parser *p, size_t at)
{
    if (p->op_count != 0 && p->ops[p->op_count - 1] == OP_NOT) {
        p->op_count--;
    } else {
        push_op(p, OP_NOT, at);
    }
}

static int open_group(struct parser *p, const struct token *token)
{
    if (p->depth == FILTER_DEPTH_MAX) {
        return filter_complain(p->text,
                               token->at,
                               p->err,
                               "more than %d parentheses inside each other",
                               FILTER_DEPTH_MAX);
    }
    p->depth++;
    push_op(p, OP_OPEN, token->at);
    return 0;
}

static int close_group(struct parser *p, const struct token *token)
{
    int rc = pop_tighter(p, OP_OR);

    if (rc != 0) {
        return rc;
    }
    if (p->op_count == 0) {
        return filter_complain(p->text, token->at, p->err, "this ')' closes nothing");
    }
    assert(p->ops[p->op_count - 1] == OP_OPEN);
    p->op_count--;
    p->depth--;
    return 0;
}

/* Takes a token where an operand is wanted. *wants_operand tells what comes next. */
static int take_operand(struct parser *p, const struct token *token, bool *wants_operand)
{
    switch (token->type) {
    case TOKEN_TEST:
        *wants_operand = false;
        return add_test(p, token);
    case TOKEN_NOT:
        push_not(p, token->at);
        return 0;
    case TOKEN_OPEN:
        return open_group(p, token);
    case TOKEN_END:
        return filter_complain(
            p->text, token->at, p->err, "the filter ends here, but a test should follow");
    case TOKEN_CLOSE:
    case TOKEN_AND:
    case TOKEN_OR:
        break;
    }
    return filter_complain(p->text,
                           token->at,
                           p->err,
                           "expected a test here, such as a word, name(glob) or status(failed), "
                           "not \"%.*s\"",
                           (int)token->len,
                           p->text + token->at);
}

static int finish(struct parser *p)
{
    int rc = pop_tighter(p, OP_OR);

    if (rc == 0 && p->op_count != 0) {
        rc =
            filter_complain(p->text, p->op_at[p->op_count - 1], p->err, "this '(' is never closed");
    }
    return rc;
}

/* Takes a token where an operator is wanted. */
static int take_operator(struct parser *p, const struct token *token, bool *wants_operand)
{
    enum filter_op op = token->type == TOKEN_AND ? OP_AND : OP_OR;
    int rc = 0;

    switch (token->type) {
    case TOKEN_AND:
    case TOKEN_OR:
        rc = pop_tighter(p, op);
        if (rc == 0) {
            push_op(p, op, token->at);
            *wants_operand = true;
        }
        return rc;
    case TOKEN_CLOSE:
        return close_group(p, token);
    case TOKEN_END:
        return finish(p);
    case TOKEN_TEST:
    case TOKEN_NOT:
    case TOKEN_OPEN:
        break;
    }
    return filter_complain(p->text, token->at, p->err, "expected \"and\" or \"or\" before this");
}

static int parse(struct parser *p)
{
    struct lexer lexer = {.text = p->text};
    struct token token = {.type = TOKEN_OPEN};
    bool wants_operand = true;

    while (token.type != TOKEN_END) {
        int rc = filter_lex_next(&lexer, &token, p->err);
        if (rc == 0) {
            rc = wants_operand ? take_operand(p, &token, &wants_operand)
                               : take_operator(p, &token, &wants_operand);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int filter_parse(const char *text, struct filter **ret_filter, struct err *err)
{
    struct parser p = {.text = text, .err = err};

    if (strlen(text) > FILTER_TEXT_MAX) {
        return err_set(err,
                       -E2BIG,
                       "the filter is %zu bytes long, at most %d are taken; use a shorter pattern",
                       strlen(text),
                       FILTER_TEXT_MAX);
    }
    if (text[strspn(text, " \t\r\n")] == '\0') {
        return err_set(err, -EINVAL, "the filter is empty; leave it out to select everything");
    }
    p.filter = mem_calloc(1, sizeof *p.filter);
    if (p.filter == NULL) {
        return no_memory(err);
    }
    int rc = parse(&p);
    if (rc != 0) {
        filter_free(p.filter);
        return rc;
    }
    *ret_filter = p.filter;
    return 0;
}

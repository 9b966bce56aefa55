/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of system call asks: the functions behind the table of calls.c. Each notes its
 * questions before the call happens, whatever its result will be. */
#ifndef SLUICE_OBSERVE_ASK_H
#define SLUICE_OBSERVE_ASK_H

#include "observe/calls.h"

/* Facts with a name of their own (call.detail of ask_fact). */
enum host_fact {
    FACT_UNAME,
    FACT_NCPU,
    FACT_MEMORY,
};

void ask_open(struct asking *asking); /* detail: flags, where no argument has them */
void ask_openat2(struct asking *asking);
void ask_exec(struct asking *asking);
void ask_listing(struct asking *asking);
void ask_path(struct asking *asking);   /* detail: AT_ flags in addition */
void ask_access(struct asking *asking); /* detail: which argument is the mode */
void ask_link(struct asking *asking);
void ask_handle(struct asking *asking); /* follows only when told to */
void ask_create(struct asking *asking);
void ask_symlink(struct asking *asking);
void ask_unlink(struct asking *asking); /* detail: AT_ flags in addition */
void ask_rename(struct asking *asking); /* detail: how far the second path's arguments are */
void ask_hardlink(struct asking *asking);
void ask_fact(struct asking *asking);
void ask_connect(struct asking *asking); /* detail: which argument is the address */
void ask_bind(struct asking *asking);
void ask_sendmsg(struct asking *asking);
void ask_sendmmsg(struct asking *asking);
void ask_socket(struct asking *asking);
void ask_escape(struct asking *asking);
void ask_clone3(struct asking *asking);
void ask_foreign(struct asking *asking); /* detail: the error it gets */

/* The first argument's place of a text of the caller: 0 and the text in buf; negative: nothing to
 * ask (flagged where that would be wrong). */
int ask_text(struct asking *asking, uint64_t address, char *buf, size_t size);

/* Walks a path of the caller and notes `asked` where it ends. `buf` keeps the text; `ret` is where
 * it ended. False when there is nothing to ask. */
bool ask_at(struct asking *asking,
            struct path_question *question,
            uint64_t address,
            unsigned asked,
            struct landing *ret);

#endif

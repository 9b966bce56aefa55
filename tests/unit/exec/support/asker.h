/* SPDX-License-Identifier: Apache-2.0 */
/* A program that asks: the test binary itself, copied into a unit's tree as "ask" and started as
 * `ask ACTION ARGUMENT...`. Each action is one way to ask the system something. */
#ifndef SLUICE_TESTS_EXEC_ASKER_H
#define SLUICE_TESTS_EXEC_ASKER_H

/* Puts the program into a folder. */
void put_asker(const char *folder);

#endif

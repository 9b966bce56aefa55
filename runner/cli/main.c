/* SPDX-License-Identifier: Apache-2.0 */
/* sluice: the map of the house, in the order in which a run passes through it.
 *
 *   cli      understands the words, wires everything below together, prints
 *   config   reads the pipeline (YAML) into plain data
 *   model    that plain data: pipeline, unit, outcome, event, verdict
 *   plugin   asks plugin programs what they are, for their units, for their judgement
 *   store    remembers runs, outcomes and durations (SQLite)
 *   git      takes the snapshot of the tree and lays it out in a checkout
 *   plan     decides which unit is next; pure
 *   sched    keeps every slot busy, emits events
 *   exec     runs a unit in its world: slot processes, namespaces, overlay, capture
 *   proc     starts and bounds helper programs
 *   reports  folds the events into terminal, JUnit, event log, summary; reads foreign reports
 *   base     memory, text, files, JSON, hashing, time: below all of them
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that more than one module must agree on. A module's own limits live in its header; each
 * says its arithmetic and what happens beyond it. */
#ifndef SLUICE_BASE_LIMITS_H
#define SLUICE_BASE_LIMITS_H

/* Length of an id (layer, unit, case, stage, lock, label) in bytes. Ids are file names in run
 * folders and keys in reports: GitLab cuts at 255, ext4 at 255 a component. Beyond: an error that
 * names the id. */
#define ID_MAX 1024

/* Longest path we handle, as the kernel's PATH_MAX. */
#define PATH_TEXT_MAX 4096

/* Units in one run. One unit costs about 400 bytes while planned: 2^22 units are 1.6 GB. Beyond:
 * the plan is refused. */
#define UNITS_MAX (1u << 22)

/* Cases read from one unit's report; the largest of 545 surveyed public JUnit files has under
 * 10,000. Beyond: error outcome. */
#define CASES_PER_UNIT_MAX 200000

/* Cases read from one file by `sluice report read`, where no unit has to carry them: 100 MiB of the
 * shortest testcases (100 bytes). Beyond: an error. */
#define CASES_PER_FILE_MAX 1000000

/* A report file of one unit; GitLab refuses 30 MB, our own reader is tried with 100 MiB. Beyond:
 * error outcome. */
#define REPORT_BYTES_MAX (256u << 20)

#endif

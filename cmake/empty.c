/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a module's library buildable while the module has headers only. */
typedef int sluice_empty_translation_unit;

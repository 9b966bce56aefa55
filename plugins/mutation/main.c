/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/mutation.h"

int main(int argc, char **argv)
{
    return sdk_main(argc, argv, &mutation_plugin);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/unit/unit.h"

int main(int argc, char **argv)
{
    return sdk_main(argc, argv, &unit_plugin);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/command/command.h"

int main(int argc, char **argv)
{
    return sdk_main(argc, argv, &command_plugin);
}

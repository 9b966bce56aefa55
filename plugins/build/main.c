/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/build/build.h"

int main(int argc, char **argv)
{
    return sdk_main(argc, argv, &build_plugin);
}

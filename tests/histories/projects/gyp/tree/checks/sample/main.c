/* SPDX-License-Identifier: Apache-2.0 */
int helper(void);

int main(void)
{
    return helper();
}

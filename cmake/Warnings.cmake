# SPDX-License-Identifier: Apache-2.0
# One place for the compiler's rules. Link this INTERFACE target to every target of ours.
add_library(sluice_warnings INTERFACE)
target_compile_options(sluice_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Werror
    -Wshadow -Wconversion -Wsign-conversion -Wfloat-conversion -Wdouble-promotion
    -Wformat=2 -Wundef -Wvla -Walloca -Wcast-align -Wcast-qual -Wpointer-arith
    -Wwrite-strings -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes
    -Wmissing-declarations
    -Wredundant-decls -Wnested-externs -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference
    -Wunused -Wunused-result -Wdate-time
    $<$<C_COMPILER_ID:GNU>:-Wformat-signedness -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
        -Wstrict-overflow=2 -Warith-conversion -Wtrampolines -Wunsafe-loop-optimizations -Wstringop-overflow=4
        # snprintf() into a bounded buffer is how we cut text on purpose; gcc warns of it by optimisation level
        -Wno-format-truncation>
    $<$<C_COMPILER_ID:Clang>:-Wmissing-variable-declarations -Wcomma -Wextra-semi-stmt -Wconditional-uninitialized
        -Wassign-enum -Wunreachable-code-aggressive -Wloop-analysis -Wheader-hygiene>
    -fno-common -fstack-protector-strong)

# For tests, after sluice_warnings: gcc does not know that a failed assertion never returns, and its optimiser
# sees null pointers behind it.
add_library(sluice_test_warnings INTERFACE)
target_compile_options(sluice_test_warnings INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-null-dereference>)

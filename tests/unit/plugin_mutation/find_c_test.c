/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of C, one by one: what a line is made into, and what is left alone. */
#include "base/mem.h"

#include <string.h>

#include "support/finding.h"
#include "support/test.h"

#define C(line)                  "int f(int a, int b)\n{\n" line "\n}\n"
#define BY(name, line, expected) assert_mutants("a.c", name, C(line), expected)

TEST(each_comparison_moves_its_boundary)
{
    BY("relational-boundary", "a < b;", "3 relational-boundary: < => <=\n");
    BY("relational-boundary", "a <= b;", "3 relational-boundary: <= => <\n");
    BY("relational-boundary", "a > b;", "3 relational-boundary: > => >=\n");
    BY("relational-boundary", "a >= b;", "3 relational-boundary: >= => >\n");
    BY("relational-boundary", "a == b;", "");
}

TEST(each_comparison_is_negated)
{
    BY("relational-negate", "a < b;", "3 relational-negate: < => >=\n");
    BY("relational-negate", "a <= b;", "3 relational-negate: <= => >\n");
    BY("relational-negate", "a > b;", "3 relational-negate: > => <=\n");
    BY("relational-negate", "a >= b;", "3 relational-negate: >= => <\n");
    BY("relational-negate", "a == b;", "3 relational-negate: == => !=\n");
    BY("relational-negate", "a != b;", "3 relational-negate: != => ==\n");
}

TEST(and_becomes_or_and_or_becomes_and)
{
    BY("logical", "a && b;", "3 logical: && => ||\n");
    BY("logical", "a || b;", "3 logical: || => &&\n");
    BY("logical", "a & b;", "");
}

TEST(arithmetic_is_done_otherwise)
{
    BY("arithmetic", "a = a + b;", "3 arithmetic: + => -\n");
    BY("arithmetic", "a = a - b;", "3 arithmetic: - => +\n");
    BY("arithmetic", "a = a * b;", "3 arithmetic: * => /\n");
    BY("arithmetic", "a = a / b;", "3 arithmetic: / => *\n");
    BY("arithmetic", "a = a % b;", "3 arithmetic: % => *\n");
    BY("arithmetic", "a = -b;", "");
    BY("arithmetic", "a = *b;", "");
}

TEST(bits_are_combined_otherwise)
{
    BY("bitwise", "a = a & b;", "3 bitwise: & => |\n");
    BY("bitwise", "a = a | b;", "3 bitwise: | => &\n");
    BY("bitwise", "a = a ^ b;", "3 bitwise: ^ => &\n");
    BY("bitwise", "a = a << b;", "3 bitwise: << => >>\n");
    BY("bitwise", "a = a >> b;", "3 bitwise: >> => <<\n");
    BY("bitwise", "a = &b;", "");
}

TEST(compound_assignments_compute_otherwise)
{
    BY("compound-assignment", "a += b;", "3 compound-assignment: += => -=\n");
    BY("compound-assignment", "a -= b;", "3 compound-assignment: -= => +=\n");
    BY("compound-assignment", "a *= b;", "3 compound-assignment: *= => /=\n");
    BY("compound-assignment", "a /= b;", "3 compound-assignment: /= => *=\n");
    BY("compound-assignment", "a %= b;", "3 compound-assignment: %= => *=\n");
    BY("compound-assignment", "a &= b;", "3 compound-assignment: &= => |=\n");
    BY("compound-assignment", "a |= b;", "3 compound-assignment: |= => &=\n");
    BY("compound-assignment", "a ^= b;", "3 compound-assignment: ^= => &=\n");
    BY("compound-assignment", "a <<= b;", "3 compound-assignment: <<= => >>=\n");
    BY("compound-assignment", "a >>= b;", "3 compound-assignment: >>= => <<=\n");
    BY("compound-assignment", "a = b;", "");
}

TEST(counting_goes_the_other_way)
{
    BY("increment", "a++; --b;", "3 increment: ++ => --\n3 increment: -- => ++\n");
}

TEST(conditions_take_the_other_branch)
{
    BY("negate-condition", "if (a) b = 1;", "3 negate-condition: a => !(a)\n");
    BY("negate-condition", "while (f(a)) b++;", "3 negate-condition: f(a) => !(f(a))\n");
    BY("negate-condition", "do b++; while (a && b);", "3 negate-condition: a && b => !(a && b)\n");
    BY("negate-condition", "for (; a; ) b++;", "3 negate-condition: a => !(a)\n");
    BY("negate-condition", "b = a ? 1 : 2;", "3 negate-condition: a => !(a)\n");
    BY("negate-condition", "b = (a & 1) ? 1 : 2;", "3 negate-condition: a & 1 => !(a & 1)\n");
    BY("negate-condition",
       "if ((a = f(b))) b = 1;",
       "3 negate-condition: (a = f(b)) => !((a = f(b)))\n");
}

TEST(a_condition_that_another_operator_negates_is_left_to_it)
{
    BY("negate-condition", "if (a < b) b = 1;", "");
    BY("negate-condition", "while (a != b) b++;", "");
    BY("negate-condition", "if (!a) b = 1;", "");
    BY("negate-condition", "for (; a < b; a++) b++;", "");
    BY("negate-condition", "for (;;) break;", "");
}

TEST(a_not_is_forgotten)
{
    BY("not-removal", "return !a;", "3 not-removal: !a => (a)\n");
    BY("not-removal", "return!f(a);", "3 not-removal: !f(a) => (f(a))\n");
    BY("not-removal", "return ~a;", "");
}

TEST(calls_and_assignments_are_forgotten)
{
    BY("delete-call", "g(a, b);", "3 delete-call: g(a, b); => ;\n");
    BY("delete-call", "a = g(b);", "");
    BY("delete-assignment", "a = g(b);", "3 delete-assignment: a = g(b); => ;\n");
    BY("delete-assignment", "a += b;", "3 delete-assignment: a += b; => ;\n");
    BY("delete-assignment", "int c = b;", "");
}

TEST(literals_are_changed)
{
    BY("boolean-literal", "return true;", "3 boolean-literal: true => false\n");
    BY("boolean-literal", "return FALSE;", "3 boolean-literal: FALSE => TRUE\n");
    BY("number-literal", "return 0;", "3 number-literal: 0 => 1\n");
    BY("number-literal", "return 7;", "3 number-literal: 7 => (7 + 1)\n");
    BY("number-literal", "return 0x1f;", "3 number-literal: 0x1f => (0x1f + 1)\n");
    BY("number-literal", "return 1.5;", "3 number-literal: 1.5 => (1.5 + 1)\n");
    BY("number-literal", "return '7';", "");
    BY("number-literal", "return \"7\";", "");
}

TEST(numbers_within_an_index_are_off_until_asked_for)
{
    BY("number-literal", "return p[1] + q[a + 2];", "");
    BY("number-literal", "return p[1] + 2;", "3 number-literal: 2 => (2 + 1)\n");
    BY("number-in-index", "return p[1] + 2;", "3 number-in-index: 1 => (1 + 1)\n");
    assert_string_equal(mutants_of("a.c", C("return p[1];"), NULL), "");
    assert_string_equal(mutants_of("a.c", C("return p[1];"), "{\"on\": [\"number-in-index\"]}"),
                        "3 number-in-index: 1 => (1 + 1)\n");
}

TEST(a_constant_is_returned_when_that_is_asked_for)
{
    BY("return-value", "return a + b;", "3 return-value: a + b => 0\n3 return-value: a + b => 1\n");
    BY("return-value", "return 0;", "3 return-value: 0 => 1\n");
    BY("return-value", "return;", "");
    assert_string_equal(mutants_of("a.c", C("return a;"), NULL), "");
}

TEST(what_the_compiler_asserts_is_never_mutated)
{
    static const char everywhere[] = "_Static_assert(sizeof(int) > 2 + 1, \"a\");\n"
                                     "static_assert(1 < 2 && !0, \"b\");\n"
                                     "struct s { int a; _Static_assert(3 != 4, \"c\"); };\n"
                                     "int f(void) { static_assert(5 == 5); return 6; }\n";
    assert_string_equal(mutants_of("a.c", everywhere, "{\"on\": [\"arid\"]}"),
                        "4 number-literal: 6 => (6 + 1)\n");
}

TEST(code_that_only_reports_or_gives_back_is_arid)
{
    assert_string_equal(mutants_of("a.c", C("free(a);"), NULL), "");
    assert_string_equal(mutants_of("a.c", C("printf(\"%d\", a + 1);"), NULL), "");
    assert_string_equal(mutants_of("a.c", C("assert(a < b);"), NULL), "");
    assert_string_equal(mutants_of("a.c", C("log_debug(a < b);"), NULL), "");
    assert_string_equal(mutants_of("a.c", C("free(a);"), "{\"on\": [\"arid\"]}"),
                        "3 delete-call: free(a); => ;\n");
    assert_string_equal(mutants_of("a.c", C("note(a);"), "{\"arid\": [\"note\", \"x_*\"]}"), "");
    assert_string_equal(mutants_of("a.c", C("x_y(a);"), "{\"arid\": [\"note\", \"x_*\"]}"), "");
    /* What a call answers is not arid, and sprintf() makes a value. */
    assert_string_equal(mutants_of("a.c",
                                   C("if (printf(\"x\") < 0) return b;"),
                                   "{\"only\":[\"relational-boundary\"]}"),
                        "3 relational-boundary: < => <=\n");
    assert_string_equal(mutants_of("a.c", C("sprintf(p, q);"), NULL),
                        "3 delete-call: sprintf(p, q); => ;\n");
}

TEST(conditions_of_the_preprocessor_are_no_code)
{
    assert_string_equal(
        mutants_of("a.c", "#if A > 1 && B == 2\nint x;\n#elif C < 3\n#endif\n", NULL), "");
    assert_mutants("a.c",
                   "arithmetic",
                   "#if A > 1\nint f(int a) { return a + 1; }\n#endif\n",
                   "2 arithmetic: + => -\n");
}

TEST(one_change_by_two_operators_is_one_mutant)
{
    /* Both say `1`; the first of the file of operators names it. */
    assert_string_equal(
        mutants_of("a.c", C("return 0;"), "{\"only\": [\"number-literal\", \"return-value\"]}"),
        "3 number-literal: 0 => 1\n");
}

TEST(mutants_stand_in_the_order_of_the_text)
{
    assert_string_equal(mutants_of("a.c", C("if (a < b && !a) { f(0); }"), NULL),
                        "3 negate-condition: a < b && !a => !(a < b && !a)\n"
                        "3 relational-boundary: < => <=\n"
                        "3 relational-negate: < => >=\n"
                        "3 logical: && => ||\n"
                        "3 not-removal: !a => (a)\n"
                        "3 delete-call: f(0); => ;\n"
                        "3 number-literal: 0 => 1\n");
}

TEST(functions_and_places_are_named)
{
    struct mutant_list list = {0};
    struct err err = {0};
    const char *text =
        "int x = 1;\nstatic char *(*g(int a))(void)\n{\n    return a\n        + 1;\n}\n"
        "char **\nlong_name(int a)\n{\n\treturn a * a;\n}\n";
    assert_int_equal(
        find_in_text("a.c", text, "{\"off\": [\"number-literal\"]}", NULL, &list, &err), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[1].function, "long_name");
    assert_int_equal(list.items[1].span.line, 10);
    assert_int_equal(list.items[1].span.column, 11);
    assert_int_equal(list.items[1].span.end_line, 10);
    assert_int_equal(list.items[1].span.end_column, 12);
    assert_int_equal(list.items[1].number, 1);
    assert_ptr_equal(strchr(text, '+'), text + list.items[0].span.start);
    assert_int_equal(list.items[0].span.end, list.items[0].span.start + 1);
    assert_string_equal(list.items[0].file, "a.c");
    mutant_list_fini(&list);
}

TEST(a_mutant_is_put_in_its_place)
{
    struct source source = {0};
    struct operators *operators = NULL;
    struct mutant_list list = {0};
    struct err err = {0};
    const char text[] = "int f(int a) { return a < 10; }\n";
    assert_int_equal(source_parse("a.c", text, sizeof(text) - 1, &source, &err), 0);
    assert_int_equal(operators_load(NULL, ".", &operators, &err), 0);
    assert_int_equal(find_mutants(&source, operators, NULL, &list, &err), 0);
    static const char *const expected[] = {
        "int f(int a) { return a <= 10; }\n",
        "int f(int a) { return a >= 10; }\n",
        "int f(int a) { return a < (10 + 1); }\n",
    };
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < 3; i++) {
        size_t size = 0;
        char *applied = find_apply(&source, &list.items[i], &size);
        assert_non_null(applied);
        assert_string_equal(applied, expected[i]);
        assert_int_equal(size, strlen(expected[i]));
        mem_free(applied);
    }
    mutant_list_fini(&list);
    operators_free(operators);
    source_fini(&source);
}

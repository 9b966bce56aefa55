/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of Python, JavaScript, TypeScript and TSX, and of languages without a grammar. */
#include "support/finding.h"
#include "support/test.h"

#define PY(name, line, expected) assert_mutants("a.py", name, line "\n", expected)
#define JS(name, line, expected) assert_mutants("a.js", name, line "\n", expected)
#define TS(name, line, expected) assert_mutants("a.ts", name, line "\n", expected)

TEST(python_comparisons)
{
    PY("relational-boundary", "a < b", "1 relational-boundary: < => <=\n");
    PY("relational-boundary", "a >= b", "1 relational-boundary: >= => >\n");
    PY("relational-boundary",
       "a < b <= c",
       "1 relational-boundary: < => <=\n1 relational-boundary: <= => <\n");
    PY("relational-negate", "a == b", "1 relational-negate: == => !=\n");
    PY("relational-negate", "a is b", "1 relational-negate: is => is not\n");
    PY("relational-negate", "a is not b", "1 relational-negate: is not => is\n");
    PY("relational-negate", "a in b", "1 relational-negate: in => not in\n");
    PY("relational-negate", "a not in b", "1 relational-negate: not in => in\n");
    PY("relational-negate", "for a in b: c", "");
}

TEST(python_operators)
{
    PY("logical", "a and b or c", "1 logical: and => or\n1 logical: or => and\n");
    PY("arithmetic", "a + b - c", "1 arithmetic: + => -\n1 arithmetic: - => +\n");
    PY("arithmetic", "a // b", "1 arithmetic: // => /\n");
    PY("arithmetic", "a ** b % c", "1 arithmetic: ** => *\n1 arithmetic: % => *\n");
    PY("arithmetic", "f(*a, **b)", "");
    PY("bitwise", "a & b | c ^ d", "1 bitwise: & => |\n1 bitwise: | => &\n1 bitwise: ^ => &\n");
    PY("compound-assignment", "a += b", "1 compound-assignment: += => -=\n");
    PY("compound-assignment", "a //= b", "1 compound-assignment: //= => /=\n");
}

TEST(python_statements)
{
    PY("negate-condition", "if a: b", "1 negate-condition: a => not (a)\n");
    PY("negate-condition", "while f(a): b", "1 negate-condition: f(a) => not (f(a))\n");
    PY("negate-condition", "x = a if b else c", "1 negate-condition: b => not (b)\n");
    PY("negate-condition", "if a < b: c", "");
    PY("negate-condition", "if not a: c", "");
    PY("not-removal", "return not a", "1 not-removal: not a => (a)\n");
    PY("delete-call", "f(a)", "1 delete-call: f(a) => pass\n");
    PY("delete-assignment", "a = f(b)", "1 delete-assignment: a = f(b) => pass\n");
    PY("delete-assignment", "a += 1", "1 delete-assignment: a += 1 => pass\n");
    PY("delete-assignment", "a: int", "");
    PY("return-value", "return a", "1 return-value: a => None\n");
    PY("loop-jump", "while a: break", "1 loop-jump: break => continue\n");
}

TEST(python_literals)
{
    PY("boolean-literal",
       "return True, False",
       "1 boolean-literal: True => False\n1 boolean-literal: False => True\n");
    PY("number-literal", "x = 0", "1 number-literal: 0 => 1\n");
    PY("number-literal", "x = 1.5", "1 number-literal: 1.5 => (1.5 + 1)\n");
    PY("number-literal", "x = a[1]", "");
    PY("number-in-index", "x = a[1]", "1 number-in-index: 1 => (1 + 1)\n");
    PY("number-literal", "\"\"\"Text 1.\"\"\"", "");
    PY("bitwise", "def f(a: int | None): pass", "");
}

TEST(python_code_that_reports_is_arid)
{
    assert_string_equal(
        mutants_of("a.py", "print(a + 1)\nlogging.info(a < b)\nassert a < b\n", NULL), "");
    assert_string_equal(mutants_of("a.py", "self.log.debug(x)\n", NULL), "");
    assert_string_equal(mutants_of("a.py", "put(1)\n", "{\"arid\": [\"put\"]}"), "");
}

TEST(names_of_python_functions_have_their_class)
{
    struct mutant_list list = {0};
    struct err err = {0};
    const char *text =
        "class A:\n    n = 1\n    def f(self):\n        def g():\n            return 1\n"
        "        return lambda: 1\n";
    assert_int_equal(
        find_in_text("a.py", text, "{\"only\": [\"number-literal\"]}", NULL, &list, &err), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].function, "A");
    assert_string_equal(list.items[1].function, "A.f.g");
    assert_string_equal(list.items[2].function, "A.f");
    mutant_list_fini(&list);
}

TEST(javascript_comparisons)
{
    JS("relational-boundary", "a < b;", "1 relational-boundary: < => <=\n");
    JS("relational-negate", "a === b;", "1 relational-negate: === => !==\n");
    JS("relational-negate", "a !== b;", "1 relational-negate: !== => ===\n");
    JS("relational-negate", "a == b;", "1 relational-negate: == => !=\n");
    JS("logical", "a && b || c;", "1 logical: && => ||\n1 logical: || => &&\n");
    JS("logical", "a ?? b;", "1 logical: ?? => &&\n");
}

TEST(javascript_operators)
{
    JS("arithmetic", "a + b * c;", "1 arithmetic: + => -\n1 arithmetic: * => /\n");
    JS("arithmetic", "a ** b;", "1 arithmetic: ** => *\n");
    JS("bitwise", "a >>> b;", "1 bitwise: >>> => <<\n");
    JS("compound-assignment", "a &&= b;", "1 compound-assignment: &&= => ||=\n");
    JS("compound-assignment", "a += b;", "1 compound-assignment: += => -=\n");
    JS("increment", "a++;", "1 increment: ++ => --\n");
}

TEST(javascript_statements)
{
    JS("negate-condition", "if (a) b;", "1 negate-condition: a => !(a)\n");
    JS("negate-condition", "x = a ? b : c;", "1 negate-condition: a => !(a)\n");
    JS("negate-condition", "x = a === 1 ? b : c;", "");
    JS("negate-condition", "if (!a) b;", "");
    JS("negate-condition", "for (;;) b;", "");
    JS("not-removal", "x = !a;", "1 not-removal: !a => (a)\n");
    JS("delete-call", "f(a);", "1 delete-call: f(a); => ;\n");
    JS("delete-call", "f(a)", "1 delete-call: f(a) => ;\n");
    JS("delete-call", "async () => { await f(a); }", "1 delete-call: await f(a); => ;\n");
    JS("delete-assignment", "a.b = c;", "1 delete-assignment: a.b = c; => ;\n");
    JS("return-value", "function f() { return a; }", "1 return-value: a => undefined\n");
}

TEST(javascript_literals)
{
    JS("boolean-literal", "x = true;", "1 boolean-literal: true => false\n");
    JS("number-literal",
       "x = 0 + 2;",
       "1 number-literal: 0 => 1\n1 number-literal: 2 => (2 + 1)\n");
    JS("number-literal", "x = a[0];", "");
    JS("number-in-index", "x = a[0];", "1 number-in-index: 0 => 1\n");
    JS("string-literal", "x = 'a';", "1 string-literal: 'a' => \"\"\n");
    JS("string-literal", "x = \"\";", "");
    assert_string_equal(mutants_of("a.js", "console.log(a + 1);\ndebug(b < c);\n", NULL), "");
}

TEST(typescript_and_tsx_have_the_operators_of_javascript)
{
    TS("relational-boundary", "const x: boolean = a < b;", "1 relational-boundary: < => <=\n");
    TS("arithmetic", "function f(a: number): number { return a + 1; }", "1 arithmetic: + => -\n");
    TS("bitwise", "type A = B | C;", "");
    assert_mutants("a.tsx", "logical", "const x = <p>{a && b}</p>;\n", "1 logical: && => ||\n");
}

TEST(names_of_javascript_functions_are_those_of_their_variables)
{
    struct mutant_list list = {0};
    struct err err = {0};
    const char *text =
        "class A { f() { return 1; } }\nconst g = () => 2;\nx.h = function () { return 3; };\n"
        "call(() => 4);\nconst o = { k: () => 5 };\n";
    static const char *const names[] = {"A.f", "g", "x.h", "", "k"};
    assert_int_equal(
        find_in_text("a.js", text, "{\"only\": [\"number-literal\"]}", NULL, &list, &err), 0);
    assert_int_equal(list.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(list.items[i].function, names[i]);
    }
    mutant_list_fini(&list);
}

TEST(a_language_without_a_grammar_has_regular_expressions)
{
    const char *go =
        "// a < b\nfunc f(a int) bool {\n\ts := \"a < b && true\"\n\treturn a <= 1 && true\n}\n";
    assert_string_equal(mutants_of("a.go", go, NULL),
                        "4 relational-boundary: <= => <\n"
                        "4 relational-negate: <= => >\n"
                        "4 logical: && => ||\n"
                        "4 boolean-literal: true => false\n");
}

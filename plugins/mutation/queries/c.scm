; SPDX-License-Identifier: Apache-2.0
; The operators of C. The form of this file: docs/mutation/operators.md.

; Conditions of the preprocessor choose what is compiled: a change of one is another program, not a fault in this one.
(preproc_if condition: (_) @region.never)
(preproc_elif condition: (_) @region.never)

; What the compiler asserts: a change either does not compile or says the same.
((expression_statement (call_expression function: (identifier) @callee)) @region.never
  (#any-of? @callee "_Static_assert" "static_assert"))

; What reports or gives back does not decide what a program answers.
((expression_statement (call_expression function: (_) @callee)) @region.arid
  (#arid? @callee "free" "assert" "printf" "vprintf" "fprintf" "vfprintf" "puts" "fputs" "fputc" "putchar" "perror" "fflush"
    "syslog" "vsyslog" "warn" "warnx" "log_*" "LOG_*" "log" "LOG" "trace" "TRACE*" "debug" "DEBUG*"))

; A sum within an index is soon another object's memory: undefined behaviour, killed by chance.
(subscript_expression index: (_) @region.index)

((binary_expression operator: ["<" "<=" ">" ">="] @mutant)
  (#set! mutant.operator "relational-boundary")
  (#set! mutant.about "a comparison takes its boundary in, or leaves it out")
  (#set! mutant.swap "<" "<=")
  (#set! mutant.swap "<=" "<")
  (#set! mutant.swap ">" ">=")
  (#set! mutant.swap ">=" ">"))

((binary_expression operator: ["<" "<=" ">" ">=" "==" "!="] @mutant)
  (#set! mutant.operator "relational-negate")
  (#set! mutant.about "a comparison says the opposite")
  (#set! mutant.swap "<" ">=")
  (#set! mutant.swap "<=" ">")
  (#set! mutant.swap ">" "<=")
  (#set! mutant.swap ">=" "<")
  (#set! mutant.swap "==" "!=")
  (#set! mutant.swap "!=" "=="))

((binary_expression operator: ["&&" "||"] @mutant)
  (#set! mutant.operator "logical")
  (#set! mutant.about "and for or, or for and")
  (#set! mutant.swap "&&" "||")
  (#set! mutant.swap "||" "&&"))

((binary_expression operator: ["+" "-" "*" "/" "%"] @mutant)
  (#set! mutant.operator "arithmetic")
  (#set! mutant.about "another arithmetic operation")
  (#set! mutant.swap "+" "-")
  (#set! mutant.swap "-" "+")
  (#set! mutant.swap "*" "/")
  (#set! mutant.swap "/" "*")
  (#set! mutant.swap "%" "*"))

((binary_expression operator: ["&" "|" "^" "<<" ">>"] @mutant)
  (#set! mutant.operator "bitwise")
  (#set! mutant.about "another operation on bits, a shift in the other direction")
  (#set! mutant.swap "&" "|")
  (#set! mutant.swap "|" "&")
  (#set! mutant.swap "^" "&")
  (#set! mutant.swap "<<" ">>")
  (#set! mutant.swap ">>" "<<"))

((assignment_expression operator: ["+=" "-=" "*=" "/=" "%=" "&=" "|=" "^=" "<<=" ">>="] @mutant)
  (#set! mutant.operator "compound-assignment")
  (#set! mutant.about "another operation while assigning")
  (#set! mutant.swap "+=" "-=")
  (#set! mutant.swap "-=" "+=")
  (#set! mutant.swap "*=" "/=")
  (#set! mutant.swap "/=" "*=")
  (#set! mutant.swap "%=" "*=")
  (#set! mutant.swap "&=" "|=")
  (#set! mutant.swap "|=" "&=")
  (#set! mutant.swap "^=" "&=")
  (#set! mutant.swap "<<=" ">>=")
  (#set! mutant.swap ">>=" "<<="))

((update_expression operator: ["++" "--"] @mutant)
  (#set! mutant.operator "increment")
  (#set! mutant.about "counts in the other direction")
  (#set! mutant.swap "++" "--")
  (#set! mutant.swap "--" "++"))

; A comparison and a `!` are negated by relational-negate and not-removal; the same once more would only cost time.
([(if_statement condition: (parenthesized_expression (_) @mutant))
  (while_statement condition: (parenthesized_expression (_) @mutant))
  (do_statement condition: (parenthesized_expression (_) @mutant))
  (for_statement condition: (_) @mutant)
  (conditional_expression condition: (parenthesized_expression (_) @mutant))
  (conditional_expression condition: [(identifier) (call_expression) (field_expression) (subscript_expression)] @mutant)]
  (#not-kind? @mutant "comment")
  (#not-operator? @mutant "!" "<" "<=" ">" ">=" "==" "!=")
  (#set! mutant.operator "negate-condition")
  (#set! mutant.about "the other branch is taken")
  (#set! mutant.replace "!(${mutant})"))

((unary_expression operator: "!" argument: (_) @argument) @mutant
  (#set! mutant.operator "not-removal")
  (#set! mutant.about "a `!` is forgotten")
  (#set! mutant.replace "(${argument})"))

((expression_statement (call_expression)) @mutant
  (#set! mutant.operator "delete-call")
  (#set! mutant.about "a call whose value is not used is forgotten")
  (#set! mutant.replace ";"))

((expression_statement (assignment_expression)) @mutant
  (#set! mutant.operator "delete-assignment")
  (#set! mutant.about "an assignment is forgotten")
  (#set! mutant.replace ";"))

([(true) (false)] @mutant
  (#set! mutant.operator "boolean-literal")
  (#set! mutant.about "true for false, false for true")
  (#set! mutant.swap "true" "false")
  (#set! mutant.swap "false" "true")
  (#set! mutant.swap "TRUE" "FALSE")
  (#set! mutant.swap "FALSE" "TRUE"))

((number_literal) @mutant
  (#not-in? @mutant "index")
  (#set! mutant.operator "number-literal")
  (#set! mutant.about "0 becomes 1, another number one more")
  (#set! mutant.swap "0" "1")
  (#set! mutant.replace "(${mutant} + 1)"))

((number_literal) @mutant
  (#in? @mutant "index")
  (#set! mutant.operator "number-in-index")
  (#set! mutant.about "as number-literal, in the index of an array")
  (#set! mutant.default "off")
  (#set! mutant.swap "0" "1")
  (#set! mutant.replace "(${mutant} + 1)"))

((return_statement (_) @mutant)
  (#not-kind? @mutant "comment")
  (#set! mutant.operator "return-value")
  (#set! mutant.about "a constant is returned, where that compiles")
  (#set! mutant.default "off")
  (#set! mutant.replace "0")
  (#set! mutant.replace "1"))

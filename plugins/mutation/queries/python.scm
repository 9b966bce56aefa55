; SPDX-License-Identifier: Apache-2.0
; The operators of Python. The form of this file: docs/mutation/operators.md.

; What reports does not decide what a program answers.
((expression_statement (call function: (_) @callee)) @region.arid
  (#arid? @callee "print" "pprint" "log" "log.*" "logger.*" "logging.*" "self.log.*" "self.logger.*" "_log.*" "_logger.*"
    "LOG.*" "LOGGER.*" "warnings.warn" "sys.stdout.*" "sys.stderr.*"))
((assert_statement) @region.arid)

; Types are read by tools, not by the program.
(type) @region.never

(subscript subscript: (_) @region.index)

((comparison_operator operators: ["<" "<=" ">" ">="] @mutant)
  (#set! mutant.operator "relational-boundary")
  (#set! mutant.about "a comparison takes its boundary in, or leaves it out")
  (#set! mutant.swap "<" "<=")
  (#set! mutant.swap "<=" "<")
  (#set! mutant.swap ">" ">=")
  (#set! mutant.swap ">=" ">"))

((comparison_operator operators: ["<" "<=" ">" ">=" "==" "!=" "is" "is not" "in" "not in"] @mutant)
  (#set! mutant.operator "relational-negate")
  (#set! mutant.about "a comparison says the opposite")
  (#set! mutant.swap "<" ">=")
  (#set! mutant.swap "<=" ">")
  (#set! mutant.swap ">" "<=")
  (#set! mutant.swap ">=" "<")
  (#set! mutant.swap "==" "!=")
  (#set! mutant.swap "!=" "==")
  (#set! mutant.swap "is" "is not")
  (#set! mutant.swap "is not" "is")
  (#set! mutant.swap "in" "not in")
  (#set! mutant.swap "not in" "in"))

((boolean_operator operator: ["and" "or"] @mutant)
  (#set! mutant.operator "logical")
  (#set! mutant.about "and for or, or for and")
  (#set! mutant.swap "and" "or")
  (#set! mutant.swap "or" "and"))

((binary_operator operator: ["+" "-" "*" "/" "//" "%" "**"] @mutant)
  (#set! mutant.operator "arithmetic")
  (#set! mutant.about "another arithmetic operation")
  (#set! mutant.swap "+" "-")
  (#set! mutant.swap "-" "+")
  (#set! mutant.swap "*" "/")
  (#set! mutant.swap "/" "*")
  (#set! mutant.swap "//" "/")
  (#set! mutant.swap "%" "*")
  (#set! mutant.swap "**" "*"))

((binary_operator operator: ["&" "|" "^" "<<" ">>"] @mutant)
  (#set! mutant.operator "bitwise")
  (#set! mutant.about "another operation on bits, a shift in the other direction")
  (#set! mutant.swap "&" "|")
  (#set! mutant.swap "|" "&")
  (#set! mutant.swap "^" "&")
  (#set! mutant.swap "<<" ">>")
  (#set! mutant.swap ">>" "<<"))

((augmented_assignment operator: ["+=" "-=" "*=" "/=" "//=" "%=" "**=" "&=" "|=" "^=" "<<=" ">>="] @mutant)
  (#set! mutant.operator "compound-assignment")
  (#set! mutant.about "another operation while assigning")
  (#set! mutant.swap "+=" "-=")
  (#set! mutant.swap "-=" "+=")
  (#set! mutant.swap "*=" "/=")
  (#set! mutant.swap "/=" "*=")
  (#set! mutant.swap "//=" "/=")
  (#set! mutant.swap "%=" "*=")
  (#set! mutant.swap "**=" "*=")
  (#set! mutant.swap "&=" "|=")
  (#set! mutant.swap "|=" "&=")
  (#set! mutant.swap "^=" "&=")
  (#set! mutant.swap "<<=" ">>=")
  (#set! mutant.swap ">>=" "<<="))

; A comparison and a `not` are negated by relational-negate and not-removal; the same once more would only cost time.
([(if_statement condition: (_) @mutant)
  (elif_clause condition: (_) @mutant)
  (while_statement condition: (_) @mutant)
  (conditional_expression . (_) . (_) @mutant)]
  (#not-kind? @mutant "comparison_operator" "not_operator")
  (#set! mutant.operator "negate-condition")
  (#set! mutant.about "the other branch is taken")
  (#set! mutant.replace "not (${mutant})"))

((not_operator argument: (_) @argument) @mutant
  (#set! mutant.operator "not-removal")
  (#set! mutant.about "a `not` is forgotten")
  (#set! mutant.replace "(${argument})"))

((expression_statement (call)) @mutant
  (#set! mutant.operator "delete-call")
  (#set! mutant.about "a call whose value is not used is forgotten")
  (#set! mutant.replace "pass"))

((expression_statement [(assignment right: (_)) (augmented_assignment)]) @mutant
  (#set! mutant.operator "delete-assignment")
  (#set! mutant.about "an assignment is forgotten")
  (#set! mutant.replace "pass"))

([(true) (false)] @mutant
  (#set! mutant.operator "boolean-literal")
  (#set! mutant.about "True for False, False for True")
  (#set! mutant.swap "True" "False")
  (#set! mutant.swap "False" "True"))

([(integer) (float)] @mutant
  (#not-in? @mutant "index")
  (#set! mutant.operator "number-literal")
  (#set! mutant.about "0 becomes 1, another number one more")
  (#set! mutant.swap "0" "1")
  (#set! mutant.replace "(${mutant} + 1)"))

([(integer) (float)] @mutant
  (#in? @mutant "index")
  (#set! mutant.operator "number-in-index")
  (#set! mutant.about "as number-literal, in the index of a sequence")
  (#set! mutant.default "off")
  (#set! mutant.swap "0" "1")
  (#set! mutant.replace "(${mutant} + 1)"))

((return_statement (_) @mutant)
  (#set! mutant.operator "return-value")
  (#set! mutant.about "nothing is returned")
  (#set! mutant.default "off")
  (#set! mutant.replace "None"))

([(break_statement) (continue_statement)] @mutant
  (#set! mutant.operator "loop-jump")
  (#set! mutant.about "break for continue, continue for break")
  (#set! mutant.default "off")
  (#set! mutant.swap "break" "continue")
  (#set! mutant.swap "continue" "break"))

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('clean', tap.load('functions', 'clean', 'clean'), [
  [['  =v2.1.5foo'], null],
  [['  =v2.1.5-foo'], '2.1.5-foo'],
  [['>1.2.3'], null],
  [[' 1.2.3 '], '1.2.3'],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('satisfies', tap.load('functions', 'satisfies', 'satisfies'), [
  [['1.2.3', '^1.0.0'], true],
  [['2.0.0', '^1.0.0'], false],
  [['1.2.3', '1.x || >=2.5.0 || 5.0.0 - 7.2.3'], true],
  [['1.2.3-beta', '^1.0.0'], false],
  [['0.5.5', '~0.5.4'], true],
  [['1.0.0', '>=1.0.0 <1.1.0'], true],
  [['1.2.3', '<1.2.3'], false],
])
tap.done()

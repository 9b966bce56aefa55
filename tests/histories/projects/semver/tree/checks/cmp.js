#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('cmp', tap.load('functions', 'cmp', 'cmp'), [
  [['1.2.3', '>', '1.2.2'], true],
  [['1.2.3', '===', '1.2.3'], true],
  [['1.2.3', 'frobne', '1.2.2'], 'throws'],
])
tap.done()

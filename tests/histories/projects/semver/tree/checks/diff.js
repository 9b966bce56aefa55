#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('diff', tap.load('functions', 'diff', 'diff'), [
  [['1.2.3', '0.2.3'], 'major'],
  [['1.4.5', '0.2.3'], 'major'],
  [['1.2.3', '2.0.0-pre'], 'premajor'],
  [['1.2.3', '1.3.3'], 'minor'],
  [['1.2.3', '1.2.4'], 'patch'],
  [['0.0.1', '0.0.1'], null],
  [['1.1.0', '1.1.0-pre'], 'minor'],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('parse', tap.load('functions', 'parse', 'parse'), [
  [['1.2.3'], '1.2.3'],
  [['a.b.c'], null],
  [['1.2.3-rc.1'], '1.2.3-rc.1'],
])
tap.done()

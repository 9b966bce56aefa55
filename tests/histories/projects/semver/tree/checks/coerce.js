#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('coerce', tap.load('functions', 'coerce', 'coerce'), [
  [['v2'], '2.0.0'],
  [['42.6.7.9.3-alpha'], '42.6.7'],
  [['none'], null],
  [['1.2.3'], '1.2.3'],
])
tap.done()

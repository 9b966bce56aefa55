#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('truncate', tap.load('functions', 'truncate', 'truncate'), [
  [['1.2.3-foo', 'patch'], '1.2.3'],
  [['1.2.3', 'major'], '1.0.0'],
])
tap.done()

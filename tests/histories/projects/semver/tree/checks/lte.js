#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('lte', tap.load('functions', 'lte', 'lte'), [
  [['1.2.3', '1.2.3'], true],
  [['1.2.4', '1.2.3'], false],
])
tap.done()

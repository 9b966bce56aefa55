#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('toComparators', tap.load('ranges', 'to-comparators', 'toComparators'), [
  [['1.0.0 - 2.0.0'], [['>=1.0.0', '<=2.0.0']]],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('compareBuild', tap.load('functions', 'compare-build', 'compareBuild'), [
  [['1.0.0+a', '1.0.0+b'], -1],
  [['1.0.0', '1.0.0+0'], -1],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('compare', tap.load('functions', 'compare', 'compare'), [
  [['1.2.3', '1.2.4'], -1],
  [['1.2.3', '1.2.3'], 0],
  [['2.0.0', '1.9.9'], 1],
  [['1.0.0-alpha', '1.0.0'], -1],
  [['1.0.0-alpha.1', '1.0.0-alpha.beta'], -1],
  [['1.0.0-beta.2', '1.0.0-beta.11'], -1],
])
tap.done()

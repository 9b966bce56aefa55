#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('major', tap.load('functions', 'major', 'major'), [
  [['1.2.3'], 1],
  [['v12.3.4'], 12],
])
tap.done()

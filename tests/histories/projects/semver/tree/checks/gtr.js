#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('gtr', tap.load('ranges', 'gtr', 'gtr'), [
  [['2.0.0', '^1.0.0'], true],
  [['1.2.0', '^1.0.0'], false],
])
tap.done()

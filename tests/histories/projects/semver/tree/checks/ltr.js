#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('ltr', tap.load('ranges', 'ltr', 'ltr'), [
  [['0.9.0', '^1.0.0'], true],
])
tap.done()

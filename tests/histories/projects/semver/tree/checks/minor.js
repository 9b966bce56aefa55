#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('minor', tap.load('functions', 'minor', 'minor'), [
  [['1.2.3'], 2],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('patch', tap.load('functions', 'patch', 'patch'), [
  [['1.2.3'], 3],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('minVersion', tap.load('ranges', 'min-version', 'minVersion'), [
  [['^1.2.3'], '1.2.3'],
  [['>1.0.0'], '1.0.1'],
  [['*'], '0.0.0'],
])
tap.done()

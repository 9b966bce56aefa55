#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('maxSatisfying', tap.load('ranges', 'max-satisfying', 'maxSatisfying'), [
  [[['1.2.3', '1.2.4', '2.0.0'], '~1.2'], '1.2.4'],
  [[['1.2.3'], '2'], null],
])
tap.done()

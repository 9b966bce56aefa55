#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('minSatisfying', tap.load('ranges', 'min-satisfying', 'minSatisfying'), [
  [[['1.2.3', '1.2.4', '2.0.0'], '~1.2'], '1.2.3'],
])
tap.done()

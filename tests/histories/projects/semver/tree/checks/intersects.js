#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('intersects', tap.load('ranges', 'intersects', 'intersects'), [
  [['^1.0.0', '>=1.5.0'], true],
  [['^1.0.0', '^2.0.0'], false],
])
tap.done()

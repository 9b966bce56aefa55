#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('simplifyRange', tap.load('ranges', 'simplify', 'simplifyRange'), [
  [[['1.0.0', '1.1.0', '1.2.0'], '1.0.0 || 1.1.0 || 1.2.0'], '*'],
])
tap.done()

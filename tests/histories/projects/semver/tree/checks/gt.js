#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('gt', tap.load('functions', 'gt', 'gt'), [
  [['1.2.3', '1.2.2'], true],
  [['1.2.3-a', '1.2.3'], false],
])
tap.done()

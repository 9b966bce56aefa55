#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('valid', tap.load('functions', 'valid', 'valid'), [
  [['1.2.3'], '1.2.3'],
  [['1.2'], null],
  [['1.2.3-beta.4+build'], '1.2.3-beta.4'],
  [['not a version'], null],
  [['1.2.3.4'], null],
])
tap.done()

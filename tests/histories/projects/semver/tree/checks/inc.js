#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('inc', tap.load('functions', 'inc', 'inc'), [
  [['1.2.3', 'major'], '2.0.0'],
  [['1.2.3', 'minor'], '1.3.0'],
  [['1.2.3', 'patch'], '1.2.4'],
  [['1.2.3-4', 'patch'], '1.2.3'],
  [['1.2.3', 'prerelease', 'dev'], '1.2.4-dev.0'],
  [['1.2.3-dev.1', 'prerelease', 'dev'], '1.2.3-dev.2'],
  [['1.2.3', 'fake'], null],
])
tap.done()

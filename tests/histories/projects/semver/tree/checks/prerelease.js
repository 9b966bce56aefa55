#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('prerelease', tap.load('functions', 'prerelease', 'prerelease'), [
  [['1.2.2-alpha.1'], ['alpha', 1]],
  [['1.2.2'], null],
])
tap.done()

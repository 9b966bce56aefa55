#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('validRange', tap.load('ranges', 'valid', 'validRange'), [
  [['^1.2.3'], '>=1.2.3 <2.0.0-0'],
  [['nope nope'], null],
  [['1.2.3 - 2.3.4'], '>=1.2.3 <=2.3.4'],
])
tap.done()

#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
'use strict'
const tap = require('./tap.cjs')

tap.all('sort', tap.load('functions', 'sort', 'sort'), [
  [[['1.2.3', '5.9.6', '0.1.2']], ['0.1.2', '1.2.3', '5.9.6']],
])
tap.done()

// SPDX-License-Identifier: Apache-2.0
// A few lines of TAP. A function that a release does not have yet is skipped; what a file of checks
// asks for is loaded alone where the release allows it (functions/NAME.js since 7.0), so that a
// check reads what it needs.
'use strict'
const path = require('path')
const fs = require('fs')
const Module = require('module')

// Some releases need lru-cache, which is not installed here: what they use of it.
class Cache {
  constructor () { this.map = new Map() }
  get (key) { return this.map.get(key) }
  set (key, value) { return Boolean(this.map.set(key, value)) }
}
const load = Module._load
Module._load = function (name, ...rest) {
  return name === 'lru-cache' ? Cache : load.call(this, name, ...rest)
}

const root = path.dirname(__dirname)
let count = 0

// The function `name` of the release: from its own file, else from the whole; undefined = not there.
exports.load = (folder, file, name) => {
  const own = path.join(root, folder, file + '.js')
  if (fs.existsSync(own)) return require(own)
  for (const whole of ['index.js', 'semver.js']) {
    if (fs.existsSync(path.join(root, whole))) return require(path.join(root, whole))[name]
  }
  return undefined
}

const line = (good, name, rest) => console.log(`${good ? 'ok' : 'not ok'} ${++count} - ${name}${rest || ''}`)

exports.skip = (name) => line(true, name, ' # SKIP not in this release')

// One case: call() gives what is expected; 'throws' = an exception.
exports.is = (name, call, expected) => {
  let got
  try {
    got = call()
    if (got && typeof got === 'object' && !Array.isArray(got)) got = got.version || String(got)
  } catch (error) {
    got = 'throws'
  }
  const good = JSON.stringify(got) === JSON.stringify(expected)
  line(good, name)
  if (!good) console.log(`# got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`)
}

exports.all = (title, f, rows) => {
  for (const [args, expected] of rows) {
    const name = `${title}(${args.map((a) => JSON.stringify(a)).join(', ')})`.replace(/#/g, 'no. ')
    if (typeof f === 'function') exports.is(name, () => f(...args), expected)
    else exports.skip(name)
  }
}

exports.done = () => console.log(`1..${count}`)

// SPDX-License-Identifier: Apache-2.0
// What other tools see in our reports. usage: node see.mjs SCHEMAS FOLDER...
// Each FOLDER holds the reports of one run: rich.xml, jenkins.xml, ant.xml, ctrf.json, sarif.sarif, codequality.json,
// trace.json. Prints one JSON object a folder: {folder, seen: {TOOL: {passed, failed, skipped}}, wrong: [words]}; failed
// counts failures and errors, because tools disagree about which is which.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { junitXml } from '@allurereport/reader'
import { BufferResultFile } from '@allurereport/reader-api'
import { parse as junit2json } from 'junit2json'
import { convertJUnitToCTRFReport } from 'junit-to-ctrf'
import xunitViewer from 'xunit-viewer'

const require = createRequire(import.meta.url)
const results = require('test-results-parser')
const merger = require('junit-report-merger')
const formats = require('ajv-formats').default
const Ajv = require('ajv').default
const AjvDraft4 = require('ajv-draft-04').default

const [schemas, ...folders] = process.argv.slice(2)
const load = file => JSON.parse(fs.readFileSync(file, 'utf8'))
const list = value => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value])

const compile = (Kind, file) => {
  const ajv = new Kind({ strict: false, allErrors: true })
  formats(ajv)
  return ajv.compile(load(path.join(schemas, file)))
}
const validCtrf = compile(Ajv, 'ctrf.json')
const validSarif = compile(AjvDraft4, 'sarif.json')

// Tools talk while they work.
const quietly = async work => {
  const kept = { log: console.log, write: process.stdout.write }
  const said = []
  console.log = (...words) => said.push(words.join(' '))
  process.stdout.write = text => said.push(String(text).replace(/\n$/, ''))
  try {
    return [await work(), said.join('\n')]
  } finally {
    console.log = kept.log
    process.stdout.write = kept.write
  }
}

const count = cases => {
  const seen = { passed: 0, failed: 0, skipped: 0 }
  for (const c of cases) {
    if (list(c.failure).length + list(c.error).length > 0) seen.failed++
    else if (list(c.skipped).length > 0) seen.skipped++
    else seen.passed++
  }
  return seen
}

// GitLab's reader: suites at any depth, cases by (classname, name) of which the first counts.
const gitlab = document => {
  const cases = new Map()
  const walk = suite => {
    for (const c of list(suite.testcase)) {
      const key = `${c.classname}\n${c.name}`
      if (!cases.has(key)) cases.set(key, c)
    }
    list(suite.testsuite).forEach(walk)
  }
  list(document.testsuite).forEach(walk)
  return count(cases.values())
}

// Readers that look one level deep and believe nothing else (dorny's action, Allure, Buildkite).
const flat = document => count(list(document.testsuite).flatMap(suite => list(suite.testcase)))

const ofCounters = document => {
  const sum = name => list(document.testsuite).reduce((total, suite) => total + Number(suite[name] ?? 0), 0)
  const failed = sum('failures') + sum('errors')
  return { passed: sum('tests') - failed - sum('skipped'), failed, skipped: sum('skipped') }
}

// Allure 3's own reader; the whole tool is run over some of the reports by writers.test.
const allure = async file => {
  const of = { passed: 'passed', failed: 'failed', broken: 'failed', skipped: 'skipped' }
  const seen = { passed: 0, failed: 0, skipped: 0 }
  const visitor = { visitTestResult: async result => seen[of[result.status]]++, visitAttachmentFile: async () => {} }
  await junitXml.read(visitor, new BufferResultFile(fs.readFileSync(file), path.basename(file)))
  return seen
}

const junit = async (file, seen) => {
  const name = path.basename(file, '.xml')
  const document = await junit2json(fs.readFileSync(file, 'utf8'))
  seen[`junit2json ${name}`] = flat(document)
  seen[`gitlab ${name}`] = gitlab(document)
  seen[`counters ${name}`] = ofCounters(document)

  seen[`allure ${name}`] = await allure(file)
  const [ctrf] = await quietly(() => convertJUnitToCTRFReport(file))
  const { passed, failed, skipped, pending } = ctrf.results.summary
  seen[`junit-to-ctrf ${name}`] = { passed, failed, skipped: skipped + pending }

  const r = results.parse({ type: 'junit', files: [file] }) // its total leaves the skipped out
  seen[`test-results-parser ${name}`] = { passed: r.passed, failed: r.failed + r.errors, skipped: r.skipped, red: r.status === 'FAIL' }

  const merged = await junit2json(await merger.mergeToString([fs.readFileSync(file, 'utf8')]))
  seen[`junit-report-merger ${name}`] = flat(merged)

  // It guesses the encoding, and ends when its guess is none that node knows.
  if (/[^\0-\x7f]/.test(fs.readFileSync(file, 'utf8'))) return
  const [, said] = await quietly(() => xunitViewer({ results: file, console: true, output: false, script: true, noColor: true, clear: false }))
  const last = said.trimEnd().split('\n').pop()
  const number = word => Number((last.match(new RegExp(`(\\d+) ${word}`)) ?? [0, 0])[1])
  seen[`xunit-viewer ${name}`] = { passed: number('passed'), failed: number('failure') + number('error'), skipped: number('skipped') }
}

const ctrf = (file, seen, wrong) => {
  const report = load(file)
  if (!validCtrf(report)) wrong.push(`CTRF: ${JSON.stringify(validCtrf.errors.slice(0, 3))}`)
  const { tests, passed, failed, skipped, flaky } = report.results.summary
  const real = report.results.tests
  const of = status => real.filter(test => test.status === status).length
  if (tests !== real.length || passed !== of('passed') || failed !== of('failed') || flaky !== real.filter(t => t.flaky).length) {
    wrong.push('CTRF: the summary is not the sum of its tests')
  }
  seen.ctrf = { passed, failed, skipped }
}

const sarif = (file, wrong) => {
  const report = load(file)
  if (!validSarif(report)) wrong.push(`SARIF: ${JSON.stringify(validSarif.errors.slice(0, 3))}`)
  const [run] = report.runs
  const prints = run.results.map(r => r.partialFingerprints['sluiceFinding/v1'])
  if (new Set(prints).size !== prints.length) wrong.push('SARIF: one fingerprint twice')
  for (const r of run.results) {
    if (run.tool.driver.rules[r.ruleIndex].id !== r.ruleId) wrong.push(`SARIF: ruleIndex of ${r.ruleId}`)
  }
  const [invocation] = run.invocations
  const red = invocation.exitCode !== 0 || !invocation.executionSuccessful
  return { results: run.results.length, red, told: invocation.toolExecutionNotifications.length }
}

const SEVERITIES = ['info', 'minor', 'major', 'critical', 'blocker']

const codequality = (file, wrong) => {
  const issues = load(file)
  for (const issue of issues) {
    const whole = issue.description && issue.check_name && /^[0-9a-f]{64}$/.test(issue.fingerprint) &&
      SEVERITIES.includes(issue.severity) && issue.location.path && !issue.location.path.startsWith('/') && issue.location.lines.begin >= 1
    if (!whole) wrong.push(`code quality: ${JSON.stringify(issue)}`)
  }
  if (new Set(issues.map(i => i.fingerprint)).size !== issues.length) wrong.push('code quality: one fingerprint twice')
  return issues.length
}

// Slices of a track lie beside or inside one another, never across: Perfetto drops those.
const trace = (file, wrong) => {
  const tracks = new Map()
  let slices = 0
  const events = load(file).traceEvents
  const named = new Set(events.filter(e => e.ph === 'M').map(e => `${e.name} ${e.pid} ${e.name === 'thread_name' ? e.tid : ''}`))
  for (const e of events.filter(e => e.ph !== 'M')) {
    if (!['X', 'i'].includes(e.ph) || !(e.ts >= 0)) wrong.push(`trace: ${JSON.stringify(e)}`)
    if (!named.has(`process_name ${e.pid} `) || !named.has(`thread_name ${e.pid} ${e.tid}`)) wrong.push(`trace: no name for ${e.pid}/${e.tid}`)
    if (e.ph !== 'X') continue
    slices++
    const track = tracks.get(`${e.pid}/${e.tid}`) ?? []
    if (track.some(o => e.ts < o.ts + o.dur && o.ts < e.ts + e.dur)) wrong.push(`trace: overlaps: ${JSON.stringify(e)}`)
    tracks.set(`${e.pid}/${e.tid}`, [...track, e])
  }
  return slices
}

for (const folder of folders) {
  const seen = {}
  const wrong = []
  for (const name of ['rich', 'jenkins', 'ant']) await junit(path.join(folder, `${name}.xml`), seen)
  ctrf(path.join(folder, 'ctrf.json'), seen, wrong)
  const answer = { folder: path.basename(folder), seen, wrong }
  answer.sarif = sarif(path.join(folder, 'sarif.sarif'), wrong)
  answer.issues = codequality(path.join(folder, 'codequality.json'), wrong)
  answer.slices = trace(path.join(folder, 'trace.json'), wrong)
  console.log(JSON.stringify(answer))
}

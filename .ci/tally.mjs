// Reads jest's --json report: names what was skipped, ends with `N passed, N failed`, fails unless every test ran and passed.
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(process.argv[2], 'utf8') || '{"testResults":[]}')
const tests = report.testResults.flatMap(suite => suite.assertionResults)
const skipped = tests.filter(test => test.status !== 'passed' && test.status !== 'failed')
for (const test of skipped) console.error(`skipped: ${test.fullName}`)

const passed = report.numPassedTests ?? 0
// A suite that could not be loaded has no tests to count, and must not look like a pass.
const failed = (report.numFailedTests ?? 0) + (report.numRuntimeErrorTestSuites ?? 0)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = passed > 0 && failed === 0 && skipped.length === 0 ? 0 : 1

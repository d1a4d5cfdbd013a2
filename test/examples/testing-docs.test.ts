import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { plain, root } from './run.ts'

const page = readFileSync(join(root, 'docs/testing.md'), 'utf8')
const files = new Map([...page.matchAll(/^```ts\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name, code]) => [name!, code!]))

const MODULES = ['jest', '@jest', '@swc', 'expect', 'fast-check', 'xstate', 'rxjs', '@types', 'pino', 'protobufjs']

describe('docs/testing.md', () => {
  /** A user's project, with p2pnet and what its tests need installed. */
  let project: string
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'p2pnet-testing-docs-'))
    mkdirSync(join(project, 'node_modules'))
    writeFileSync(join(project, 'package.json'), '{ "name": "somebody-elses", "type": "module" }')
    symlinkSync(root, join(project, 'node_modules/p2pnet'))
    for (const name of MODULES) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
    for (const [name, code] of files) writeFileSync(join(project, name), code)
    writeFileSync(join(project, 'jest.config.js'), readFileSync(join(root, 'jest.config.js'), 'utf8').replace('<rootDir>/test', '<rootDir>'))
  })
  afterAll(() => rmSync(project, { recursive: true, force: true }))

  it('has an example for each section, which type-checks', () => {
    expect([...files.keys()]).toEqual(['doorbell.ts', 'one-machine.test.ts', 'every-path.test.ts', 'any-order.test.ts', 'log.test.ts'])
    const program = ts.createProgram([...files.keys()].map(name => join(project, name)), {
      module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true, allowImportingTsExtensions: true, skipLibCheck: true,
      types: ['node'], typeRoots: [join(root, 'node_modules/@types')]
    })
    const host = { getCurrentDirectory: () => project, getCanonicalFileName: (name: string) => name, getNewLine: () => '\n' }
    expect(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host)).toBe('')
  }, 180_000)

  it('and whose tests pass', () => {
    const { status, stderr } = spawnSync(process.execPath, ['--experimental-vm-modules', join(root, 'node_modules/jest/bin/jest.js'), '--ci', '--runInBand'], {
      cwd: project, env: plain, encoding: 'utf8', timeout: 180_000
    })
    expect(stderr).toContain('Test Suites: 4 passed, 4 total')
    expect(status).toBe(0)
  }, 190_000)
})

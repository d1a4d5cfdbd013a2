import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { Program, root } from './run.ts'

const pages = ['docs/host-api.md', 'docs/simulation.md', 'docs/logs.md', 'docs/log-reference.md', 'docs/trust.md', 'docs/directory.md', 'docs/policies.md', 'docs/doctor.md'].map(name => readFileSync(join(root, name), 'utf8'))
const snippets = pages.flatMap(page => [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!))
const title = (at: number) => {
  const page = pages.find(each => each.includes(snippets[at]!))!
  return [...page.slice(0, page.indexOf(snippets[at]!)).matchAll(/^## (.*)$/gm)].at(-1)![1]!
}

/** A user's project, with p2pnet and what it depends on installed. */
let project: string
const file = (at: number) => join(project, `snippet-${at}.ts`)

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'p2pnet-docs-'))
  mkdirSync(join(project, 'node_modules'))
  writeFileSync(join(project, 'package.json'), '{ "name": "somebody-elses", "type": "module" }')
  symlinkSync(root, join(project, 'node_modules/p2pnet'))
  for (const name of ['xstate', 'rxjs', '@types', 'pino', 'protobufjs']) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  // Whoever else runs them on this machine meets nobody of ours.
  snippets.forEach((code, at) => writeFileSync(file(at), code.replace(/(?<=network: ')docs-[\w-]+/g, `$&-${process.pid}`)))
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the examples of the docs', () => {
  it('type-checks', () => {
    const program = ts.createProgram(snippets.map((_, at) => file(at)), {
      module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true, skipLibCheck: true, types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')]
    })
    const host = { getCurrentDirectory: () => project, getCanonicalFileName: (name: string) => name, getNewLine: () => '\n' }
    expect(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host)).toBe('')
  }, 180_000)

  it.each(snippets.map((_, at) => [title(at), at] as const))('runs: %s', async (_, at) => {
    const said = [...snippets[at]!.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
    const lines = await new Program(file(at), [], project).done()
    for (const text of said) expect(lines).toContain(text)
  })
})

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { FILE_CODES } from '../../../machines/file-codes.ts'
import { peerConnectionMachine } from '../../../machines/peer-connection.ts'
import { mermaid } from '../../../runtime/visualize/mermaid.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const readme = read('README.md')
const fenced = (language: string) => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(readme)?.[1]

describe('the README', () => {
  // Either block is brought up to date by: npm run build && node scripts/readme.mjs
  it('shows the example as it is', () => {
    expect(fenced('ts')?.trimEnd()).toBe(read('examples/hello.ts').trimEnd())
  })

  it('shows the statechart that the code runs', () => {
    expect(fenced('mermaid')).toBe(mermaid(peerConnectionMachine))
  })

  it('names the commands that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test', 'ts', 'build']))
  })
})

describe('the documents', () => {
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]

  it.each(documents)('%s leads nowhere that is not there', path => {
    const targets = [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, target]) => target!)
    expect(targets.filter(target => !existsSync(join(root, dirname(path), target)))).toEqual([])
  })

  it('list every code of a file transfer, with its meaning', () => {
    const text = read('docs/command-line.md')
    const section = text.slice(text.indexOf('### Codes of `transfer.failed`'))
    const listed = Object.fromEntries([...section.matchAll(/^\| `([a-z-]+)` \| (.+) \|$/gm)].map(([, code, means]) => [code, means]))
    expect(listed).toEqual(FILE_CODES)
  })
})

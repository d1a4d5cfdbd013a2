import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

// The same seeds on several majors of Node, which npm brings: npm run majors -- [--majors 20,22,24] [--seeds 4]. Fails where the digests differ.

const { values } = parseArgs({ options: { majors: { type: 'string', default: '20,22,24' }, seeds: { type: 'string', default: '4' } } })
const program = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const folder = mkdtempSync(join(tmpdir(), 'p2pnet-majors-'))

function output(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr}${stdout}`)
  return stdout
}

const digests = new Set<string>()
try {
  for (const major of values.majors.split(',')) {
    const prefix = join(folder, major)
    output('npm', ['install', '--no-audit', '--no-fund', '--prefix', prefix, `${program}@${major}`])
    const node = join(prefix, 'node_modules', program, 'bin/node')
    const said = output(node, ['--import', './scripts/ts.mjs', 'test/seeds/main.ts', '--seeds', values.seeds])
    const [, digest = ''] = /digest (\S+)\s*$/.exec(said) ?? []
    console.log(`Node ${output(node, ['--version']).trim()}: ${digest}`)
    digests.add(digest)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (digests.size > 1) process.exitCode = 1

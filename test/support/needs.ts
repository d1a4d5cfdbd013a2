import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe } from '@jest/globals'

/** `root`: uid 0; `netns`: may make network namespaces; `procfs`: processes are listed in /proc (Linux); anything else: a command on the PATH. */
export type Need = 'root' | 'netns' | 'procfs' | (string & {})

const known = new Map<Need, boolean>()

/** `needs('root', 'netns', 'ip')(name, body)`: a `describe` that skips, and says in its name what is missing. */
export function needs(...wanted: Need[]): (name: string, body: () => void) => void {
  const missing = wanted.filter((need) => !has(need))
  if (missing.length === 0) return describe
  return (name, body) => describe.skip(`${name} [needs ${missing.join(', ')}]`, body)
}

function has(need: Need): boolean {
  let found = known.get(need)
  if (found === undefined) known.set(need, (found = probe(need)))
  return found
}

function probe(need: Need): boolean {
  if (need === 'root') return process.geteuid?.() === 0
  if (need === 'netns') return spawnSync('unshare', ['--net', 'true']).status === 0
  if (need === 'procfs') return existsSync('/proc/self/cwd')
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, need)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

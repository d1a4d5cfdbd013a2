import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The store is tried in a process of its own once so many runs in a row have not closed it: a kill is no damage. */
const UNCLEAN_RUNS = 2
/** What a look at it may take, in milliseconds: thirty times what 10,000 peers take. */
const PROBE_MS_MAX = 10_000

/** Reads everything and writes once: whatever page is damaged is met, or not needed. */
const PROBE = `
  const db = require(process.argv[1]).open({ path: process.argv[2], noSubdir: false, encoding: 'binary', useVersions: true })
  for (const { value } of db.getRange()) Buffer.from(value)
  db.transactionSync(() => { db.put('probe', Buffer.alloc(8192)) })
  db.transactionSync(() => { db.remove('probe') })
  db.close()
`

/** Who has not closed the store yet, and how many runs before it did not. */
interface Mark {
  readonly pid: number
  readonly runs: number
}

const markOf = (folder: string): string => join(folder, 'unclean')

function readMark(folder: string): Mark {
  try {
    const [pid = 0, runs = 0] = readFileSync(markOf(folder), 'utf8').split(' ').map(Number)
    return { pid, runs }
  } catch {
    return { pid: 0, runs: 0 }
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Notes that a run begins. LMDB ends a process that meets a damaged page (SIGSEGV, SIGABRT, SIGBUS), and would do so at every
 * start: where runs went down in a row, a copy is tried in a process of its own first.
 * @returns why the store must not be opened; undefined where it may be
 */
export async function begin(folder: string): Promise<string | undefined> {
  const { pid, runs } = readMark(folder)
  // Its copy would be one of different moments. Whether it may be opened beside that process is for LMDB to say.
  if (isAlive(pid)) return undefined
  if (runs >= UNCLEAN_RUNS) {
    const damage = await probe(folder)
    if (damage !== undefined) return damage
  }
  writeFileSync(markOf(folder), `${process.pid} ${runs + 1}\n`, { mode: 0o600 })
  return undefined
}

/** The store was closed in order, or not opened and we live. */
export function end(folder: string): void {
  if (readMark(folder).pid === process.pid) rmSync(markOf(folder), { force: true })
}

async function probe(folder: string): Promise<string | undefined> {
  const copy = mkdtempSync(join(folder, 'probe-'))
  try {
    copyFileSync(join(folder, 'data.mdb'), join(copy, 'data.mdb'))
    return await verdictOn(copy)
  } catch (error) {
    // Nothing to look at, or no room for a copy: that is no reason not to open it.
    if ((error as NodeJS.ErrnoException).code !== undefined) return undefined
    throw error
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function verdictOn(copy: string): Promise<string | undefined> {
  const lmdb = createRequire(import.meta.url).resolve('lmdb')
  const child = spawn(process.execPath, ['-e', PROBE, lmdb, copy], {
    stdio: 'ignore', timeout: PROBE_MS_MAX, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' }
  })
  return new Promise(resolve => {
    // Where no process can be started the store is opened as it is.
    child.on('error', () => resolve(undefined))
    child.on('exit', (code, signal) => resolve(code === 0 || signal === 'SIGKILL' ? undefined : `a process that read a copy of it ended with ${signal ?? code}`))
  })
}

import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The store is tried in a process of its own once so many runs in a row have not closed it: a kill is no damage. */
const UNCLEAN_RUNS = 2
/** What a look at it may take, in milliseconds: thirty times what 10,000 peers take. */
const PROBE_MS_MAX = 10_000

const CRASHES: ReadonlySet<string | null> = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL'])

/**
 * Reads everything and writes once: whatever page is damaged is met, or not needed. Nobody asks any more once the process that did
 * is gone; and the copy is where it runs, since LMDB makes a folder of any other name that has been removed meanwhile.
 */
const PROBE = `
  const lmdb = require(process.argv[1])
  const isAsked = () => process.ppid === Number(process.argv[2]) || process.exit()
  isAsked()
  const db = lmdb.open({ path: '.', noSubdir: false, encoding: 'binary', useVersions: true })
  for (const { value } of db.getRange()) isAsked() && Buffer.from(value)
  db.transactionSync(() => { db.put('probe', Buffer.alloc(8192)) })
  db.transactionSync(() => { db.remove('probe') })
  db.close()
`

/** Who has not closed the store yet, and how many runs before it did not. */
interface Mark {
  readonly pid: number
  readonly runs: number
  /** When that process began, where the system says so: its number may be another one's by now. */
  readonly began: string
}

const markOf = (folder: string): string => join(folder, 'unclean')

function readMark(folder: string): Mark {
  try {
    const [pid = '', runs = '', began = ''] = readFileSync(markOf(folder), 'utf8').trim().split(' ')
    return { pid: Number(pid), runs: Number(runs) || 0, began }
  } catch {
    return { pid: 0, runs: 0, began: '' }
  }
}

/** Ticks from the start of the machine to that of a process, by Linux (proc(5), the 22nd field of stat); elsewhere empty. */
function beganOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isAlive({ pid, began }: Mark): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return began === '' || beganOf(pid) === began
}

/**
 * Notes that a run begins. LMDB ends a process that meets a damaged page (SIGSEGV, SIGABRT, SIGBUS), and would do so at every
 * start: where runs went down in a row, a copy is tried in a process of its own first.
 * @returns why the store must not be opened; undefined where it may be
 */
export async function begin(folder: string): Promise<string | undefined> {
  const mark = readMark(folder)
  // Its copy would be one of different moments. Whether it may be opened beside that process is for LMDB to say.
  if (isAlive(mark)) return undefined
  if (mark.runs >= UNCLEAN_RUNS) {
    const damage = await probe(folder)
    if (damage !== undefined) return damage
  }
  writeFileSync(markOf(folder), `${process.pid} ${mark.runs + 1} ${beganOf(process.pid)}\n`, { mode: 0o600 })
  return undefined
}

/** The store was closed in order, or not opened and we live. */
export function end(folder: string): void {
  if (readMark(folder).pid === process.pid) rmSync(markOf(folder), { force: true })
}

async function probe(folder: string): Promise<string | undefined> {
  const copy = join(folder, 'probe')
  try {
    // One that was killed leaves its copy.
    rmSync(copy, { recursive: true, force: true })
    mkdirSync(copy, { mode: 0o700 })
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

function verdictOn(copy: string): Promise<string | undefined> | undefined {
  // An executable of its own runs the host's program, whatever it is told.
  if ((process.getBuiltinModule?.('node:sea') as { isSea?: () => boolean } | undefined)?.isSea?.() === true) return undefined
  const lmdb = createRequire(import.meta.url).resolve('lmdb')
  const child = spawn(process.execPath, ['-e', PROBE, lmdb, String(process.pid)], {
    // It holds our stderr: who waits until that is closed has waited for it too, however we ended, and finds the folder at rest.
    stdio: ['ignore', 'ignore', 'ignore', 2], cwd: copy,
    timeout: PROBE_MS_MAX, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' }
  })
  return new Promise(resolve => {
    // Where no process can be started the store is opened as it is.
    child.on('error', () => resolve(undefined))
    // What throws there throws here too, and ends nothing. Windows has no signals, but exit codes that no program gives itself.
    child.on('exit', (code, signal) => resolve(CRASHES.has(signal) || (code ?? 0) > 255 ? `a process that read a copy of it ended with ${signal ?? code}` : undefined))
  })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { DirectoryStore } from '../../../actors/peer-directory/index.ts'
import { BATCH, peerOf, TAG } from './batches.ts'

/** A victim has 0 to 3 batches acknowledged, in turn, and at most so many more milliseconds: on a slow machine too they do some work. */
const ACKNOWLEDGED_MAX = 3
const WITHIN_MS = 30

export interface Killed {
  readonly kills: number
  /** Batches that victims were told are on the disk. */
  readonly acknowledged: number
  /** Kills with a batch on its way that was not acknowledged. */
  readonly amid: number
}

/**
 * Kills a process that writes to the directory, so many times, each at another point of its work. After each the store has to
 * open, and to hold every record of the batches that were acknowledged, and of a later one all or none.
 * @throws Error with what is not as it has to be
 */
export async function killing(dir: string, times: number, tell: (done: number) => void = () => {}): Promise<Killed> {
  let next = 0
  let acknowledged = 0
  let amid = 0
  for (let kill = 0; kill < times; kill++) {
    const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', 'test/actors/peer-directory/victim.ts', dir, String(next)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = once(child, 'exit')
    let last = next - 1
    const lines = createInterface(child.stdout)
    let left = 1 + kill % (ACKNOWLEDGED_MAX + 1)
    const atWork = new Promise<void>(resolve => lines.on('line', line => {
      if (--left === 0) resolve()
      if (line === 'open') return
      last = Number(line)
      acknowledged++
    }))
    const closed = once(lines, 'close')
    await Promise.race([atWork, gone.then(() => { throw new Error(`after ${kill} kills the store does not open`) })])
    await sleep(Math.random() * WITHIN_MS)
    child.kill('SIGKILL')
    await Promise.all([gone, closed])
    const written = await check(dir, last)
    if (written > last) amid++
    next = written + 1
    tell(kill + 1)
  }
  return { kills: times, acknowledged, amid }
}

/** Returns the last batch that the store has: the last acknowledged one, or the one after. */
async function check(dir: string, last: number): Promise<number> {
  const store = await DirectoryStore.open(dir, TAG)
  const found = new Map([...store.records()].map(({ peerId, verifiedAt }) => [peerId, verifiedAt - 1]))
  await store.close()
  const whole = (batch: number): number => Array.from({ length: BATCH }, (_, at) => found.get(peerOf(batch, at))).filter(each => each === batch).length
  const after = whole(last + 1)
  const lost = (batch: number, expected: number): void => {
    if (whole(batch) < expected) throw new Error(`batch ${batch} was acknowledged, and ${expected - whole(batch)} of its records are not there`)
  }
  if (last >= 0) lost(last, after === BATCH ? BATCH - 1 : BATCH)
  for (let batch = Math.max(0, last - 20); batch < last; batch++) lost(batch, BATCH - 1)
  if (last >= 1 && found.has(peerOf(last - 1, BATCH - 1))) throw new Error(`batch ${last} removed a record, and it is there`)
  if (after !== 0 && after !== BATCH) throw new Error(`${after} of the ${BATCH} records of batch ${last + 1} are there`)
  return after === BATCH ? last + 1 : last
}

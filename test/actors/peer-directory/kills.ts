/** `npm run kills -- [TIMES]`: kills a process that writes to a peer directory, a thousand times, and looks at the store each time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killing } from './killing.ts'

const times = Number(process.argv[2] ?? 1_000)
const dir = mkdtempSync(join(tmpdir(), 'p2pnet-kills-'))
const began = performance.now()
try {
  const { kills, acknowledged, amid } = await killing(dir, times, done => { if (done % 100 === 0) console.log(`${done} kills`) })
  console.log(`${kills} kills in ${Math.round((performance.now() - began) / 1_000)} s: the store opened every time; ` +
    `${acknowledged} batches were acknowledged and none is lost; ${amid} kills found a whole batch that was not acknowledged yet`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}

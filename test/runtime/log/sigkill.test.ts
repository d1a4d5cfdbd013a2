import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, expect, it } from '@jest/globals'
import { readLog } from '../../../runtime/log/index.ts'
import { scratch } from './samples.ts'

const dir = scratch()

describe('a log whose process was killed', () => {
  it('holds all but what was recorded in the last moment', async () => {
    const path = dir.path('killed')
    const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', 'test/runtime/log/victim.ts', path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = once(child, 'exit')
    let recorded = 0
    let inFile = 0
    for await (const line of createInterface(child.stdout)) {
      recorded = Number(line)
      if (recorded < 20_000) continue
      // What has been recorded by now has to survive once it is in the file; its writer would keep ahead of who reads the file itself.
      for (const entry of readLog(readFileSync(path))) if (entry.kind === 'output') inFile = entry.envelope.seq
      child.kill('SIGKILL')
      break
    }
    await gone
    child.stdout.destroy()
    const log = readLog(path)
    let seq = 0
    for (const entry of log) if (entry.kind === 'output') expect(entry.envelope.seq).toBe(++seq)
    expect(['cut', 'torn']).toContain(log.ending)
    expect(inFile).toBeGreaterThan(0)
    expect(seq).toBeGreaterThanOrEqual(inFile)
  })
})

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { readLog } from '../../runtime/log/index.ts'
import { RESUMES } from '../../machines/resume.ts'
import { logMatchers, walk } from '../../runtime/testing/index.ts'

expect.extend(logMatchers)

const folder = join(import.meta.dirname, 'earlier')

// Recorded before behaviour flag 2 was there, with an actor that fails and is restarted: new runs go another way.
it.each(readdirSync(folder))('a log of before, %s, replays as it ran', async name => {
  const file = join(folder, name)
  expect(readLog(file).header.flags).not.toContain(RESUMES)
  expect([...walk(file)].some(({ type }) => type === 'ActorFailed')).toBe(true)
  await expect(file).toReplay()
})

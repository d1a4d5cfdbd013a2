import { describe, expect, it } from '@jest/globals'
import { assign, setup } from 'xstate'
import { createPeer } from '../../../runtime/index.ts'
import { defineActor, type ActorDefinition } from '../../../actors/seam/index.ts'
import { publish, type MachineInput, type Outgoing } from '../../../machines/publish.ts'
import { LogHeader, LogRecord, TextMessage, type EventOf } from '../../../proto/index.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { LIBRARY_FLAGS } from '../../../runtime/kernel/flags.ts'
import { logHeader, LogVersionError, LogWriter, readLog, replay, UnknownFlagError } from '../../../runtime/testing/index.ts'
import { pack, scratch } from './samples.ts'

const dir = scratch()
const seed = new Uint8Array(32).fill(1)

/** From here on an echo answers aloud. */
const ALOUD = 1001

const echoMachine = setup({
  types: {} as { context: { aloud: boolean; count: number }; events: EventOf<'TextMessage'>; input: MachineInput; emitted: Outgoing },
  actions: {
    answer: publish(({ context, event }: { context: { aloud: boolean; count: number }; event: EventOf<'TextMessage'> }) =>
      ['host', new TextMessage({ text: `${context.aloud ? event.body.text.toUpperCase() : event.body.text} ${context.count}` })])
  }
}).createMachine({
  context: ({ input }) => ({ aloud: input.flags.includes(ALOUD), count: 0 }),
  on: { TextMessage: { actions: [assign({ count: ({ context }) => context.count + 1 }), 'answer'] } }
})

/** As it was before the flag, and as it is. */
const before: ActorDefinition = defineActor({ kind: 'echo', machine: echoMachine })
const now: ActorDefinition = defineActor({ kind: 'echo', machine: echoMachine, flags: [ALOUD] })

async function recorded(name: string, definition: ActorDefinition, flags: readonly number[]): Promise<{ path: string; said: string[] }> {
  const path = dir.path(name)
  const actors = [{ definition }]
  const said: string[] = []
  const writer = new LogWriter(path, logHeader({ seed, actors, flags, wallTime: 0, peerId: 'p', name: 'ada' }))
  const shell = { deliver: ({ body }: { body: object }) => void said.push((body as TextMessage).text), actorStarted() {}, actorStopped() {} }
  const kernel = new Kernel({ seed, actors, flags, tap: writer, shell })
  kernel.start()
  for (const text of ['hi', 'ho']) kernel.input(new TextMessage({ text }), { from: 'host', to: 'echo/main' })
  kernel.stop('done')
  await writer.close()
  return { path, said }
}

describe('a behaviour behind a flag', () => {
  it('leaves an old log as it was, and is in force in a new one', async () => {
    const old = await recorded('old', before, [])
    const fresh = await recorded('fresh', now, [ALOUD])
    expect(old.said).toEqual(['hi 1', 'ho 2'])
    expect(fresh.said).toEqual(['HI 1', 'HO 2'])
    for (const { path } of [old, fresh]) {
      expect(await replay(path, { definitions: [now] })).toMatchObject({ differences: 0, inputs: 3, clean: true })
    }
  })

  it('that nobody here has is named, and the log can still be read', async () => {
    const { path } = await recorded('foreign', now, [ALOUD])
    await expect(replay(path, { definitions: [before] })).rejects.toThrow(UnknownFlagError)
    await expect(replay(path, { definitions: [before] })).rejects.toThrow(/behaviour 1001/)
    const log = readLog(path)
    expect(log.header.flags).toEqual([ALOUD])
    expect([...log].filter(({ kind }) => kind === 'output').length).toBeGreaterThan(0)
    log.close()
  })

  it('of this library that a newer version has is refused', () => {
    const header = new LogHeader({ ...logHeader({ seed, actors: [{ definition: before }], wallTime: 0, peerId: '', name: '' }), flags: [999] })
    expect(() => readLog(pack([[new LogRecord({ header })]]))).toThrow(LogVersionError)
  })

  it('is in force in every new peer, beside those of this library', async () => {
    const file = dir.path('peer')
    const peer = createPeer({ name: 'ann', network: 'flags', lan: false, actors: [now], record: file })
    await peer.start()
    await peer.stop()
    const log = readLog(file)
    expect(log.header.flags).toEqual([...LIBRARY_FLAGS, ALOUD])
    log.close()
    expect(await replay(file, { definitions: [now] })).toMatchObject({ differences: 0 })
  })

  it('has a number that a log can hold', () => {
    for (const flag of [0, -1, 1.5, 2 ** 32, NaN]) expect(() => defineActor({ ...now, flags: [flag] })).toThrow(/flag .* of echo/)
  })
})

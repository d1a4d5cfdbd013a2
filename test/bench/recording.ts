import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assign, setup } from 'xstate'
import { defineActor, type ActorSpec } from '../../actors/seam/index.ts'
import { publish, type MachineInput, type Outgoing } from '../../machines/publish.ts'
import { LinksChanged, PeerRtt, Ping, Pong, TextMessage, type EventOf } from '../../proto/index.ts'
import { Kernel, type Tap } from '../../runtime/kernel/index.ts'
import { LogWriter, logHeader } from '../../runtime/log/index.ts'

const LINKS = 50
const INPUTS = 8_000
/** Inputs that a turn of the event loop brings; then the disk has its turn too. */
const BURST = 200
const ROUNDS = 80

/** A link as busy machines are: it pings, measures, passes texts on, and has a deadline that every sign of life moves. */
const link = defineActor({
  kind: 'link',
  machine: setup({
    types: {} as {
      context: { address: string; pings: number; heard: number }
      events: EventOf<'Ping' | 'Pong' | 'TextMessage'>
      input: MachineInput
      emitted: Outgoing
    }
  }).createMachine({
    context: ({ input }) => ({ address: input.address, pings: 0, heard: 0 }),
    initial: 'quiet',
    on: {
      TextMessage: {
        actions: [
          assign({ heard: ({ context, event }) => context.heard + event.body.text.length }),
          publish(({ event }) => ['desk/main', event.body])
        ]
      }
    },
    states: {
      quiet: {
        on: { Ping: { target: 'waiting', actions: publish(({ context, event }) => [`${context.address}#link`, event.body]) } },
        after: { 15_000: 'lost' }
      },
      waiting: {
        on: {
          Pong: {
            target: 'quiet',
            actions: [
              assign({ pings: ({ context }) => context.pings + 1 }),
              publish(({ context }) => ['', new PeerRtt({ peerId: context.address, rttUs: 200 + (context.pings % 100) })])
            ]
          }
        },
        after: { 5_000: 'lost' }
      },
      lost: { type: 'final' }
    }
  })
})

/** Hears every link, and answers each tenth text. */
const desk = defineActor({
  kind: 'desk',
  listens: [PeerRtt],
  machine: setup({
    types: {} as { context: { texts: number }; events: EventOf<'TextMessage' | 'PeerRtt'>; emitted: Outgoing },
    guards: { tenth: ({ context }) => context.texts % 10 === 9 }
  }).createMachine({
    context: { texts: 0 },
    on: {
      PeerRtt: { actions: publish(() => ['', new LinksChanged({ links: LINKS })]) },
      TextMessage: [
        { guard: 'tenth', actions: [assign({ texts: ({ context }) => context.texts + 1 }), publish(({ event }) => ['peer/bob', event.body])] },
        { actions: assign({ texts: ({ context }) => context.texts + 1 }) }
      ]
    }
  })
})

const actors: readonly ActorSpec[] = [
  { definition: desk }, ...Array.from({ length: LINKS }, (_, i) => ({ definition: link, id: `V1StGXR8Z5jdHi6B${i}` }))
]
const seed = new Uint8Array(32)

/**
 * Runs the mix once and gives microseconds of processor time for each input, in all threads: what the disk's
 * thread and the garbage collector do for the log counts too, and other programs on the machine do not.
 */
async function run(tap: Tap | undefined): Promise<number> {
  const kernel = new Kernel({
    seed, actors, shell: { deliver() {}, actorStarted() {}, actorStopped() {} }, ...(tap === undefined ? {} : { tap })
  })
  kernel.start()
  const addresses = actors.slice(1).map(({ id }) => ({ from: `link/${id}#link`, to: `link/${id}` }))
  const text = 'x'.repeat(64)
  const from = process.cpuUsage()
  for (let i = 0; i < INPUTS;) {
    for (const end = i + BURST; i < end; i++) {
      const address = addresses[i % LINKS]!
      if (i % LINKS === 0) kernel.advanceTo(kernel.clock.now() + 10)
      const body = [new Ping({ id: i }), new TextMessage({ text }), new Pong({ id: i }), new TextMessage({ text })][Math.floor(i / LINKS) % 4]!
      kernel.input(body, address)
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(from)
  return (user + system) / INPUTS
}

export interface RecordingFigures {
  /** Processor time with recording on over that with it off. */
  readonly ratio: number
  /** Size of the log for each recorded message, in bytes. */
  readonly bytesPerRecord: number
}

/** What recording costs a peer that is busy all the time. Prints a table; takes about 10 s. */
export async function recording(print: (line: string) => void = console.log): Promise<RecordingFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'p2pnet-bench-'))
  const path = join(folder, 'log')
  let off = Infinity
  let on = Infinity
  let writer: LogWriter | undefined
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const without = await run(undefined)
      writer = new LogWriter(path, logHeader({ seed, actors, wallTime: Date.now(), peerId: '', name: '' }))
      const with_ = await run(writer)
      await writer.close()
      // The first rounds warm up.
      if (round < 10) continue
      off = Math.min(off, without)
      on = Math.min(on, with_)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const { records, bytes } = writer!
  const figures = { ratio: on / off, bytesPerRecord: bytes / records }
  print(`recording: ${LINKS} links, ${INPUTS} inputs, ${records} records; the best of ${ROUNDS} rounds, taken in turn`)
  print(`  an input and all that follows, recording off ${off.toFixed(2).padStart(6)} µs`)
  print(`  the same, recording on                       ${on.toFixed(2).padStart(6)} µs  x${figures.ratio.toFixed(3)}`)
  print(`  log, per record                               ${figures.bytesPerRecord.toFixed(0).padStart(6)} B`)
  return figures
}

if (process.argv[1]?.endsWith('test/bench/recording.ts')) await recording()

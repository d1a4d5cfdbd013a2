import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linkKeeper } from '../../actors/link-keeper/index.ts'
import {
  Checkpoint, Direction, Endpoint, Identify, InboundSecured, Instance, LinkClosed, LinkSecured, PongReceived, TextMessage, Verified,
  type Envelope, type EventOf, type Message
} from '../../proto/index.ts'
import { Kernel, type Tap } from '../../runtime/kernel/index.ts'
import { KEEP_BYTES_MIN, LogWriter, logHeader } from '../../runtime/log/index.ts'

const LINKS = 50
/** Keep-alive rounds of every link, 5 s apart. */
const PINGS = 20
/** Texts that come over each link between two keep-alives. */
const TEXTS = 1
const ROUNDS = 60
const WARM_UP = 10
const CHECKPOINTS = 40

const network = new Uint8Array(16).fill(1)
const seed = new Uint8Array(32)
const actors = [linkKeeper({ peerId: 'm'.repeat(52), network: Buffer.from(network).toString('hex') })]

interface Input {
  readonly body: Message
  readonly from: string
  readonly to: string
}

/** Plays the link drivers: what a well-behaved peer on the other side would make of each command. */
function answer(e: Envelope): Message | undefined {
  switch (e.type) {
    case 'AdoptLink': {
      const peer = Number((e as EventOf<'AdoptLink'>).body.handle)
      return new LinkSecured({ linkId: linkId(peer), peerId: peerId(peer), remote: remote(peer), direction: Direction.DIRECTION_IN })
    }
    case 'Identify': return new Identify({
      versions: [1], network, instance: new Instance({ startedAt: 1, nonce: new Uint8Array(8) }), name: 'bob', dial: 1,
      accepts: ['TextMessage'], maxFrameBytes: 4 << 20, agent: 'p2pnet/0.1.0'
    })
    case 'SendPing': return new PongReceived({ id: (e as EventOf<'SendPing'>).body.id, rttUs: 250 })
    case 'Verified': return new Verified({ steps: ['pings'] })
    case 'CloseLink': return new LinkClosed({ code: 'closed', reason: 'closed by this side' })
    default: return undefined
  }
}

const peerId = (peer: number) => `${peer}`.padStart(52, 'a')
const linkId = (peer: number) => `${peer}`.padStart(32, '0')
const remote = (peer: number) => new Endpoint({ host: `10.0.${peer}.1`, port: 40_000 })

/**
 * A peer's life with its real machines: links come up, verify, are kept alive, bring texts, and close.
 * @returns microseconds of processor time in all threads for each message on the bus, so that the disk's thread and
 *   the garbage collector count, and other programs on the machine do not
 */
async function run(tap: Tap | undefined, { links = LINKS, made, up }: {
  readonly links?: number
  readonly made?: (kernel: Kernel) => void
  /** Called when every link is up. */
  readonly up?: (kernel: Kernel) => void
} = {}): Promise<number> {
  const inputs: Input[] = []
  const kernel = new Kernel({
    seed, actors, ...(tap === undefined ? {} : { tap }),
    shell: {
      deliver: e => {
        const body = answer(e)
        if (body !== undefined) inputs.push({ body, from: e.to, to: e.from })
      },
      actorStarted() {}, actorStopped() {}
    }
  })
  made?.(kernel)
  const settle = (ms: number) => {
    kernel.advanceTo(kernel.clock.now() + ms)
    for (let i = 0; i < inputs.length; i++) {
      const { body, from, to } = inputs[i]!
      kernel.advanceTo(kernel.clock.now())
      if (!kernel.stopped) kernel.input(body, { from, to })
    }
    inputs.length = 0
  }
  const from = process.cpuUsage()
  kernel.start()
  for (let peer = 0; peer < links; peer++) {
    const body = new InboundSecured({ handle: String(peer), peerId: peerId(peer), linkId: linkId(peer), remote: remote(peer) })
    inputs.push({ body, from: 'listener/main#tcp', to: 'link-keeper/main' })
    settle(1)
  }
  for (let ping = 0; ping < PINGS; ping++) {
    if (ping === PINGS / 2) up?.(kernel)
    for (let peer = 0; peer < links * TEXTS; peer++) {
      inputs.push({ body: new TextMessage({ text: `line ${peer} of the text that goes around` }), from: `peer/${peerId(peer % links)}`, to: '' })
    }
    settle(5_000)
    // The disk has its turn, as in a live peer.
    await new Promise(resolve => setImmediate(resolve))
  }
  kernel.stop('done')
  settle(1)
  settle(10_000)
  const { user, system } = process.cpuUsage(from)
  if (!kernel.stopped) throw new Error('the peer of the benchmark did not stop')
  return (user + system) / kernel.nextSeq
}

export interface RecordingFigures {
  /** Processor time with recording on over that with it off. */
  readonly ratio: number
  /** The same with `keep`, at the smallest size there is. */
  readonly keepRatio: number
  /** Size of the log for each recorded message, in bytes. */
  readonly bytesPerRecord: number
  /** Processor time of a checkpoint of a peer with 100 links, the median, in milliseconds; and its size, in bytes. */
  readonly checkpointMs: number
  readonly checkpointBytes: number
}

/** What it costs to take a checkpoint and encode it. */
async function checkpoint(links: number): Promise<{ ms: number; worstMs: number; bytes: number; actors: number }> {
  const times: number[] = []
  let bytes = 0
  let actors = 0
  await run(undefined, {
    links,
    up: kernel => {
      for (let i = 0; i < CHECKPOINTS; i++) {
        const began = process.cpuUsage()
        bytes = Checkpoint.encode(kernel.checkpoint()).finish().length
        const { user, system } = process.cpuUsage(began)
        times.push((user + system) / 1000)
      }
      actors = kernel.inspect().actors.length
    }
  })
  times.sort((a, b) => a - b)
  return { ms: times[CHECKPOINTS / 2]!, worstMs: times.at(-1)!, bytes, actors }
}

/** What recording costs a peer that is busy all the time. Prints a table; takes about 15 s. */
export async function recording(print: (line: string) => void = console.log): Promise<RecordingFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'p2pnet-bench-'))
  const path = join(folder, 'log')
  let off = Infinity
  let on = Infinity
  let keep = Infinity
  let writer: LogWriter | undefined
  try {
    for (let round = 0; round < WARM_UP + ROUNDS; round++) {
      const without = await run(undefined)
      writer = new LogWriter(path, logHeader({ seed, actors, wallTime: 0, peerId: '', name: '' }))
      const with_ = await run(writer)
      await writer.close()
      let core: Kernel | undefined
      const keeper = new LogWriter(path, logHeader({ seed, actors, wallTime: 0, peerId: '', name: '' }), {
        keep: { bytes: KEEP_BYTES_MIN, checkpoint: () => core!.checkpoint() }, onWarning: ({ message }) => { throw new Error(message) }
      })
      const kept = await run(keeper, { made: kernel => { core = kernel } })
      await keeper.close()
      if (round < WARM_UP) continue
      keep = Math.min(keep, kept)
      off = Math.min(off, without)
      on = Math.min(on, with_)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const { records, bytes } = writer!
  const { ms, worstMs, bytes: size, actors: count } = await checkpoint(100)
  const figures = { ratio: on / off, keepRatio: keep / off, bytesPerRecord: bytes / records, checkpointMs: ms, checkpointBytes: size }
  print(`recording: ${LINKS} links come up, ping, bring texts and close; ${records} records; the best of ${ROUNDS} rounds, taken in turn`)
  print(`  processor time for a message on the bus, recording off  ${off.toFixed(2).padStart(6)} µs`)
  print(`  the same, recording on                                  ${on.toFixed(2).padStart(6)} µs  x${figures.ratio.toFixed(3)}`)
  print(`  the same, the last ${KEEP_BYTES_MIN / 1024} KiB kept                         ${keep.toFixed(2).padStart(6)} µs  x${figures.keepRatio.toFixed(3)}`)
  print(`  log, per record                                         ${figures.bytesPerRecord.toFixed(0).padStart(6)} B`)
  print(`  checkpoint of 100 links, ${count} actors                     ${ms.toFixed(2).padStart(6)} ms, at worst ${worstMs.toFixed(2)} ms; ${(size / 1024).toFixed(0)} KiB`)
  return figures
}

if (process.argv[1]?.endsWith('test/bench/recording.ts')) await recording()

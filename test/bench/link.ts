import { fork, type ChildProcess } from 'node:child_process'
import { connect, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { generateIdentity } from '../../actors/identity/index.ts'
import { tlsOptions } from '../../actors/tls/index.ts'
import { DialEndpoint, Endpoint, FileChunk, Level, SendPing, TextMessage, type Message } from '../../proto/index.ts'
import type { Side } from '../actors/peer-connection/link-sides.ts'
import { benchSide, type Expect } from './link-parts.ts'

export interface LinkFigures {
  /** Messages of 64 B a second, one way. */
  readonly messages: number
  /** The same with every message decoded by who takes it. */
  readonly decoded: number
  /** Messages of 64 KiB, in MB/s, over the link and over bare TLS. */
  readonly bulk: number
  readonly bareBulk: number
  readonly bareMessages: number
  /** Microseconds. */
  readonly ping: Quantiles
  readonly barePing: Quantiles
}

interface Quantiles {
  readonly p50: number
  readonly p99: number
}

const ROUNDS = 5
/** In each round, after some to warm up. */
const PINGS = 1000
const PINGS_WARM = 100

/** One link between two processes over loopback, beside bare TLS 1.3 between the same two. Prints a table; takes about 15 s. */
export async function linkBench(print: (line: string) => void = console.log): Promise<LinkFigures> {
  const child = fork(fileURLToPath(new URL('./link-peer.ts', import.meta.url)))
  try {
    const there = await said(child) as { peerId: string; link: number; tls: number }
    const figures = await measure(child, there)
    const { messages, decoded, bulk, bareBulk, bareMessages, ping, barePing } = figures
    const row = (name: string, value: string, note = '') => print(`  ${name.padEnd(46)}${value.padStart(16)}  ${note}`.trimEnd())
    print('link')
    row('messages of 64 B, one way', `${(messages / 1e3).toFixed(0)} k/s`, `x${(messages / bareMessages).toFixed(2)} of bare TLS, one write each (${(bareMessages / 1e3).toFixed(0)} k/s)`)
    row('the same, each decoded', `${(decoded / 1e3).toFixed(0)} k/s`)
    row('messages of 64 KiB, one way', `${bulk.toFixed(0)} MB/s`, `x${(bulk / bareBulk).toFixed(2)} of bare TLS (${bareBulk.toFixed(0)} MB/s)`)
    row('ping p50', `${ping.p50.toFixed(0)} µs`, `x${(ping.p50 / barePing.p50).toFixed(2)} of bare TLS (${barePing.p50.toFixed(0)} µs)`)
    row('ping p99', `${ping.p99.toFixed(0)} µs`, `x${(ping.p99 / barePing.p99).toFixed(2)} of bare TLS (${barePing.p99.toFixed(0)} µs)`)
    return figures
  } finally {
    if (child.connected) child.disconnect()
  }
}

async function measure(child: ChildProcess, there: { peerId: string; link: number; tls: number }): Promise<LinkFigures> {
  const side = benchSide('a')
  side.tell(new DialEndpoint({ endpoint: new Endpoint({ host: '127.0.0.1', port: there.link }), expectedPeerId: there.peerId, attempt: 1 }))
  await side.reached(Level.LEVEL_ENHANCED)
  const bare = connect({ ...tlsOptions(generateIdentity()), host: '127.0.0.1', port: there.tls })
  await new Promise(resolve => bare.once('secureConnect', resolve))
  bare.setNoDelay(true)

  const text = 'x'.repeat(62)
  const chunk = new Uint8Array(64 * 1024 - 16)
  const overLink = async (count: number, make: (index: number) => Message, decode = false): Promise<number> => {
    await ask(child, { over: 'link', count, decode })
    const { links } = side
    return timed(child, async () => {
      for (let i = 0; i < count; i++) if (!links.send(there.peerId, make(i))) await links.drained(there.peerId)
    })
  }
  const overTls = async (count: number, bytes: Buffer): Promise<number> => {
    await ask(child, { over: 'tls', count: count * bytes.length })
    return timed(child, async () => {
      for (let i = 0; i < count; i++) if (!bare.write(bytes)) await drained(bare)
    })
  }
  const small = (): Message => new TextMessage({ text })
  const large = (offset: number): Message => new FileChunk({ offset, data: chunk })
  const rates = { messages: 0, decoded: 0, bulk: 0, bareBulk: 0, bareMessages: 0 }
  // Side by side in every round, and the best of each: other work on the machine only ever adds.
  for (let round = 0; round <= ROUNDS; round++) {
    const now = {
      messages: 500_000 / await overLink(500_000, small),
      decoded: 500_000 / await overLink(500_000, small, true),
      bulk: (8_000 * 65_536) / 1e6 / await overLink(8_000, large),
      bareBulk: (8_000 * 65_536) / 1e6 / await overTls(8_000, Buffer.alloc(65_536)),
      bareMessages: 500_000 / await overTls(500_000, Buffer.alloc(64))
    }
    if (round > 0) for (const key of Object.keys(rates) as (keyof typeof rates)[]) rates[key] = Math.max(rates[key], now[key])
  }
  const pings: number[] = []
  const barePings: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    barePings.push(...(await pingTls(bare)).slice(PINGS_WARM))
    pings.push(...(await pingLink(side)).slice(PINGS_WARM))
  }
  await side.stop()
  bare.destroy()
  return { ...rates, ping: quantiles(pings), barePing: quantiles(barePings) }
}

async function pingLink(side: Side): Promise<number[]> {
  const times: number[] = []
  for (let id = 1; id <= PINGS; id++) {
    side.heard.length = 0
    side.tell(new SendPing({ id }))
    times.push((await side.next('PongReceived')).rttUs)
  }
  return times
}

async function pingTls(socket: TLSSocket): Promise<number[]> {
  const times: number[] = []
  const bytes = Buffer.alloc(8)
  for (let i = 0; i < PINGS; i++) {
    const from = performance.now()
    const answer = new Promise(resolve => socket.once('data', resolve))
    socket.write(bytes)
    await answer
    times.push((performance.now() - from) * 1000)
  }
  return times
}

function quantiles(times: number[]): Quantiles {
  const sorted = times.toSorted((a, b) => a - b)
  return { p50: sorted[Math.floor(sorted.length * 0.5)]!, p99: sorted[Math.floor(sorted.length * 0.99)]! }
}

/** Seconds until the other process has it all. */
async function timed(child: ChildProcess, run: () => Promise<void>): Promise<number> {
  const done = said(child)
  const from = performance.now()
  await run()
  await done
  return (performance.now() - from) / 1000
}

async function ask(child: ChildProcess, expect: Expect): Promise<void> {
  const ready = said(child)
  child.send(expect)
  await ready
}

function said(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const exit = (): void => reject(new Error('the other process of the benchmark ended'))
    child.once('exit', exit).once('message', message => {
      child.off('exit', exit)
      resolve(message)
    })
  })
}

function drained(socket: TLSSocket): Promise<unknown> {
  return new Promise(resolve => socket.once('drain', resolve))
}

if (process.argv[1]?.endsWith('link.ts') === true && import.meta.url.endsWith('/test/bench/link.ts')) await linkBench()

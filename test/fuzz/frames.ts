// `npm run fuzz -- [SECONDS] [SEED]`: frames that are almost right, to the reader and over real links.
import { DISCONNECT, IDENTIFY, PING, PONG, VERIFIED } from '../../actors/peer-connection/built-in.ts'
import { encodeFrame } from '../../actors/peer-connection/frame-codec.ts'
import { FrameMalformedError } from '../../actors/peer-connection/frame-errors.ts'
import { FrameReader } from '../../actors/peer-connection/frame-reader.ts'
import { Identify, Level, Verified } from '../../proto/index.ts'
import { below } from '../../machines/random.ts'
import { caller, closeAll, side } from '../actors/peer-connection/link-sides.ts'

const seconds = Number(process.argv[2] ?? 10)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000)
let random = seed

function upTo(limit: number): number {
  const [value, next] = below(random, limit)
  random = next
  return value
}

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => upTo(256))
const identify = Identify.encode(new Identify({ versions: [1], accepts: ['TextMessage'] })).finish()
const verified = Verified.encode(new Verified({ steps: ['words'] })).finish()
const bodies = [identify, verified, Uint8Array.of(8, 1), new Uint8Array(0)]
const types = [IDENTIFY, VERIFIED, DISCONNECT, PING, PONG, 0, 16, 17, 18, 19, 20, 6]

/** A stream of frames, most of them in turn, with some bytes changed, cut out or put in. */
function almost(): Uint8Array {
  const parts: Uint8Array[] = []
  let number = 0
  if (upTo(4) > 0) parts.push(encodeFrame(++number, 0, IDENTIFY, identify))
  if (upTo(4) > 0) parts.push(encodeFrame(++number, 0, VERIFIED, verified))
  for (let count = upTo(12); count > 0; count--) {
    number += upTo(12) === 0 ? upTo(3) : 1
    const body = upTo(3) === 0 ? noise(upTo(300)) : bodies[upTo(bodies.length)]!
    parts.push(encodeFrame(number, upTo(4) === 0 ? upTo(4) : 0, types[upTo(types.length)]!, body))
  }
  const stream = Buffer.concat(parts)
  for (let count = upTo(3); count > 0 && stream.length > 0; count--) stream[upTo(stream.length)] = upTo(256)
  return stream.subarray(0, upTo(5) === 0 ? upTo(stream.length + 1) : stream.length)
}

function reader(stream: Uint8Array): void {
  const limit = 1000
  const frames = new FrameReader(limit, () => upTo(5) > 0)
  try {
    for (let at = 0; at < stream.length;) {
      const length = 1 + upTo(50)
      frames.push(stream.subarray(at, at + length))
      at += length
      if (frames.held && upTo(2) === 0) frames.resume()
      if (!frames.held && frames.buffered > limit) throw new Error(`${frames.buffered} bytes are kept`)
    }
  } catch (error) {
    if (!(error instanceof FrameMalformedError)) throw error
  }
}

async function link(stream: Uint8Array): Promise<string> {
  const to = side('b', upTo(2) === 0 ? Level.LEVEL_IDENTIFIED : Level.LEVEL_ENHANCED)
  const by = await caller(to)
  for (let at = 0; at < stream.length;) {
    const length = 1 + upTo(200)
    by.socket.write(stream.subarray(at, at + length))
    at += length
    if (upTo(4) === 0) await new Promise(resolve => setImmediate(resolve))
  }
  by.socket.end()
  const late = setTimeout(() => {
    console.error(`no LinkClosed within 5 s, heard: ${to.heard.map(({ type }) => type).join(' ')}`)
    process.exit(1)
  }, 5000)
  const { code } = await to.next('LinkClosed')
  clearTimeout(late)
  await closeAll()
  return code
}

console.log(`seed ${seed}`)
const ends = new Map<string, number>()
let streams = 0
for (const until = performance.now() + seconds * 1000; performance.now() < until; streams++) {
  const before = random
  try {
    for (let i = 0; i < 500; i++) reader(i % 3 === 0 ? noise(upTo(400)) : almost())
    const code = await link(upTo(4) === 0 ? noise(1 + upTo(3000)) : almost())
    ends.set(code, (ends.get(code) ?? 0) + 1)
  } catch (error) {
    console.error(`seed ${seed}, stream ${streams}, at ${before}`)
    throw error
  }
}
console.log(`${streams} links and ${streams * 500} streams to the reader; links ended ${JSON.stringify(Object.fromEntries(ends))}`)

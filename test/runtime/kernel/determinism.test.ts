import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Envelope as ProtoEnvelope } from '../../../proto/generated/v1.js'
import { Ping, Registry, SpawnActor, StopActor, TextMessage, Watch, type Message } from '../../../proto/index.ts'
import { leftovers, make, spec, type Harness, type HarnessOptions } from './harness.ts'
import { dice, echo, polite, puppet, ticker } from './toys.ts'

const registry = new Registry()
const cast = () => [spec(puppet, { spawns: [echo, ticker, dice, polite] }), spec(dice), spec(polite), spec({ ...puppet, kind: 'second' })]
const limits = { maxMailbox: 5, stopTimeoutMs: 40 }

const ids = fc.constantFrom('a', 'b', 'c')
const address = fc.oneof(
  fc.constantFrom('puppet/main', 'second/main', 'dice/main', 'polite/main'),
  fc.tuple(fc.constantFrom('echo', 'ticker', 'dice', 'polite'), ids).map(([kind, id]) => `${kind}/${id}`)
)
const spawn = fc.tuple(fc.constantFrom('echo', 'ticker', 'dice', 'polite', 'nobody'), ids, fc.constantFrom('', '{"everyMs":7,"lingerMs":9}'))
const text = fc.oneof(
  fc.constantFrom('boom', 'boom', 'done', 'junk host', 'bad host', 'tell puppet/main#arm x', 'tell second/main boom', 'tell second/main#arm x'),
  spawn.map(parts => `spawn ${parts.join(' ')}`),
  fc.tuple(fc.constantFrom('stop', 'watch'), address).map(parts => parts.join(' ')),
  fc.tuple(address, fc.nat(9)).map(([to, n]) => `ping ${to} ${n}`)
)
const message: fc.Arbitrary<{ body: () => Message; to: string }> = fc.oneof(
  fc.record({ text, to: fc.constantFrom('puppet/main', 'second/main') }).map(({ text: say, to }) => ({ body: () => new TextMessage({ text: say }), to })),
  fc.record({ id: fc.nat(), to: address }).map(({ id, to }) => ({ body: () => new Ping({ id }), to })),
  spawn.map(([kind, id, options]) => ({ body: () => new SpawnActor({ kind, id, options }), to: 'system' })),
  address.map(each => ({ body: () => new StopActor({ address: each, reason: 'told to' }), to: 'system' })),
  address.map(each => ({ body: () => new Watch({ address: each }), to: 'system' }))
)
const step = fc.record({
  after: fc.oneof(fc.constant(0), fc.nat(20), fc.constant(150)),
  from: fc.constantFrom('host', 'peer/x', 'puppet/main#arm', 'polite/main#link'),
  message
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const script = fc.record({ seed: fc.uint8Array({ minLength: 1, maxLength: 4 }), steps: fc.array(step, { maxLength: 60, size: 'max' }) })

/** A driver that answers at once: its inputs come while the core drains. */
const answering = (h: () => Harness): NonNullable<HarnessOptions['shell']> => ({
  deliver: ({ to, seq }) => { if (to.includes('#') && seq % 2 === 0) h().driver(new Ping({ id: seq }), to, 'second/main') },
  actorStarted: address => { if (address.startsWith('polite/')) h().driver(new Ping({ id: 1 }), `${address}#link`, 'second/main') }
})

interface Script {
  readonly seed: Uint8Array
  readonly steps: readonly Step[]
}

function play({ seed, steps }: Script, options: HarnessOptions = {}): Harness {
  const h: Harness = make(cast(), { limits, seed, registry, shell: answering(() => h), ...options })
  h.kernel.start()
  let time = 0
  for (const { after, from, message: { body, to } } of steps) {
    h.kernel.advanceTo(time += after)
    if (!h.kernel.stopped) h.driver(body(), from, to)
  }
  h.kernel.advanceTo(time += 100)
  h.kernel.stop('the end')
  h.kernel.advanceTo(time + 2_000)
  return h
}

/** Gives a fresh kernel the inputs that another one's tap saw, as kernel.ts says that a replay does. */
function replay({ seed }: Script, taps: Harness['taps']): Harness {
  const inputs = taps.filter(({ record }) => record === 'input' || record === 'nested').map(({ record, bytes }) => ({
    nested: record === 'nested', envelope: ProtoEnvelope.decode(Buffer.from(bytes, 'hex'))
  }))
  const give = () => {
    const { envelope: { type, body, from, to, cause } } = inputs.shift() as (typeof inputs)[number]
    h.kernel.inputEncoded(type, body, { from, to, cause })
  }
  const nested = () => {
    while (inputs[0]?.nested === true && inputs[0].envelope.seq === h.kernel.nextSeq) give()
  }
  const h: Harness = make(cast(), { limits, seed, registry, shell: { deliver: nested, actorStarted: nested, actorStopped: nested } })
  h.kernel.bus.all.subscribe(nested)
  h.kernel.start()
  while (inputs.length > 0) {
    const next = inputs[0] as (typeof inputs)[number]
    h.kernel.advanceTo(next.envelope.time)
    // Given meanwhile, from inside a drain.
    if (inputs[0] !== next) continue
    expect(next).toMatchObject({ nested: false, envelope: { seq: h.kernel.nextSeq } })
    give()
  }
  const end = taps.at(-1)
  if (end?.record === 'stopped' && !h.kernel.stopped) h.kernel.advanceTo(Number(end.bytes))
  return h
}

describe('the same inputs at the same times', () => {
  it('give the same run, byte for byte, whether bodies travel by reference or are encoded at every hop', () => {
    fc.assert(fc.property(script, what => {
      const first = play(what)
      expect(first.kernel.stopped).toBe(true)
      expect(leftovers(first)).toEqual({ actors: 0, timers: 0, queued: 0, receivers: 2, watches: 0 })
      expect(play(what).taps).toEqual(first.taps)
      const lazy = play(what, { codec: 'lazy' })
      expect(lazy.taps).toEqual(first.taps)
      expect(lazy.seen).toEqual(first.seen)
      expect(lazy.shell).toEqual(first.shell)
    }), { numRuns: 25 })
  })

  it('give the same run again from its recorded inputs alone, those of drivers that answered at once too', () => {
    fc.assert(fc.property(script, what => {
      const live = play(what, { codec: 'lazy' })
      const again = replay(what, live.taps)
      expect(again.taps).toEqual(live.taps)
      expect(again.seen).toEqual(live.seen)
    }), { numRuns: 25 })
  })

  it('number everything in order, and name only causes that came before', () => {
    fc.assert(fc.property(script, what => {
      const { envelopes } = play(what)
      envelopes.forEach(({ seq, cause }, i) => {
        if (i > 0) expect(seq).toBeGreaterThan((envelopes[i - 1] as { seq: number }).seq)
        expect(cause).toBeLessThan(seq)
      })
    }), { numRuns: 15 })
  })
})

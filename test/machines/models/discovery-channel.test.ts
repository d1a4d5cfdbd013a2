import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { discoveryChannel } from '../../../actors/lan/index.ts'
import { discoveryChannelMachine, type DiscoveryChannelOptions } from '../../../machines/discovery-channel.ts'
import { get } from '../../../machines/table.ts'
import {
  AnnouncementHeard, ChannelFailed, ChannelOpened, DiscoveryStarted, Endpoint, Instance, Stop, type AnswerWanted, type OpenChannel, type PeerHeard
} from '../../../proto/index.ts'
import type { MachineRun, Said } from '../../../runtime/testing/machine-run.ts'
import { found, property, type Happening, type ModelTest } from './command.ts'

const PORTS = [8001, 8002]
const SELF = 'm'
const PEERS = ['a', 'z']
const options = { ...discoveryChannel.options, ports: PORTS, self: SELF } as DiscoveryChannelOptions
const { answerPatienceMs, refreshMs, forgetMs, retryMaxMs } = options

/** A peer announces what it is in one life by ever greater numbers; what one announcement says never changes. */
interface Announcement { readonly peer: string; readonly life: number; readonly sequence: number }
const portOf = ({ life, sequence }: Announcement): number => 4_000 + 10 * life + Math.floor(sequence / 3)
const sourceOf = (peer: string): number => 50_000 + PEERS.indexOf(peer)

interface Known { readonly said: Announcement; readonly heardAt: number; readonly toldAt: number }

/** Who is there, by what was heard. */
class Lan {
  now = 0
  started = false
  stopped = false
  /** The driver has answered. */
  tried = false
  /** It was asked since, and answers before it is asked again. */
  asked = false
  readonly open = new Set<number>()
  readonly known = new Map<string, Known>()
  /** Answers that are due later: when, and to whom. */
  later: { at: number; to: number }[] = []

  check(said: readonly Said[], run: MachineRun, told: readonly string[] = [], answered: readonly number[] = []): void {
    if (this.stopped) return expect(said).toEqual([])
    const due = this.later.filter(({ at }) => at <= this.now)
    this.later = this.later.filter(({ at }) => at > this.now)
    const heard = said.filter(({ type }) => type === 'PeerHeard').map(({ body }) => body as PeerHeard)
    expect(heard.map(({ peerId }) => peerId).sort()).toEqual([...told].sort())
    for (const { peerId, endpoints } of heard) expect(endpoints[0]).toMatchObject({ host: `host-${peerId}`, port: portOf(this.known.get(peerId)!.said) })
    const answers = said.filter(({ type }) => type === 'AnswerWanted')
    expect(answers.map(({ time, body }) => [time, (body as AnswerWanted).to!.port]).sort())
      .toEqual([...answered.map(to => [this.now, to]), ...due.map(({ at, to }) => [at, to])].sort())
    const missing = PORTS.filter(port => !this.open.has(port))
    for (const { type, body } of said) {
      if (type !== 'OpenChannel') continue
      expect((body as OpenChannel).ports).toEqual(missing)
      expect(this.asked).toBe(false)
      this.asked = true
    }
    if (this.tried) expect((run.state as { working: { ports: string } }).working.ports === 'listening').toBe(this.open.size > 0)
  }
}

type Step = Happening<Lan>

const hear = (announcement: Announcement, answer: boolean): Step => {
  const { peer, life, sequence } = announcement
  return {
    name: `${peer} announces ${life}.${sequence}${answer ? ' as an answer' : ''}`,
    happen: run => run.hear(new AnnouncementHeard({
      peerId: peer, sequence, name: peer, via: 'multicast', answer, bytes: 256, instance: new Instance({ startedAt: life, nonce: Uint8Array.of(1) }),
      endpoint: new Endpoint({ host: `host-${peer}`, port: portOf(announcement) }), source: new Endpoint({ host: `host-${peer}`, port: sourceOf(peer) })
    })),
    check: (lan, said, run) => {
      const before = lan.known.get(peer)
      const known = before !== undefined && lan.now - before.heardAt <= forgetMs ? before : undefined
      const anew = known === undefined || life > known.said.life
      if (!anew && (life < known.said.life || sequence <= known.said.sequence)) return lan.check(said, run)
      const news = anew || portOf(announcement) !== portOf(known.said) || lan.now - known.toldAt >= refreshMs
      const told = lan.started && news
      lan.known.set(peer, { said: announcement, heardAt: lan.now, toldAt: told ? lan.now : known?.toldAt ?? -1 })
      const answered = lan.started && anew && !answer
      if (answered && peer > SELF) lan.later.push({ at: lan.now + answerPatienceMs, to: sourceOf(peer) })
      lan.check(said, run, told ? [peer] : [], answered && peer < SELF ? [sourceOf(peer)] : [])
    }
  }
}

const start: Step = {
  name: 'start',
  happen: run => run.hear(new DiscoveryStarted()),
  check: (lan, said, run) => {
    lan.started = true
    for (const [peer, known] of lan.known) lan.known.set(peer, { ...known, toldAt: lan.now })
    lan.check(said, run, [...lan.known.keys()])
  }
}

const opened = (ports: number[]): Step => ({
  name: `opened ${ports.join(' ')}`,
  happen: run => run.hear(new ChannelOpened({ ports })),
  check: (lan, said, run) => {
    lan.tried = true
    lan.asked = false
    for (const port of ports) lan.open.add(port)
    lan.check(said, run)
  }
})

const failed = (ports: number[]): Step => ({
  name: `failed ${ports.join(' ')}`,
  happen: run => run.hear(new ChannelFailed({ ports, code: 'listen-failed', reason: 'no' })),
  check: (lan, said, run) => {
    lan.tried = true
    lan.asked = false
    for (const port of ports) lan.open.delete(port)
    lan.check(said, run)
  }
})

const pass = (ms: number): Step => ({
  name: `${ms} ms`,
  happen: run => run.pass(ms),
  check: (lan, said, run) => {
    lan.now += ms
    lan.check(said, run)
    if (!lan.stopped && lan.tried && lan.open.size < PORTS.length && ms > 1.2 * retryMaxMs) expect(lan.asked).toBe(true)
  }
})

const stop: Step = {
  name: 'stop',
  happen: run => run.hear(new Stop()),
  check: (lan, said, run) => {
    lan.stopped = true
    lan.check(said, run)
  }
}

const alive = (step: Step): Step => ({ ...step, possible: ({ stopped }) => !stopped })
const some = fc.subarray(PORTS, { minLength: 1 })

const test: ModelTest<Lan> = {
  options: { address: 'discovery-channel/lan', options },
  model: () => new Lan(),
  happenings: [
    fc.record({ peer: fc.constantFrom(...PEERS), life: fc.integer({ min: 1, max: 3 }), sequence: fc.integer({ min: 1, max: 6 }) })
      .chain(announcement => fc.boolean().map(answer => alive(hear(announcement, answer)))),
    fc.constant(alive(start)), some.map(ports => alive(opened(ports))), some.map(ports => alive(failed(ports))),
    fc.oneof(fc.nat(700), fc.nat(20_000), fc.nat(700_000)).map(pass), fc.constant(alive(stop))
  ]
}

describe('the discovery channel and a simple model of it', () => {
  it('do the same, whatever happens', () => {
    fc.assert(property(discoveryChannelMachine, test), { numRuns: 300 })
  })

  it.each([
    ['takes old announcements for new', discoveryChannelMachine.provide({ guards: { stale: () => false } }), 'announces'],
    ['does not answer those whom it dials', discoveryChannelMachine.provide({ actions: { answerNow: () => {} } }), 'z announces'],
    ['tells nobody of those heard before it started', discoveryChannelMachine.provide({ actions: { tellAll: () => {} } }), 'start'],
    ['takes a port that broke for open', discoveryChannelMachine.provide({ actions: { keepFailed: () => {} } }), 'failed'],
    ['answers answers', discoveryChannelMachine.provide({ guards: { asksForAnswer: ({ event, context }) => event.type === 'AnnouncementHeard' && get(context.peers, event.body.peerId) === undefined } }), 'as an answer']
  ])('differ where it has a bug: it %s', (_, machine, shown) => {
    expect(found(machine, test)).toContain(shown)
  })
})

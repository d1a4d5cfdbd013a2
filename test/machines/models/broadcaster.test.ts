import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { broadcaster } from '../../../actors/lan/index.ts'
import { broadcasterMachine, type BroadcasterOptions } from '../../../machines/broadcaster.ts'
import {
  AnswerWanted, DiscoveryStarted, Endpoint, InterfacesChanged, LinksChanged, Listening, NetworkInterface, Stop, type SendAnnouncement, type SendAnswer
} from '../../../proto/index.ts'
import type { Said } from '../../../runtime/testing/machine-run.ts'
import { found, property, type Happening, type ModelTest } from './command.ts'

const ANSWERS = 2
const options = { ...broadcaster.options, answersPerSecond: ANSWERS } as BroadcasterOptions
const { fastMs, slowMs, quietMs, listenerPatienceMs } = options
const BURST_MS = 2_000

/** What the LAN may expect of a peer that announces itself. */
class Lan {
  now = 0
  phase: 'quiet' | 'expecting' | 'announcing' | 'stopped' = 'quiet'
  startedAt = 0
  port: number | undefined
  links = 0
  addresses: readonly string[] = []
  sequence = 0
  sequenceAt = 0
  burstAt = 0
  /** The next announcement comes by then. */
  due = Infinity
  second = { since: 0, answered: 0, refused: 0 }

  /** The longest pause with so many links. */
  pause(fastest = slowMs): number {
    return Math.ceil(1.2 * Math.max(fastest, Math.min(fastest * (1 + this.links), quietMs)))
  }

  heard(said: readonly Said[]): void {
    if (this.phase !== 'announcing') return expect(said).toEqual([])
    for (const { time, type, body } of said) {
      if (type !== 'SendAnnouncement') continue
      const { sequence, listenPort } = body as SendAnnouncement
      expect(listenPort).toBe(this.port ?? 0)
      expect(sequence).toBeGreaterThanOrEqual(this.sequence)
      if (sequence > this.sequence) this.sequenceAt = time
      else expect(time - this.sequenceAt).toBeLessThanOrEqual(BURST_MS)
      this.sequence = sequence
      expect(time).toBeLessThanOrEqual(this.due)
      this.due = time + this.pause()
    }
    expect(this.now).toBeLessThanOrEqual(this.due)
  }

  /** It announces now. */
  atOnce(said: readonly Said[]): void {
    this.burstAt = this.now
    this.due = this.now
    this.heard(said)
    expect(said[0]).toMatchObject({ time: this.now, type: 'SendAnnouncement' })
  }
}

type Step = Happening<Lan>

const start: Step = {
  name: 'start',
  happen: run => run.hear(new DiscoveryStarted()),
  check: (lan, said) => {
    if (lan.phase !== 'quiet') return lan.heard(said)
    lan.startedAt = lan.now
    lan.phase = lan.port === undefined ? 'expecting' : 'announcing'
    if (lan.phase === 'announcing') lan.atOnce(said)
    else lan.heard(said)
  }
}

const listening = (port: number): Step => ({
  name: `listening at ${port}`,
  happen: run => run.hear(new Listening({ endpoints: port === 0 ? [] : [new Endpoint({ host: '::', port })] })),
  check: (lan, said) => {
    const news = lan.phase === 'expecting' || (lan.phase === 'announcing' && lan.port !== port)
    lan.port = port
    if (lan.phase === 'expecting') lan.phase = 'announcing'
    if (news) lan.atOnce(said)
    else lan.heard(said)
  }
})

const links = (count: number): Step => ({
  name: `${count} links`,
  happen: run => run.hear(new LinksChanged({ links: count })),
  check: (lan, said) => {
    const fewer = count < lan.links
    lan.links = count
    if (!fewer) lan.due = Math.max(lan.due, lan.now + lan.pause())
    else if (lan.now - lan.burstAt > BURST_MS) lan.due = Math.min(lan.due, lan.now + lan.pause(fastMs))
    lan.heard(said)
  }
})

const interfaces = (addresses: readonly string[]): Step => ({
  name: `addresses ${addresses.join(' ')}`,
  happen: run => run.hear(new InterfacesChanged({ interfaces: [new NetworkInterface({ name: 'eth0', addresses: [...addresses] })] })),
  check: (lan, said) => {
    const news = addresses.some(address => !lan.addresses.includes(address))
    lan.addresses = addresses
    if (news && lan.phase === 'announcing') lan.atOnce(said)
    else lan.heard(said)
  }
})

const wanted = (port: number): Step => ({
  name: `answer wanted by ${port}`,
  happen: run => run.hear(new AnswerWanted({ to: new Endpoint({ host: '192.0.2.7', port }), maxBytes: 256, via: 'multicast' })),
  check: (lan, said) => {
    if (lan.now - lan.second.since >= 1_000) lan.second = { since: lan.now, answered: 0, refused: 0 }
    const answers = said.filter(({ type }) => type === 'SendAnswer').map(({ body }) => body as SendAnswer)
    if (lan.phase === 'announcing' && lan.second.answered < ANSWERS) {
      lan.second.answered++
      lan.heard(said)
      return expect(answers).toMatchObject([{ to: { port }, listenPort: lan.port ?? 0 }])
    }
    expect(answers).toEqual([])
    if (lan.phase === 'announcing' && lan.second.refused === 0) lan.atOnce(said)
    else lan.heard(said)
    lan.second.refused++
  }
})

const pass = (ms: number): Step => ({
  name: `${ms} ms`,
  happen: run => run.pass(ms),
  check: (lan, said) => {
    lan.now += ms
    if (lan.phase === 'expecting' && lan.now >= lan.startedAt + listenerPatienceMs) {
      lan.phase = 'announcing'
      lan.burstAt = lan.due = lan.startedAt + listenerPatienceMs
      expect(said[0]).toMatchObject({ time: lan.due, type: 'SendAnnouncement' })
    }
    lan.heard(said)
    expect(said.length).toBeLessThanOrEqual(5 + ms / (0.8 * fastMs))
  }
})

const stop: Step = {
  name: 'stop',
  happen: run => run.hear(new Stop()),
  check: (lan, said) => {
    lan.phase = 'stopped'
    lan.heard(said)
  }
}

// Nothing more is told to an actor that has stopped, but time goes on.
const alive = (step: Step): Step => ({ ...step, possible: ({ phase }) => phase !== 'stopped' })

const test: ModelTest<Lan> = {
  options: { address: 'broadcaster/lan', options },
  model: () => new Lan(),
  happenings: [
    fc.constant(alive(start)), fc.constantFrom(0, 4_000, 4_001).map(port => alive(listening(port))), fc.constantFrom(0, 1, 5).map(count => alive(links(count))),
    fc.subarray(['192.0.2.1', '192.0.2.2']).map(addresses => alive(interfaces(addresses))), fc.nat(3).map(port => alive(wanted(port))),
    fc.oneof(fc.nat(500), fc.nat(3_000)).map(pass), fc.integer({ min: 10_000, max: 100_000 }).map(pass), fc.constant(alive(stop))
  ]
}

describe('the broadcaster and a simple model of it', () => {
  it('do the same, whatever happens', () => {
    fc.assert(property(broadcasterMachine, test), { numRuns: 300 })
  })

  it.each([
    ['answers without end', broadcasterMachine.provide({ guards: { mayAnswer: () => true } }), 'answer wanted'],
    ['announces the port that it had before', broadcasterMachine.provide({ actions: { keepListening: () => {} } }), 'listening'],
    ['never counts on', broadcasterMachine.provide({ actions: { renew: () => {} } }), 'start'],
    ['does not see a new interface', broadcasterMachine.provide({ guards: { newInterface: () => false } }), 'addresses'],
    ['forgets to wait for the listener no longer', broadcasterMachine.provide({ delays: { listenerPatience: 1_000_000 } }), 'start'],
    ['does not hurry when it has lost a link', broadcasterMachine.provide({ guards: { fewerLinks: () => false } }), 'links']
  ])('differ where it has a bug: it %s', (_, machine, shown) => {
    expect(found(machine, test)).toContain(shown)
  })
})

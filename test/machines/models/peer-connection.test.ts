import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { peerConnectionMachine } from '../../../machines/peer-connection.ts'
import {
  CloseRequested, DialFailed, DialOpened, Disconnect, FrameRefused, LinkAdmitted, LinkClosed, LinkSecured, LinkTraffic, Level, StepPassed, StepRefused, Verified,
  type LinkEnded, type Message, type SetGate
} from '../../../proto/index.ts'
import type { MachineRun, Said } from '../../../runtime/testing/machine-run.ts'
import { ADDRESS, identify, KEEPER, LINK, NETWORK } from '../connection-run.ts'
import { found, property, type Happening, type ModelTest } from './command.ts'

const options = { peerId: 'bea', self: 'ada', network: NETWORK, endpoints: [{ host: '192.0.2.1', port: 1 }], keepAliveIntervalMs: 5_000, keepAliveTimeoutMs: 5_000 }
const DIAL_MS = 10_000
const IDENTIFY_MS = 10_000
const VERIFY_MS = 20_000
const ENHANCE_MS = 60_000
const CLOSE_MS = 1_000
const QUIET_MS = 5_000
const PONG_MS = 5_000
const FRAMES = 3

/** What a connection is worth, by what both sides have shown. */
class Link {
  now = 0
  phase: 'dialing' | 'identifying' | 'admitting' | 'up' | 'closing' | 'waiting' | 'gone' = 'dialing'
  /** When it came to the phase. */
  since = 0
  provedByThem = false
  provedByUs = false
  provedAt = 0
  lifeAt = 0
  pinged = false
  refused = 0
  wanted = true
  /** How long it waits before it dials again, as it said. */
  againMs = 0

  enter(phase: Link['phase'], at = this.now): void {
    this.phase = phase
    this.since = at
  }

  get level(): Level {
    if (this.phase !== 'up') return this.phase === 'admitting' ? Level.LEVEL_IDENTIFIED : Level.LEVEL_UNSPECIFIED
    return !this.provedByThem ? Level.LEVEL_IDENTIFIED : this.provedByUs ? Level.LEVEL_ENHANCED : Level.LEVEL_BASIC
  }

  /** When time alone changes something. */
  get deadline(): number {
    switch (this.phase) {
      case 'dialing': return this.since + DIAL_MS
      case 'identifying': case 'admitting': return this.since + IDENTIFY_MS
      case 'closing': return this.since + CLOSE_MS
      case 'waiting': return this.since + this.againMs
      case 'gone': return Infinity
      case 'up': return Math.min(
        this.lifeAt + QUIET_MS + (this.pinged ? PONG_MS : 0),
        this.provedByThem ? Infinity : this.since + VERIFY_MS,
        this.provedByThem && !this.provedByUs ? this.provedAt + ENHANCE_MS : Infinity
      )
    }
  }

  /** The link, or the round of dialling, is over: the keeper is told, once. `dropped` where nothing is left to close. */
  end(said: readonly Said[], dropped = false): void {
    const ended = said.filter(({ type }) => type === 'LinkEnded').map(({ body }) => body as LinkEnded)
    expect(ended.length).toBe(1)
    this.againMs = ended[0]!.againMs
    if (!this.wanted) expect(this.againMs).toBe(0)
    if (dropped) this.over()
    else this.enter('closing')
  }

  over(): void {
    Object.assign(this, { provedByThem: false, provedByUs: false, pinged: false, refused: 0 })
    this.enter(this.wanted && this.againMs > 0 ? 'waiting' : 'gone')
  }

  check(said: readonly Said[], run: MachineRun): void {
    const gates = said.filter(({ type }) => type === 'SetGate').map(({ body }) => (body as SetGate).level)
    // It opens exactly as far as both sides have shown, and tells who is told so.
    if (gates.length > 0) expect(gates.at(-1)).toBe(this.level)
    if (this.phase === 'up') expect(run.context.level).toBe(this.level)
    expect(run.done).toBe(this.phase === 'gone')
    if (this.phase === 'gone') expect(run.clock.size).toBe(0)
  }
}

type Step = Happening<Link>

/** A message that comes while the connection has not ended; `then` says what becomes of it. */
const told = (name: string, make: (run: MachineRun) => readonly [Message, string], then: (link: Link, said: readonly Said[]) => void): Step => ({
  name,
  possible: ({ phase }) => phase !== 'gone',
  happen: run => run.takes(...make(run)) && run.hear(...make(run)),
  check: (link, said, run) => {
    then(link, said)
    link.check(said, run)
  }
})

const isUp = ({ phase }: Link): boolean => phase === 'identifying' || phase === 'admitting' || phase === 'up'
const attempt = (run: MachineRun): number => run.context.attempt as number

const opened = told('opened', run => [new DialOpened({ attempt: attempt(run) }), LINK], () => {})
const failed = told('dial failed', run => [new DialFailed({ attempt: attempt(run), code: 'dial-refused' }), LINK], (link, said) => {
  if (link.phase === 'dialing') link.end(said, true)
})
const late = told('an old dial failed', run => [new DialFailed({ attempt: attempt(run) - 1, code: 'dial-refused' }), LINK], (_, said) => expect(said).toEqual([]))
const secured = told('secured', run => [new LinkSecured({ attempt: attempt(run), peerId: 'bea', linkId: 'l' }), LINK], link => {
  if (link.phase === 'dialing') link.enter('identifying')
})
const identified = told('identified', () => [identify(), 'peer/bea'], (link, said) => {
  if (link.phase !== 'identifying') return
  link.enter('admitting')
  expect(said.map(({ type }) => type)).toEqual(['SetGate', 'LinkIdentified'])
})
const stranger = told('of another network', () => [identify({ network: new Uint8Array(16) }), 'peer/bea'], (link, said) => {
  if (link.phase === 'identifying') link.end(said)
})
const admitted = told('admitted', () => [new LinkAdmitted(), KEEPER], link => {
  if (link.phase !== 'admitting') return
  link.enter('up')
  link.lifeAt = link.now
})
const passed = told('they passed', run => [new StepPassed({ step: 'pings' }), run.context.step as string], link => {
  if (link.phase !== 'up' || link.provedByThem) return
  link.provedByThem = true
  link.provedAt = link.now
})
const other = told('another link\'s step passed', () => [new StepPassed({ step: 'pings' }), 'verify-pings/other'], (_, said) => expect(said).toEqual([]))
const refused = told('they are refused', run => [new StepRefused({ step: 'pings', code: 'ping-timeout' }), run.context.step as string], (link, said) => {
  if (link.phase === 'up' && !link.provedByThem) link.end(said)
})
const verified = told('we passed', () => [new Verified(), 'peer/bea'], link => {
  if (link.phase === 'admitting' || link.phase === 'up') link.provedByUs = true
})
const alive = told('a sign of life', () => [new LinkTraffic({ framesIn: 1, bytesInSincePing: 9 }), LINK], link => {
  if (link.phase !== 'up' || !link.pinged) return
  link.lifeAt = link.now
  link.pinged = false
})
const frame = told('a frame refused', () => [new FrameRefused({ code: 'level' }), LINK], (link, said) => {
  if (isUp(link) && ++link.refused === FRAMES) link.end(said)
})
const goodbye = told('their goodbye', () => [new Disconnect({ code: 'shutdown' }), 'peer/bea'], (link, said) => {
  if (isUp(link)) link.end(said)
})
const lost = told('lost', () => [new LinkClosed({ code: 'lost', initiator: 3 }), LINK], (link, said) => {
  if (link.phase === 'closing') link.over()
  else if (isUp(link)) link.end(said, true)
})
const close = told('close', () => [new CloseRequested({ code: 'dropped' }), KEEPER], (link, said) => {
  link.wanted = false
  if (link.phase === 'dialing') link.end(said, true)
  else if (isUp(link)) link.end(said)
  else if (link.phase === 'waiting') link.over()
})

/** Both ends do what they should, as far as our part of it goes; by chance alone second links are rare. */
const climb: Step = {
  name: 'they climb',
  possible: ({ phase }) => phase === 'dialing',
  happen: () => {},
  check: (link, _, run) => {
    for (const step of [secured, identified, admitted, passed]) {
      step.happen(run)
      step.check(link, run.take(), run)
    }
  }
}

/** Time passes, but not beyond what it changes: what is due then happens exactly then. */
const pass = (ms: number): Step => ({
  name: `${ms} ms`,
  happen: () => {},
  check: (link, _, run) => {
    for (let left = ms; ;) {
      const step = Math.min(left, link.deadline - link.now - 1)
      run.pass(step)
      link.now += step
      expect(run.take()).toEqual([])
      if ((left -= step) === 0) return
      run.pass(1)
      link.now++
      left--
      due(link, run.take(), run)
      if (left === 0) return
    }
  }
})

function due(link: Link, said: readonly Said[], run: MachineRun): void {
  const types = said.map(({ type }) => type)
  if (link.phase === 'closing') link.over()
  else if (link.phase === 'waiting') {
    expect(types).toEqual(['DialEndpoint'])
    link.enter('dialing')
  } else if (link.phase === 'up' && !link.pinged && link.now === link.lifeAt + QUIET_MS) {
    expect(types).toContain('SendPing')
    link.pinged = true
  } else link.end(said, link.phase === 'dialing')
  link.check(said, run)
}

const test: ModelTest<Link> = {
  options: { address: ADDRESS, parent: KEEPER, options },
  model: run => {
    expect(run.take().map(({ type }) => type)).toEqual(['DialEndpoint'])
    return new Link()
  },
  happenings: [
    ...[opened, failed, late, secured, identified, stranger, admitted, passed, other, refused, verified, alive, frame, goodbye, lost, close].map(step => fc.constant(step)),
    fc.nat(1_000).map(pass), fc.nat(15_000).map(pass), fc.nat(70_000).map(pass), fc.constant(climb)
  ]
}

describe('a connection and a simple model of it', () => {
  it('do the same, whatever happens', () => {
    fc.assert(property(peerConnectionMachine, test), { numRuns: 500 })
  })

  it.each([
    ['opens fully once it has verified the other side', peerConnectionMachine.provide({ guards: { lastStepOfBothSides: ({ event, context }) => 'from' in event && event.from === context.step } }), 'they climb'],
    ['lets any step pass for its own', peerConnectionMachine.provide({ guards: { lastStep: () => true } }), 'step passed'],
    ['takes an old dial for the present one', peerConnectionMachine.provide({ guards: { lastPlaceFailed: () => true } }), 'an old dial failed'],
    ['dials again after it was told to close', peerConnectionMachine.provide({ actions: { notAgain: () => {} } }), 'close'],
    ['takes what the link before was worth for the next one', peerConnectionMachine.provide({ actions: { keepSecured: () => {}, forgetLink: () => {} } }), 'we passed'],
    ['does not count refused frames', peerConnectionMachine.provide({ actions: { countRefusedFrame: () => {} } }), 'a frame refused'],
    ['never pings', peerConnectionMachine.provide({ actions: { ping: () => {} } }), 'they climb']
  ])('differ where it has a bug: it %s', (_, machine, shown) => {
    expect(found(machine, test, 2_000)).toContain(shown)
  })
})

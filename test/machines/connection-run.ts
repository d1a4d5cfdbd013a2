import type { AnyActor } from 'xstate'
import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import type { PeerConnectionOptions } from '../../machines/peer-connection-context.ts'
import {
  DialFailed, DialOpened, Direction, Endpoint, Identify, Instance, LinkAdmitted, LinkClosed, LinkSecured, PongReceived, StepPassed, Verified,
  type Message
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

export const ADDRESS = 'peer-connection/one'
export const LINK = `${ADDRESS}#link`
export const KEEPER = 'link-keeper/main'
export const STEP = 'verify-pings/one'
export const NETWORK = '00112233445566778899aabbccddeeff'

/** Transitions that the tests of one file take. */
export const coverage = new TransitionCoverage(peerConnectionMachine)

const networkBytes = Uint8Array.from(Buffer.from(NETWORK, 'hex'))

export function identify(change: object = {}): Identify {
  return new Identify({
    versions: [1], network: networkBytes, instance: new Instance({ startedAt: 7, nonce: Uint8Array.of(1) }), name: 'Bea', dial: 3,
    accepts: ['TextMessage'], maxFrameBytes: 1 << 22, ...change
  })
}

/** A connection with the other side, its driver, its keeper and its step played by the test. */
export class ConnectionRun extends MachineRun {
  constructor(options: Partial<PeerConnectionOptions> = {}, random = 1) {
    const input = {
      address: ADDRESS, parent: KEEPER, random,
      options: { peerId: 'bea', self: 'ada', network: NETWORK, dial: 100, endpoints: [{ host: '192.0.2.1', port: 4_000 }], ...options }
    }
    super(peerConnectionMachine, input)
    coverage.watch(this.actor as AnyActor)
  }

  /** What the link driver says. */
  link(body: Message): this {
    this.hear(body, LINK)
    return this
  }

  remote(body: Message): this {
    this.hear(body, 'peer/bea')
    return this
  }

  keeper(body: Message): this {
    this.hear(body, KEEPER)
    return this
  }

  get attempt(): number {
    return this.context.attempt as number
  }

  opened(): this {
    return this.link(new DialOpened({ attempt: this.attempt }))
  }

  failed(code = 'dial-refused'): this {
    return this.link(new DialFailed({ attempt: this.attempt, code, reason: code }))
  }

  secured(change: object = {}): this {
    const inbound = this.context.options.direction === 'in'
    return this.link(new LinkSecured({
      attempt: this.attempt, linkId: 'l1', peerId: 'bea', remote: new Endpoint({ host: '192.0.2.1', port: 4_000 }),
      direction: inbound ? Direction.DIRECTION_IN : Direction.DIRECTION_OUT, ...change
    }))
  }

  /** Up to the rung that is named. */
  upTo(rung: 'securing' | 'identifying' | 'admitting' | 'verifying' | 'basic' | 'enhanced'): this {
    const rungs = ['securing', 'identifying', 'admitting', 'verifying', 'basic', 'enhanced']
    const steps = [
      () => this.context.options.direction === 'out' && this.opened(),
      () => this.secured(),
      () => this.remote(identify()),
      () => this.keeper(new LinkAdmitted()),
      () => this.hear(new StepPassed({ step: 'pings' }), this.context.step as string),
      () => this.remote(new Verified({ steps: ['pings'] }))
    ]
    for (let i = 0; i <= rungs.indexOf(rung); i++) steps[i]!()
    this.take()
    return this
  }

  pong(id: number, rttUs: number): this {
    return this.link(new PongReceived({ id, rttUs }))
  }

  closed(code = 'lost', initiator = 3): this {
    return this.link(new LinkClosed({ code, reason: code, initiator }))
  }

  get rung(): unknown {
    return (this.state as { secured?: string }).secured ?? this.state
  }

  get keepAlive(): unknown {
    return this.context.keepAlive
  }

  /** Types published since the last call, in order. */
  types(): string[] {
    return this.take().map(({ type }) => type)
  }
}

import { describe, expect, it } from '@jest/globals'
import { pino } from 'pino'
import { createMachine } from 'xstate'
import { LinkFullError, NotConnectedError } from '../../../actors/peer-connection/index.ts'
import { Services, type Driver, type DriverContext } from '../../../actors/seam/index.ts'
import { DeadLetter, DriverCount, DriverCounts, DriverFailed, Registry, TextMessage, type Envelope, type Message } from '../../../proto/index.ts'
import { DriverHost, DriverStuckError, type DriverHostOptions, type RemoteLinks } from '../../../runtime/peer/driver-host.ts'

interface Input { body: Message; from: string; to?: string; cause?: number }

function setUp(options: Partial<DriverHostOptions> & { peers?: string[]; full?: string[] } = {}) {
  const inputs: Input[] = []
  const sent: { peer: string; type: string }[] = []
  const links: RemoteLinks = {
    send(peer, { type }) {
      if (!options.peers?.includes(peer)) throw new NotConnectedError(peer)
      if (options.full?.includes(peer)) throw new LinkFullError(1_000)
      sent.push({ peer, type })
      return true
    },
    connected: () => options.peers ?? []
  }
  let heard: (() => void) | undefined
  const host = new DriverHost({
    registry: new Registry(), services: new Services(), links: () => links, log: pino({ level: 'silent' }), ...options
  })
  host.connect((body, address) => {
    inputs.push({ body, ...address })
    heard?.()
  })
  const input = async (count: number) => {
    while (inputs.length < count) await new Promise<void>(resolve => { heard = resolve })
    return inputs[count - 1]!
  }
  return { host, inputs, sent, input }
}

let seq = 0
function mail(to: string, body: Message = new TextMessage({ text: 'hello' }), from = 'host'): Envelope {
  return { type: 'TextMessage', seq: ++seq, time: 0, from, to, cause: 0, body, bytes: new Uint8Array() }
}

const machine = createMachine({})
const idle: Driver = { receive() {} }

describe('the driver host', () => {
  it('makes a driver with its address and the options of its actor', () => {
    let given: DriverContext | undefined
    const { host } = setUp()
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: context => (given = context, idle) } }, { channel: 7 })
    expect(given).toMatchObject({ address: 'radio/main#air', actor: 'radio/main', options: { channel: 7 } })
  })

  it('carries mail to the driver that it is addressed to', () => {
    const got: string[] = []
    const driver = (name: string) => () => ({ receive: (envelope: Envelope) => { got.push(`${name} ${envelope.to}`) } })
    const { host } = setUp()
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: driver('air'), wire: driver('wire') } }, {})
    host.deliver(mail('radio/main#wire'))
    expect(got).toEqual(['wire radio/main#wire'])
  })

  it('publishes to the driver\'s own actor, elsewhere, or to everybody', () => {
    let context: DriverContext | undefined
    const { host, inputs } = setUp()
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: given => (context = given, idle) } }, {})
    const body = new TextMessage()
    context!.publish(body)
    context!.publish(body, 'other/main')
    context!.publish(body, '', 'peer/abc')
    expect(inputs).toEqual([
      { body, from: 'radio/main#air', to: 'radio/main' },
      { body, from: 'radio/main#air', to: 'other/main' },
      { body, from: 'peer/abc', to: '' }
    ])
  })

  it('fails the actor, not the process, when a driver throws', () => {
    const { host, inputs } = setUp()
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: () => ({ receive() { throw new TypeError('no antenna') } }) } }, {})
    host.actorStarted('tv/main', { kind: 'tv', machine, drivers: { air: () => { throw new Error('no mast') } } }, {})
    host.deliver(mail('radio/main#air'))
    expect(inputs).toEqual([
      { body: new DriverFailed({ driver: 'tv/main#air', error: 'Error: no mast' }), from: 'tv/main#air', to: 'system' },
      { body: new DriverFailed({ driver: 'radio/main#air', error: 'TypeError: no antenna' }), from: 'radio/main#air', to: 'system' }
    ])
  })

  it('hears nothing more from a driver whose actor has stopped', () => {
    let context: DriverContext | undefined
    const { host, inputs } = setUp()
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: given => (context = given, idle) } }, {})
    host.actorStopped('radio/main')
    expect(context!.signal.aborted).toBe(true)
    context!.publish(new TextMessage())
    context!.count('late')
    expect(inputs).toEqual([])
    expect(host.drivers).toBe(0)
  })

  it('makes a restarted actor\'s driver only when the one before has let go, and keeps its mail until then', async () => {
    const happened: string[] = []
    let close: (() => void) | undefined
    let life = 0
    const { host } = setUp()
    const definition = { kind: 'radio', machine, drivers: { air: () => {
      const name = ++life
      happened.push(`made ${name}`)
      return {
        receive: (envelope: Envelope) => { happened.push(`${name} got ${envelope.seq}`) },
        stop: () => new Promise<void>(resolve => { close = () => { happened.push(`closed ${name}`); resolve() } })
      }
    } } }
    host.actorStarted('radio/main', definition, {})
    host.actorStopped('radio/main')
    host.actorStarted('radio/main', definition, {})
    const letter = mail('radio/main#air')
    host.deliver(letter)
    expect(happened).toEqual(['made 1'])
    close!()
    await new Promise(resolve => setImmediate(resolve))
    expect(happened).toEqual(['made 1', 'closed 1', 'made 2', `2 got ${letter.seq}`])
    const stopped = host.stopped()
    close!()
    await stopped
  })

  it('keeps a bounded amount of mail for a driver that is not made yet, and says so', async () => {
    let close: (() => void) | undefined
    const { host, inputs } = setUp()
    const stop = () => new Promise<void>(resolve => { close = resolve })
    const definition = { kind: 'radio', machine, drivers: { air: () => ({ receive() {}, stop }) } }
    host.actorStarted('radio/main', definition, {})
    host.actorStopped('radio/main')
    host.actorStarted('radio/main', definition, {})
    for (let i = 0; i <= 4_096; i++) host.deliver(mail('radio/main#air'))
    expect(inputs.map(({ body }) => body)).toEqual([
      new DeadLetter({ type: 'TextMessage', from: 'host', to: 'radio/main#air', reason: 'mailbox-full', count: 1 })
    ])
    close!()
    await new Promise(resolve => setImmediate(resolve))
    const stopped = host.stopped()
    close!()
    await stopped
  })

  it('waits for every driver to stop', async () => {
    let closed = 0
    const { host } = setUp()
    for (const id of ['a', 'b']) {
      host.actorStarted(`radio/${id}`, { kind: 'radio', machine, drivers: { air: () => ({ receive() {}, async stop() {
        await new Promise(resolve => setImmediate(resolve))
        closed++
      } }) } }, {})
    }
    await host.stopped()
    expect(closed).toBe(2)
  })

  it('names the driver that does not stop in time', async () => {
    const { host } = setUp({ stopTimeoutMs: 1 })
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: () => ({ receive() {}, stop: () => new Promise<void>(() => {}) }) } }, {})
    const error = await host.stopped().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(DriverStuckError)
    expect((error as DriverStuckError).drivers).toEqual(['radio/main#air'])
  })

  it('sums up what a driver counts in one report', async () => {
    let context: DriverContext | undefined
    const { host, input, inputs } = setUp({ reportEveryMs: 1 })
    host.actorStarted('radio/main', { kind: 'radio', machine, drivers: { air: given => (context = given, idle) } }, {})
    for (let i = 0; i < 1_000; i++) context!.count('noise')
    context!.count('overflow', 3)
    expect(inputs).toEqual([])
    expect(await input(1)).toEqual({
      from: 'radio/main#air',
      body: new DriverCounts({ counts: [new DriverCount({ name: 'noise', count: 1_000 }), new DriverCount({ name: 'overflow', count: 3 })] })
    })
    await host.stopped()
  })

  it('sends mail for a peer over its link, and for peer/* over every link', () => {
    const { host, sent } = setUp({ peers: ['ann', 'bob'] })
    host.deliver(mail('peer/ann'))
    host.deliver(mail('peer/*'))
    expect(sent.map(({ peer }) => peer)).toEqual(['ann', 'ann', 'bob'])
    expect(host.delivery).toEqual({ seq, ready: true })
  })

  it('turns mail for a peer without a link into dead letters, one a second', async () => {
    const { host, inputs, input } = setUp({ reportEveryMs: 1 })
    const first = mail('peer/zoe')
    host.deliver(first)
    for (let i = 0; i < 9; i++) host.deliver(mail('peer/zoe'))
    expect(inputs).toEqual([{
      body: new DeadLetter({ type: 'TextMessage', from: 'host', to: 'peer/zoe', reason: 'not-connected', count: 1 }), from: 'host', cause: first.seq
    }])
    expect((await input(2)).body).toEqual(new DeadLetter({ type: 'TextMessage', from: 'host', to: 'peer/zoe', reason: 'not-connected', count: 9 }))
    expect(host.delivery!.error).toBeInstanceOf(NotConnectedError)
    await host.stopped()
  })

  it('names everybody whom mail for all does not reach, and why', async () => {
    const { host, sent, inputs } = setUp({ peers: ['ann', 'bob', 'cyd', 'dan'], full: ['bob', 'dan'] })
    host.deliver(mail('peer/*'))
    expect(sent.map(({ peer }) => peer)).toEqual(['ann', 'cyd'])
    expect(host.delivery!.missed!.map(({ peerId, error }) => [peerId, (error as LinkFullError).code])).toEqual([['bob', 'link-full'], ['dan', 'link-full']])
    expect(inputs.map(({ body }) => body)).toMatchObject([{ reason: 'link-full', to: 'peer/bob' }])
    await host.stopped()
  })

  it('reports mail for a driver that is not there', () => {
    const { host, inputs } = setUp()
    host.deliver(mail('radio/main#air'))
    expect(inputs.map(({ body }) => body)).toEqual([
      new DeadLetter({ type: 'TextMessage', from: 'host', to: 'radio/main#air', reason: 'no-actor', count: 1 })
    ])
  })
})

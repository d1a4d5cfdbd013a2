import { describe, expect, it } from '@jest/globals'
import { SimulatedClock, createActor, type AnyActorRef } from 'xstate'
import { listenerMachine, type ListenerEvent, type ListenerMachineOptions } from '../../machines/listener.ts'
import type { Outgoing } from '../../machines/publish.ts'
import { Endpoint, ListenAt, ListenFailed, ListenOpened, Listening, Stop, classOf, typeName, type Message } from '../../proto/index.ts'

const defaults: ListenerMachineOptions = { hosts: ['::'], port: 0, interfaces: [], inbound: true, retryMs: 1000, retryMaxMs: 60_000, maxAttempts: 0 }
const endpoint = new Endpoint({ host: '::', port: 4001 })

class Run {
  readonly clock = new SimulatedClock()
  readonly actor: AnyActorRef
  #sent: [to: string, body: Message][] = []

  constructor(options: Partial<ListenerMachineOptions> = {}) {
    const input = { address: 'listener/main', parent: 'system', options: { ...defaults, ...options }, flags: [], incarnation: 0, random: 1 }
    this.actor = createActor(listenerMachine, { input, clock: this.clock })
    this.actor.on('publish', event => {
      const { to, body } = event as unknown as Outgoing
      this.#sent.push([to, body])
    })
    this.actor.start()
  }

  get state(): unknown {
    return this.actor.getSnapshot().value
  }

  /** What was published since it was last asked. */
  get sent(): [to: string, body: Message][] {
    return this.#sent.splice(0)
  }

  tell(body: Message): void {
    const type = typeName(classOf(body))
    this.actor.send({ type, seq: 1, time: 0, from: '', to: 'listener/main', cause: 0, body, bytes: new Uint8Array() } as unknown as ListenerEvent)
  }
}

describe('the listener', () => {
  it('has its driver listen where it was told, and announces where that is', () => {
    const run = new Run({ hosts: ['0.0.0.0'], port: 4001, interfaces: ['eth0'] })
    expect(run.sent).toEqual([['listener/main#tcp', new ListenAt({ hosts: ['0.0.0.0'], port: 4001, interfaces: ['eth0'] })]])
    expect(run.state).toBe('opening')
    run.tell(new ListenOpened({ endpoints: [endpoint] }))
    expect(run.sent).toEqual([['', new Listening({ endpoints: [endpoint] })]])
    expect(run.state).toBe('listening')
  })

  it('announces anew when addresses come or go', () => {
    const run = new Run()
    run.tell(new ListenOpened({ endpoints: [endpoint] }))
    run.tell(new ListenOpened({ endpoints: [] }))
    expect(run.sent.slice(1)).toEqual([['', new Listening({ endpoints: [endpoint] })], ['', new Listening({ endpoints: [] })]])
    expect(run.state).toBe('listening')
  })

  it('announces no place, and opens none, where the peer takes no links', () => {
    const run = new Run({ inbound: false })
    expect(run.sent).toEqual([['', new Listening({ endpoints: [] })]])
    expect(run.state).toBe('outboundOnly')
  })

  it('says why it failed and when it tries again, waiting longer each time up to a limit', () => {
    const run = new Run({ retryMs: 100, retryMaxMs: 500 })
    for (const againMs of [100, 200, 400, 500, 500]) {
      expect(run.sent).toEqual([['listener/main#tcp', expect.any(ListenAt)]])
      run.tell(new ListenFailed({ code: 'address-in-use', reason: 'taken' }))
      expect(run.sent).toEqual([['', new ListenFailed({ code: 'address-in-use', reason: 'taken', againMs })]])
      run.clock.increment(againMs - 1)
      expect(run.state).toBe('failed')
      run.clock.increment(1)
      expect(run.state).toBe('opening')
    }
    run.tell(new ListenOpened({ endpoints: [endpoint] }))
    run.tell(new ListenFailed({ code: 'address-in-use', reason: 'lost' }))
    expect(run.sent.at(-1)).toEqual(['', new ListenFailed({ code: 'address-in-use', reason: 'lost', againMs: 100 })])
  })

  it('gives up after as many failures as it may have, and the peer goes on', () => {
    const run = new Run({ maxAttempts: 2 })
    run.tell(new ListenFailed({ code: 'address-in-use', reason: 'taken' }))
    run.clock.increment(1000)
    run.tell(new ListenFailed({ code: 'address-in-use', reason: 'taken' }))
    expect(run.sent.at(-1)).toEqual(['', new ListenFailed({ code: 'address-in-use', reason: 'taken', againMs: 0 })])
    run.clock.increment(1_000_000)
    expect([run.state, run.sent]).toEqual(['gaveUp', []])
  })

  it.each([
    ['outboundOnly', { inbound: false }, []],
    ['opening', {}, []],
    ['listening', {}, [new ListenOpened({ endpoints: [endpoint] })]],
    ['failed', {}, [new ListenFailed({ code: 'x' })]],
    ['gaveUp', { maxAttempts: 1 }, [new ListenFailed({ code: 'x' })]]
  ])('stops when %s, leaving no timer', (state, options, bodies) => {
    const run = new Run(options)
    for (const body of bodies) run.tell(body)
    expect(run.state).toBe(state)
    void run.sent
    run.tell(new Stop())
    expect(run.actor.getSnapshot().status).toBe('done')
    run.clock.increment(1_000_000)
    expect(run.sent).toEqual([])
  })

  it('holds plain data only', () => {
    const { context } = new Run().actor.getSnapshot()
    expect(JSON.parse(JSON.stringify(context))).toEqual(context)
  })

  it('says of every state what it is', () => {
    for (const state of Object.values(listenerMachine.root.states)) expect(state.description).toBeTruthy()
  })
})

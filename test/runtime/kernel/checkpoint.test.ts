import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { assign, cancel, createMachine, fromCallback, raise, setup, type AnyStateMachine } from 'xstate'
import { defineActor, type ActorDefinition, type ActorSpec } from '../../../actors/seam/index.ts'
import { publish, type MachineInput } from '../../../machines/publish.ts'
import { Checkpoint, CheckpointActor, LinksChanged, SpawnActor, StopActor, Terminated, TextMessage, Watch } from '../../../proto/index.ts'
import {
  CheckpointError, ClockBusyError, KernelNotStartedError, KernelStartedError, KernelStoppedError, RestoreError
} from '../../../runtime/kernel/index.ts'
import { NotPlainError, parsePlain, plainText } from '../../../runtime/kernel/plain.ts'
import { make, spec, start, type Harness } from './harness.ts'

interface Told {
  readonly type: string
  readonly body: { readonly text: string }
}

const text = (text: string) => new TextMessage({ text })
const say = (said: string) => publish(() => ['host', text(said)])
const hears = (wanted: string) => ({ event }: { event: unknown }) => (event as Told).body.text === wanted
const toy = (machine: AnyStateMachine, rest: Partial<ActorDefinition> = {}): ActorSpec[] => [spec(defineActor({ kind: 'toy', machine, ...rest } as ActorDefinition))]
const tell = (...texts: string[]) => (harness: Harness) => { for (const each of texts) harness.host(text(each), 'toy/main') }
const taken = (harness: Harness): Checkpoint => Checkpoint.decode(Checkpoint.encode(harness.kernel.checkpoint()).finish())

/** Restores a copy of a kernel, and does the same to both. @returns texts that both told the host */
function both(actors: ActorSpec[], before: (harness: Harness) => void, after: (harness: Harness) => void): string[] {
  const live = start(actors)
  before(live)
  const copy = make(actors)
  copy.kernel.restore(taken(live))
  expect(taken(copy)).toEqual(taken(live))
  const [seen, crossed] = [live.seen.length, live.taps.length]
  after(live)
  after(copy)
  expect(copy.taps).toEqual(live.taps.slice(crossed))
  expect(copy.seen).toEqual(live.seen.slice(seen))
  return copy.envelopes.filter(({ to }) => to === 'host').map(({ body }) => body instanceof TextMessage ? body.text : '')
}

describe('Kernel.checkpoint', () => {
  it('keeps timers that share an id: those that can be cancelled, and those that no longer can', () => {
    const actors = toy(setup({ types: {} as { events: Told } }).createMachine({
      on: {
        TextMessage: [
          { guard: hears('cancel'), actions: cancel('x') },
          { actions: raise(({ event }) => ({ type: 'Later', body: { text: event.body.text } }), { id: 'x', delay: ({ event }) => Number(event.body.text) }) }
        ],
        Later: { actions: publish(({ event }) => ['host', text((event as unknown as Told).body.text)]) }
      }
    }))
    const rest = (harness: Harness) => {
      tell('cancel')(harness)
      harness.kernel.advanceTo(100)
    }
    const at10 = (harness: Harness) => {
      tell('10', '20')(harness)
      harness.kernel.advanceTo(10)
    }
    // The second takes the id of the first. Once the first has fired, the id is nobody's.
    expect(both(actors, tell('10', '20'), rest)).toEqual(['10'])
    expect(both(actors, at10, rest)).toEqual(['20'])
    expect(both(actors, harness => { at10(harness); tell('30')(harness) }, rest)).toEqual(['20'])
  })

  it('keeps timers in their order, those of one instant too', () => {
    const later = (said: string) => raise({ type: said } as never, { delay: 5 })
    const actors = toy(createMachine({
      on: { TextMessage: { actions: [later('b'), later('a')] }, a: { actions: say('a') }, b: { actions: say('b') }, c: { actions: say('c') } },
      entry: raise({ type: 'c' } as never, { delay: 5 })
    }))
    expect(both(actors, tell('go'), ({ kernel }) => kernel.advanceTo(5))).toEqual(['c', 'b', 'a'])
  })

  it('keeps the order in which states side by side were entered', () => {
    const go = ({ context }: { context: { go: boolean } }) => context.go
    const actors = toy(createMachine({
      context: { go: false },
      type: 'parallel',
      on: { TextMessage: { guard: hears('go'), actions: assign({ go: true }) } },
      states: {
        left: { initial: 'a', states: { a: { on: { TextMessage: { guard: hears('on'), target: 'b' } } }, b: { always: { guard: go, target: 'c', actions: say('left') } }, c: {} } },
        right: { initial: 'b', states: { b: { always: { guard: go, target: 'c', actions: say('right') } }, c: {} } }
      }
    } as never))
    expect(both(actors, tell('on'), tell('go'))).toEqual(['right', 'left'])
  })

  it('keeps what history states remember, and enters no state again', () => {
    const actors = toy(createMachine({
      initial: 'on',
      states: {
        on: {
          initial: 'a',
          states: { a: { on: { TextMessage: { guard: hears('next'), target: 'b' } } }, b: { entry: say('b') }, past: { type: 'history' } },
          on: { TextMessage: { guard: hears('off'), target: 'off' } }
        },
        off: { entry: say('off'), on: { TextMessage: 'on.past' } }
      }
    } as never))
    expect(both(actors, tell('next', 'off'), tell('back'))).toEqual(['b'])
  })

  it('keeps who hears an announcement first, after a restart', () => {
    const machine = createMachine({
      context: ({ input }: { input: MachineInput }) => ({ address: input.address }),
      on: { TextMessage: [{ guard: hears('fail'), actions: () => { throw new Error('told to') } }, { actions: publish(({ context }) => ['host', text(context['address'] as string)]) }] }
    } as never)
    const definition = defineActor({ kind: 'toy', machine, listens: [TextMessage] } as ActorDefinition)
    const pair = ['a', 'b'].map(id => spec(definition, { id }))
    const order = both(pair, harness => {
      harness.host(text('fail'), 'toy/a')
      harness.kernel.advanceTo(1_000)
    }, harness => harness.host(text('hi')))
    expect(order).toEqual(['toy/b', 'toy/a'])
    const restarting = both(pair, harness => harness.host(text('fail'), 'toy/a'), harness => {
      harness.kernel.advanceTo(1_000)
      harness.host(text('hi'))
      harness.kernel.stop('done')
    })
    expect(restarting).toEqual(['toy/b', 'toy/a'])
  })

  it('keeps who watches whom, and what is recalled to those who start later', () => {
    const machine = createMachine({
      initial: 'ready',
      states: { ready: { on: { TextMessage: { guard: hears('end'), target: 'over' }, LinksChanged: { actions: say('recalled') } } }, over: { type: 'final' } }
    } as never)
    const actors = toy(machine, { recalls: [LinksChanged], strategy: { onFailure: 'stop' } })
    const told = both(actors, harness => {
      harness.host(new LinksChanged({ links: 3 }))
      harness.host(new Watch({ address: 'toy/main' }), 'system')
    }, harness => {
      harness.host(new SpawnActor({ kind: 'toy', id: 'late' }), 'system')
      tell('end')(harness)
      expect(harness.types(Terminated)).toHaveLength(1)
    })
    expect(told).toContain('recalled')
  })

  it('keeps an ordered stop that goes on: of an actor, and of the whole peer', () => {
    const machine = createMachine({
      initial: 'ready',
      states: {
        ready: { on: { TextMessage: { actions: publish(() => ['system', new SpawnActor({ kind: 'toy', id: 'child' })]) }, Stop: 'closing' } },
        closing: { after: { 50: 'over' } },
        over: { type: 'final' }
      }
    } as never)
    const definition = defineActor({ kind: 'toy', machine } as ActorDefinition)
    const actors = [spec(definition), spec(definition, { id: 'slow' })]
    for (const at of [10, 60, 110]) {
      both(actors, harness => {
        tell('spawn')(harness)
        harness.kernel.stop('done')
        harness.kernel.advanceTo(at)
        expect(harness.kernel.checkpoint()).toMatchObject({ stop: { reason: 'done' }, timers: expect.arrayContaining([expect.objectContaining({ owner: expect.stringMatching(/^system stop /) })]) })
      }, ({ kernel }) => {
        kernel.advanceTo(3_000)
        expect(kernel.stopped).toBe(true)
      })
    }
    both(actors, harness => {
      tell('spawn')(harness)
      harness.host(new StopActor({ address: 'toy/main', reason: 'enough' }), 'system')
      harness.kernel.advanceTo(10)
    }, ({ kernel }) => {
      kernel.advanceTo(3_000)
      expect(kernel.inspect().actors.map(({ address }) => address)).toEqual(['toy/slow'])
    })
  })

  it('holds no secret', () => {
    const machine = createMachine({ context: ({ input }: { input: unknown }) => ({ input }), on: { TextMessage: { actions: publish(() => ['system', new SpawnActor({ kind: 'toy', id: 'child', options: '{"token":"hunter3"}' })]) } } } as never)
    const harness = start(toy(machine, { options: { token: 'hunter2', open: 'seen' }, secrets: ['token'] }))
    tell('spawn')(harness)
    expect(harness.kernel.inspect().actors).toHaveLength(2)
    const bytes = Buffer.from(Checkpoint.encode(harness.kernel.checkpoint()).finish()).toString('latin1')
    expect(bytes).toContain('seen')
    expect(bytes).not.toContain('hunter')
  })

  it.each([
    ['a function', { deep: { f: () => {} } }, 'context.deep.f', 'a function'],
    ['a Map', { rows: new Map() }, 'context.rows', 'a Map'],
    ['an instance of a class', { list: [1, new TextMessage()] }, 'context.list.1', 'a TextMessage'],
    ['a bigint', { n: 1n }, 'context.n', 'a bigint']
  ])('names the actor and the key where a machine holds %s', (_what, context, key, what) => {
    const harness = start(toy(createMachine({ context: () => context } as never)))
    expect(() => harness.kernel.checkpoint()).toThrow(CheckpointError)
    expect(() => harness.kernel.checkpoint()).toThrow(`toy/main cannot be put into a checkpoint: ${key} is ${what}`)
    expect(() => harness.kernel.checkpoint()).toThrow(expect.objectContaining({ actor: 'toy/main', key }))
    tell('still there')(harness)
  })

  it('names an actor inside a machine, and an event that cannot be written', () => {
    const inside = start(toy(createMachine({ invoke: { id: 'io', src: fromCallback(() => {}) } } as never)))
    expect(() => inside.kernel.checkpoint()).toThrow('children.io is an actor inside the machine')
    const event = start(toy(createMachine({ entry: raise({ type: 'x', at: new Date(0) } as never, { delay: 5 }) } as never)))
    expect(() => event.kernel.checkpoint()).toThrow('timers.at is a Date')
  })

  it('is refused where there is nothing to take, and restored only in place of a start', () => {
    const machine = createMachine({ on: { TextMessage: { actions: publish(() => ['toy/main#x', text('now')]) } } } as never)
    const actors = toy(machine)
    expect(() => make(actors).kernel.checkpoint()).toThrow(KernelNotStartedError)
    let busy: unknown
    const harness: Harness = start(actors, { shell: { deliver: () => { try { harness.kernel.checkpoint() } catch (error) { busy = error } } } })
    tell('go')(harness)
    expect(busy).toBeInstanceOf(ClockBusyError)
    const checkpoint = taken(harness)
    expect(() => harness.kernel.restore(checkpoint)).toThrow(KernelStartedError)
    harness.kernel.stop('done')
    expect(() => harness.kernel.checkpoint()).toThrow(KernelStoppedError)
    expect(() => make(toy(machine, { version: 2 })).kernel.restore(checkpoint)).toThrow(RestoreError)
    expect(() => make([spec(defineActor({ kind: 'other', machine } as ActorDefinition))]).kernel.restore(checkpoint)).toThrow('no definition is of the kind toy')
  })

  it('is refused where a context is no object: XState would copy a text character by character', () => {
    const actors = toy(createMachine({ context: { n: 1 } }))
    const checkpoint = start(actors).kernel.checkpoint()
    for (const context of ['"a text"', '1', 'null', '[]']) {
      const other = new Checkpoint({ ...checkpoint, actors: [new CheckpointActor({ ...checkpoint.actors[0]!, context })] })
      expect(() => make(actors).kernel.restore(other)).toThrow('a context is no object')
    }
  })

  it('that is damaged is refused by name, or restored', () => {
    const harness = start(toy(createMachine({ context: { n: 1 }, after: { 50: { actions: say('x') } }, on: { TextMessage: {} } } as never)))
    tell('a', 'b')(harness)
    const bytes = Checkpoint.encode(harness.kernel.checkpoint()).finish()
    fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
      let checkpoint
      try {
        checkpoint = Checkpoint.decode(Uint8Array.from(bytes, (each, index) => index === at ? byte : each))
      } catch {
        return
      }
      try {
        make(toy(createMachine({ context: { n: 1 }, after: { 50: { actions: say('x') } }, on: { TextMessage: {} } } as never))).kernel.restore(checkpoint)
      } catch (error) {
        expect(error).toBeInstanceOf(RestoreError)
      }
    }), { numRuns: 200 })
  })
})

describe('plain data as text', () => {
  it('is read back as it was', () => {
    const leaf = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constantFrom(null, undefined, NaN, Infinity, -Infinity, -0), fc.uint8Array())
    const key = fc.oneof(fc.string(), fc.constantFrom('$', '__proto__', '0', 'v'))
    const { value } = fc.letrec(tie => ({
      value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map(entries => Object.fromEntries(entries)))
    }))
    fc.assert(fc.property(value, value => {
      const back = parsePlain(plainText(value, 'value'))
      expect(back).toStrictEqual(value)
      expect(plainText(back, 'value')).toBe(plainText(value, 'value'))
    }), { numRuns: 200 })
  })

  it('refuses circles and holes by name', () => {
    const circle: { inner: { again?: object } } = { inner: {} }
    circle.inner.again = circle
    expect(() => plainText(circle, 'circle')).toThrow(NotPlainError)
    expect(() => plainText({ a: Object.assign([], { length: 2 }) }, 'value')).toThrow('value.a is an array with holes or names')
  })

  it('gives a shared object back as itself', () => {
    const options = { a: 1 }
    const back = parsePlain(plainText({ options, other: { a: 1 } }, 'context', options), options) as { options: object; other: object }
    expect(back.options).toBe(options)
    expect(back.other).not.toBe(options)
  })
})

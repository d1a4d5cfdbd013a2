import { describe, expect, it } from '@jest/globals'
import { filter, map, type Subscription } from 'rxjs'
import { Ping, Pong, type Envelope, type MessageClass } from '../../../proto/index.ts'
import { Bus, BusEnvelope, type BusHooks } from '../../../runtime/kernel/index.ts'
import { Queue } from '../../../runtime/kernel/queue.ts'

function rig(hooks: Partial<BusHooks> = {}) {
  const routed: Envelope[] = []
  const reports: unknown[] = []
  const bus = new Bus({ route: envelope => routed.push(envelope), report: (_, error) => reports.push(error), ...hooks })
  let seq = 0
  const post = (to: string, type: MessageClass = Ping, id = ++seq) => bus.run(() => {
    bus.post(BusEnvelope.of({ type: type === Ping ? 'Ping' : 'Pong', seq: id, time: 0, from: 'host', to, cause: 0 }, type, new type({ id })))
  })
  const receiver = (address: string, receive: (envelope: Envelope) => void, listens: string[] = []) => {
    const each = { address, queued: 0, receive }
    bus.attach(each, listens)
    return each
  }
  return { bus, post, receiver, routed, reports }
}

describe('the bus', () => {
  it('delivers to the address, announcements to listeners in the order in which they began, and the rest to the route', () => {
    const { post, receiver, routed } = rig()
    const got: string[] = []
    receiver('a/b', ({ seq }) => got.push(`b${seq}`), ['Ping'])
    receiver('a/a', ({ seq }) => got.push(`a${seq}`), ['Ping', 'Pong'])
    post('a/a')
    post('')
    post('', Pong)
    post('a/none')
    post('peer/x')
    expect(got).toEqual(['a1', 'b2', 'a2', 'a3'])
    expect(routed.map(({ to }) => to)).toEqual(['a/none', 'peer/x'])
  })

  it('lets what is posted from inside a delivery wait its turn', () => {
    const { post, receiver } = rig()
    const got: string[] = []
    receiver('a/a', ({ seq }) => {
      got.push(`<${seq}`)
      if (seq < 3) {
        post('a/a', Ping, seq + 1)
        post('a/a', Ping, seq + 10)
      }
      got.push(`${seq}>`)
    })
    post('a/a', Ping, 1)
    expect(got).toEqual(['<1', '1>', '<2', '2>', '<11', '11>', '<3', '3>', '<12', '12>'])
  })

  it('survives a chain of 100,000 without growing the stack', () => {
    const { post, receiver } = rig({ maxDrain: 200_000 })
    let last = 0
    receiver('a/a', ({ seq }) => {
      last = seq
      if (seq < 100_000) post('a/a', Ping, seq + 1)
    })
    post('a/a', Ping, 1)
    expect(last).toBe(100_000)
  })

  it('passes over a listener that stops while an announcement goes round', () => {
    const { bus, post, receiver } = rig()
    const got: string[] = []
    receiver('a/a', () => {
      got.push('a')
      bus.detach(b, ['Ping'])
    }, ['Ping'])
    const b = receiver('a/b', () => got.push('b'), ['Ping'])
    receiver('a/c', () => got.push('c'), ['Ping'])
    post('')
    expect(got).toEqual(['a', 'c'])
  })

  it('offers Observables by type, by address and of all, on which rxjs operators work', () => {
    const { bus, post, receiver } = rig()
    const got: string[] = []
    receiver('a/a', () => got.push('actor'), ['Ping'])
    bus.of(Ping).pipe(filter(({ body }) => body.id > 1), map(({ body }) => body.id * 10)).subscribe(id => got.push(`of ${id}`))
    bus.to('a/a').subscribe(({ type }) => got.push(`to ${type}`))
    bus.all.subscribe(({ seq }) => got.push(`all ${seq}`))
    post('')
    post('a/a')
    post('a/a', Pong)
    post('peer/x')
    expect(got).toEqual(['actor', 'all 1', 'actor', 'of 20', 'to Ping', 'all 2', 'actor', 'to Pong', 'all 3', 'of 40', 'all 4'])
  })

  it('is not disturbed by subscribers that throw, and reports them', () => {
    const { bus, post, reports } = rig()
    const got: number[] = []
    const boom = () => { throw new Error('mine') }
    bus.of(Ping).subscribe(boom)
    bus.of(Ping).pipe(map(boom)).subscribe(() => {})
    bus.all.pipe(map(envelope => envelope.seq)).subscribe(boom)
    bus.of(Ping).subscribe({ next: boom })
    bus.of(Ping).subscribe(({ seq }) => got.push(seq))
    post('')
    post('')
    expect(got).toEqual([1, 2])
    // The one whose operator threw is unsubscribed, as rxjs has it.
    expect(reports).toHaveLength(7)
  })

  it('lets subscribers come and go while it delivers', () => {
    const { bus, post } = rig()
    const got: string[] = []
    let second: Subscription | undefined
    const first = bus.of(Ping).subscribe(({ seq }) => {
      got.push(`first ${seq}`)
      second ??= bus.of(Ping).subscribe(each => got.push(`second ${each.seq}`))
      if (seq === 2) first.unsubscribe()
    })
    post('')
    post('')
    post('')
    second?.unsubscribe()
    post('')
    expect(got).toEqual(['first 1', 'first 2', 'second 2', 'second 3'])
  })

  it('completes every Observable when it closes, and later ones at once', () => {
    const { bus } = rig()
    const got: string[] = []
    bus.of(Ping).subscribe({ complete: () => got.push('of') })
    bus.to('a/a').pipe(map(String)).subscribe({ complete: () => got.push('to') })
    bus.close()
    bus.all.subscribe({ complete: () => got.push('all') })
    expect(got).toEqual(['of', 'to', 'all'])
  })

  it('names the delivery that is one too many, and goes on', () => {
    const caught: number[] = []
    const { post, receiver } = rig({ maxDrain: 100, runaway: ({ seq }) => {
      caught.push(seq)
      return 'drop'
    } })
    receiver('a/a', ({ seq }) => post('a/a', Ping, seq + 1))
    post('a/a', Ping, 1)
    expect(caught).toEqual([101])
  })

  it('delivers one that is one too many where it is told to, and asks again', () => {
    const caught: number[] = []
    const got: number[] = []
    const verdicts = ['next', 'next', 'pass', 'drop'] as const
    const { post, receiver } = rig({ maxDrain: 100, runaway: ({ seq }) => {
      caught.push(seq)
      return verdicts[caught.length - 1]!
    } })
    receiver('a/a', ({ seq }) => {
      got.push(seq)
      post('a/a', Ping, seq + 1)
    })
    post('a/a', Ping, 1)
    expect(caught).toEqual([101, 102, 103, 204])
    expect(got).toHaveLength(203)
  })
})

describe('the queue', () => {
  it('keeps its order while it grows and wraps, and gives its memory back', () => {
    const queue = new Queue<number>()
    let next = 0
    let expected = 0
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 97; i++) queue.push(next++)
      for (let i = 0; i < 61; i++) if (queue.shift() !== expected++) throw new Error(`out of order at ${expected}`)
    }
    expect(queue.toArray()).toHaveLength(queue.size)
    expect(queue.toArray()[0]).toBe(expected)
    while (queue.size > 0) if (queue.shift() !== expected++) throw new Error(`out of order at ${expected}`)
    expect(expected).toBe(next)
    expect(queue.shift()).toBeUndefined()
  })
})

import { describe, expect, it } from '@jest/globals'
import { LinksChanged, Ping, SpawnActor, SpawnFailed, Stop, StopActor, TextMessage } from '../../../proto/index.ts'
import { KernelStoppedError } from '../../../runtime/kernel/index.ts'
import { codecs, leftovers, spec, start, type Harness } from './harness.ts'
import { echo, polite, puppet, ticker } from './toys.ts'

const stops = (h: Harness) => h.shell.filter(line => line.startsWith('stop')).map(line => line.slice(5))

describe.each(codecs)('an ordered stop, codec %s', codec => {
  it('goes in reverse order of the start, one after another, children first and side by side', () => {
    const h = start([
      spec(polite, { id: 'first', options: { lingerMs: 100 } }),
      spec(polite, { id: 'second', options: { lingerMs: 50, spawn: 'x y' } }),
      spec(ticker)
    ], { codec })
    h.kernel.stop('enough')
    expect(stops(h)).toEqual(['ticker/main'])
    h.kernel.advanceTo(49)
    expect(h.types(Stop).map(({ to }) => to)).toEqual(['system', 'polite/y', 'polite/x'])
    h.kernel.advanceTo(50)
    expect(stops(h)).toEqual(['ticker/main', 'polite/y', 'polite/x'])
    expect(h.types(Stop).at(-1)?.to).toBe('polite/second')
    h.kernel.advanceTo(100)
    expect(stops(h).at(-1)).toBe('polite/second')
    expect(h.kernel.stopped).toBe(false)
    h.kernel.advanceTo(1_000)
    expect(stops(h).at(-1)).toBe('polite/first')
    expect(h.kernel.stopped).toBe(true)
    expect(h.taps.at(-1)).toEqual({ record: 'stopped', bytes: '200' })
    expect(leftovers(h)).toEqual({ actors: 0, timers: 0, queued: 0, receivers: 2, watches: 0 })
  })

  it('passes the reason on, with the cause', () => {
    const h = start([spec(polite)], { codec })
    h.kernel.stop('going home')
    const [asked, told] = h.types(Stop)
    expect(told).toMatchObject({ to: 'polite/main', from: 'system', cause: asked?.seq, body: { reason: 'going home' } })
  })

  it('does not wait longer than its time', () => {
    const h = start([spec(polite, { options: { lingerMs: -1 } })], { codec, limits: { stopTimeoutMs: 700 } })
    h.kernel.stop('enough')
    h.kernel.advanceTo(699)
    expect(h.kernel.stopped).toBe(false)
    h.kernel.advanceTo(700)
    expect(h.kernel.stopped).toBe(true)
    expect(h.seen.at(-1)).toBe('system> ActorStopped {"address":"polite/main","reason":"did not stop in time"}')
  })

  it('does not wait for one whose state does not know Stop', () => {
    const h = start([spec(polite, { options: { lingerMs: -1 } })], { codec })
    h.host(new StopActor({ address: 'polite/main', reason: 'once' }), 'system')
    h.kernel.advanceTo(10)
    h.host(new Stop(), 'polite/main')
    h.kernel.advanceTo(20)
    expect(h.kernel.inspect().actors).toMatchObject([{ status: 'stopping' }])
    expect(h.seen.at(-1)).toContain('"reason":"not-handled"')
  })

  it('of one subtree leaves the others alone, and frees the address', () => {
    const h = start([spec(polite, { id: 'a', options: { spawn: 'x' } }), spec(polite, { id: 'b' })], { codec })
    h.host(new StopActor({ address: 'polite/a', reason: 'enough' }), 'system')
    h.host(new SpawnActor({ kind: 'polite', id: 'a' }), 'system')
    expect(h.types(SpawnFailed)).toMatchObject([{ body: { code: 'address-taken' } }])
    h.kernel.advanceTo(100)
    expect(h.kernel.inspect().actors.map(({ address }) => address)).toEqual(['polite/b'])
    h.host(new SpawnActor({ kind: 'polite', id: 'a' }), 'system')
    expect(h.kernel.inspect().actors.map(({ address }) => address)).toEqual(['polite/b', 'polite/a'])
  })

  it('of an address that holds nobody is done already', () => {
    const h = start([spec(echo)], { codec })
    h.host(new StopActor({ address: 'echo/none' }), 'system')
    expect(h.kernel.inspect()).toMatchObject({ actors: [{ status: 'running' }], deadLetters: 0 })
  })

  it('may be asked for twice, and by the host only', () => {
    const h = start([spec(polite)], { codec })
    h.driver(new Stop(), 'polite/main#link', 'system')
    expect(h.kernel.inspect().deadLetters).toBe(1)
    h.kernel.stop('one')
    h.kernel.stop('two')
    h.kernel.advanceTo(100)
    expect(h.kernel.stopped).toBe(true)
    h.kernel.stop('three')
    expect(h.taps.filter(({ record }) => record === 'stopped')).toHaveLength(1)
  })

  it('refuses to spawn meanwhile', () => {
    const h = start([spec(polite), spec(puppet, { spawns: [echo] })], { codec })
    h.kernel.stop('enough')
    h.host(new SpawnActor({ kind: 'echo', id: 'late' }), 'system')
    expect(h.types(SpawnFailed)).toMatchObject([{ body: { code: 'stopping' } }])
  })

  it('goes on when an actor fails meanwhile, without restarting it', () => {
    const h = start([spec(polite), spec(echo)], { codec })
    h.kernel.bus.of(Stop).subscribe(({ to }) => {
      if (to === 'system') h.host(new TextMessage({ text: 'boom' }), 'echo/main')
    })
    h.host(new TextMessage({ text: 'boom' }), 'echo/main')
    h.kernel.stop('enough')
    h.kernel.advanceTo(1_000)
    expect(h.kernel.stopped).toBe(true)
    expect(h.shell.filter(line => line === 'start echo/main')).toHaveLength(1)
  })

  it('says so once to each listener, completes the Observables, and then nothing comes in', () => {
    const h = start([spec(ticker)], { codec })
    const heard: string[] = []
    h.kernel.onStopped(() => heard.push('a'))
    h.kernel.onStopped(() => { throw new Error('mine') })
    h.kernel.onStopped(() => heard.push('never'))()
    h.kernel.bus.of(LinksChanged).subscribe({ complete: () => heard.push('complete') })
    h.kernel.stop('enough')
    h.kernel.onStopped(() => heard.push('late'))
    expect(heard).toEqual(['complete', 'a', 'late'])
    expect(h.reports).toMatchObject([{ where: 'host' }])
    expect(() => h.host(new Ping(), 'ticker/main')).toThrow(KernelStoppedError)
    h.kernel.advanceTo(10_000)
    expect(h.types(LinksChanged)).toEqual([])
  })

  it('announces the dead letters that it still held back', () => {
    const h = start([spec(echo)], { codec })
    for (let i = 0; i < 5; i++) h.host(new Ping(), 'echo/none')
    h.kernel.stop('enough')
    expect(h.seen.at(-1)).toBe('system> DeadLetter {"type":"Ping","from":"host","to":"echo/none","reason":"no-actor","count":4}')
    expect(leftovers(h)).toMatchObject({ timers: 0 })
  })

  it('of a thousand generations, or ten thousand siblings, does not exhaust the stack', () => {
    const deep = start([spec(puppet, { id: '0', spawns: [ticker] })], { codec, watch: false, tap: false })
    for (let i = 1; i <= 1_000; i++) deep.host(new TextMessage({ text: `spawn puppet ${i}` }), `puppet/${i - 1}`)
    expect(deep.kernel.inspect().actors).toHaveLength(1_001)
    deep.kernel.stop('enough')
    expect(deep.kernel.stopped).toBe(true)
    const wide = start([spec(puppet, { spawns: [ticker] })], { codec, watch: false, tap: false })
    for (let i = 0; i < (codec === 'lazy' ? 10_000 : 1_000); i++) wide.host(new SpawnActor({ kind: 'ticker', id: String(i) }), 'system')
    wide.kernel.stop('enough')
    expect(leftovers(wide)).toMatchObject({ actors: 0, timers: 0, receivers: 2 })
  })
})

import { beforeAll, describe, expect, it } from '@jest/globals'
import { TextMessage } from '../../../proto/index.ts'
import { createPeer } from '../../../runtime/index.ts'
import { joinLogs } from '../../../runtime/log/index.ts'
import { joinCommand } from '../../../runtime/log/join-command.ts'
import { actorsAt, compareMachines, formatDifferences, logMatchers, readLog } from '../../../runtime/testing/index.ts'
import { checkpointOf, streams, until } from './kept.ts'
import { registry, scratch } from './samples.ts'

expect.extend(logMatchers)

const dir = scratch()

describe('the logs of two peers, one of which keeps its last second', () => {
  let ann: string
  let bob: string
  /** What the longest moment took in which neither was served, in milliseconds: their clocks may go on from different times after it. */
  let heldUp = 0

  beforeAll(async () => {
    [ann, bob] = [dir.path('ann'), dir.path('bob')]
    const network = `kept-${process.pid}-${Math.random()}`
    const peers = [['ann', { file: ann, keep: '1s' }], ['bob', bob]].map(([name, record]) => createPeer({
      name: name as string, network, record: record as string, interfaces: ['loopback'], log: 'silent', tune: { 'peer-connection': { keepAliveIntervalMs: 150 } }
    }))
    try {
      await Promise.all(peers.map(peer => peer.start()))
      let told = 0
      let up = Infinity
      let last = performance.now()
      await until(() => {
        heldUp = Math.max(heldUp, performance.now() - last)
        last = performance.now()
        const linked = peers.every(peer => peer.links.value.length > 0)
        if (linked) up = Math.min(up, performance.now())
        if (linked) for (const peer of peers) peer.broadcast(new TextMessage({ text: `line ${told++}` }))
        // What is kept is at most 1.5 s long.
        return performance.now() - up > 3_000 && told % 20 === 0 && checkpointOf(ann)?.actors.some(({ kind }) => kind === 'peer-connection') === true
      }, 30_000)
    } finally {
      for (const peer of peers) await peer.stop()
    }
  }, 180_000)

  it('replay, and show every actor at any moment', async () => {
    await expect(ann).toReplay()
    const reader = readLog(ann)
    const [first] = reader
    if (first?.kind === 'stopped' || first === undefined) throw new Error('an empty log')
    const there = actorsAt(ann, first.envelope.seq).map(({ address }) => address)
    for (const { kind, id } of reader.checkpoint!.actors) expect(there).toContain(`${kind}/${id}`)
    expect(ann).toReach('peer-connection/*', ['secured.enhanced', 'closed'])
    expect(formatDifferences(await compareMachines(ann))).toMatch(/^no differences/)
  })

  it('make one picture, in which what was sent before one begins is not lost', async () => {
    for (const [files, place] of [[[ann, bob], 0], [[bob, ann], 1]] as const) {
      const { peers, rows } = joinLogs(files, { registry })
      const kept = peers[place]!
      expect(kept.begin - kept.zero).toBe(checkpointOf(ann)!.time)
      expect(peers[1 - place]!.begin).toBe(peers[1 - place]!.zero)
      // One machine, one clock.
      expect(peers.map(({ correctionMs }) => Math.abs(correctionMs) < 50 + heldUp)).toEqual([true, true])
      const texts = rows.filter(({ envelope }) => envelope.type === 'TextMessage')
      const [early, late] = [texts.filter(({ time }) => time < kept.begin - 100), texts.filter(({ time }) => time > kept.begin + 100)]
      expect(early.length).toBeGreaterThan(0)
      for (const { message } of early) expect(message).toMatchObject({ toPeerId: '*', before: true })
      expect(late.length).toBeGreaterThan(10)
      const took = late.map(({ time, message }) => message?.arrived && message.arrived.time - time).filter(ms => ms !== undefined)
      expect(took.length).toBeGreaterThan(late.length - 10)
      expect(Math.max(...took)).toBeLessThan(500 + heldUp)
    }
    const text = streams()
    expect(await joinCommand([ann, bob], text, { width: 100 })).toBe(0)
    expect(text.out.text).toMatch(/^# ann \w{16}, from \d\.\d{3} s on, its log from \d+\.\d{3} s on\b/)
    expect(text.out.text).toContain('(before the log of all) ')
    const diagram = streams()
    await joinCommand([ann, bob], diagram, { mermaid: true })
    expect(diagram.out.text).toContain('p1->>p0: TextMessage')
    // What went over the link's own driver is known by the link that the checkpoint names.
    expect(joinLogs([ann, bob], { registry }).rows.filter(({ envelope: { type }, message }) => type === 'Disconnect' && message?.arrived !== undefined).length).toBeGreaterThan(0)
  })
})

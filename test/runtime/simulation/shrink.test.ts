import { describe, expect, it, jest } from '@jest/globals'
import { faultsOf, NoFailureError, sceneOf, shrink, simulate, Simulation, usualFaults, type InvariantMaker, type OwnFault } from '../../../runtime/simulation/index.ts'
import { reduced } from '../../../runtime/simulation/reduce.ts'

/** Tens of runs, on whatever machine. */
jest.setTimeout(180_000)

/** A rule that a network with crashes breaks: nobody loses power. */
const powered: InvariantMaker = () => ({
  name: 'powered',
  lifeEnded: (view, peer, how) => {
    if (how === 'power') view.violated(`${peer.name} lost its power`)
  }
})

const options = { peers: 6, seconds: 20, seed: 3, faults: { ...usualFaults, crash: { ...usualFaults.crash, perPeerHour: 120 } }, invariants: [powered] }

describe('a failing run', () => {
  it('is shrunk to what it needs: one peer, one event, and no more time than that takes', async () => {
    const { options: small, scene, violation, story } = await shrink({ options, invariant: 'powered' })
    expect(small.schedule).toHaveLength(1)
    expect(small.schedule![0]).toMatchObject({ do: 'crash', power: true })
    expect(small.only?.length ?? small.peers).toBe(1)
    expect(small.seconds).toBe(Math.ceil(violation.atMs / 1_000))
    expect(faultsOf(small.faults)).toEqual(faultsOf({}))
    expect(story.lines.map(({ what }) => what)).toEqual(['starts', 'loses power', `powered: ${violation.message}`])
    expect((await simulate({ ...JSON.parse(JSON.stringify(scene)), invariants: [powered] })).violations).toContainEqual(violation)
  })

  it('is shrunk in the same way each time, and within the runs that are allowed', async () => {
    const seen: number[] = []
    const [one, two] = [
      await shrink({ options, invariant: 'powered' }, { runs: 12, progress: ({ runs, peers, events }) => seen.push(runs, peers, events) }),
      await shrink({ options, invariant: 'powered' }, { runs: 12 })
    ]
    expect([two.scene, two.story.log]).toEqual([one.scene, one.story.log])
    expect(one.runs).toBeLessThanOrEqual(12)
    expect(seen.slice(0, 1)).toEqual([2])
    const first = await shrink({ options, invariant: 'powered' }, { seconds: 0 })
    expect(first.runs).toBe(1)
    expect(sceneOf(first.options).only).toBeUndefined()
  })

  it('that does not fail is an error that says what to give', async () => {
    await expect(shrink({ options, invariant: 'others-only' })).rejects.toThrow(NoFailureError)
    await expect(shrink({ options, invariant: 'others-only' })).rejects.toThrow("'others-only' holds in this run: give shrink() the options")
  })

  it('of one subnet among many is shrunk alone', async () => {
    const bad: InvariantMaker = () => ({ name: 'bad', output: (view, peer, { type }) => {
      if (type === 'PeerVerified' && peer.name === 'peer-5') view.violated(`${peer.name} is verified`)
    } })
    const { scene, violation } = await shrink({ options: { peers: 9, seconds: 5, seed: 2, topology: { peersPerSubnet: 3 }, invariants: [bad] }, invariant: 'bad' })
    expect(scene).toMatchObject({ island: 1, topology: { peersPerSubnet: 3 } })
    expect(violation.message).toBe('peer-5 is verified')
  })

  it("keeps a host program's fault only where it is needed", async () => {
    const full: OwnFault = { name: 'disk/full', perPeerHour: 240, begin: peer => peer.machine.disk.write('full', new Uint8Array()) }
    const space: InvariantMaker = () => ({ name: 'space', check: view => view.peers.find(({ machine }) => machine.disk.read('full') !== undefined)?.name })
    const { scene } = await shrink({ options: { ...options, ownFaults: [full], invariants: [space] }, invariant: 'space' })
    expect(scene.schedule).toMatchObject([{ do: 'disk/full' }])
  })
})

describe('the story of a failing run', () => {
  it('names peers and messages, and marks what is lost', async () => {
    const lonely: InvariantMaker = () => ({
      name: 'lonely',
      output: (view, peer, { type, body }) => {
        if (type === 'PeerDisconnected' && (body as { code: string }).code === 'keepalive-timeout') view.violated(`${peer.name} is alone`)
      }
    })
    const schedule = [{ atMs: 3_000, do: 'partition', away: [1], oneWay: false, ms: 60_000 }] as const
    const { story } = await shrink({ options: { peers: 2, seconds: 30, seed: 1, schedule, invariants: [lonely] }, invariant: 'lonely' })
    expect(story.diagram).toMatch(/^sequenceDiagram\n {2}participant p0 as peer-0\n {2}participant p1 as peer-1\n/)
    expect(story.diagram).toMatch(/ {2}p[01]->>p[01]: \d+\.\d{3} s {2}Identify\n/m)
    expect(story.diagram).toMatch(/ {2}p[01]-xp[01]: \d+\.\d{3} s {2}Announcement \(cut off\)/)
    expect(story.diagram).toContain('  Note over p0,p1: 3.000 s  cut off for 60000 ms: peer-1\n')
    expect(story.diagram).not.toMatch(/[#;](?!\d+;)(?<!#\d+;)/)
    expect(story.log).toMatch(/ s {2}peer-[01] ✗ peer-[01] {5}Announcement \(cut off\)/)
    expect(story.messages).toBeLessThan(200)
  })
})

describe('the trace of a subnet among many', () => {
  it('calls peers by their names in the whole network', () => {
    const schedule = [{ atMs: 100, do: 'partition', away: [1], oneWay: false, ms: 1_000 }] as const
    const simulation = new Simulation({ peers: 2, island: 1, topology: { peersPerSubnet: 2 }, schedule })
    const { records } = simulation.trace()
    simulation.begin()
    simulation.runFor(200)
    expect(simulation.peers.map(({ name }) => name)).toEqual(['peer-2', 'peer-3'])
    expect(records).toContainEqual(expect.objectContaining({ text: 'cut off for 1000 ms: peer-3' }))
  })
})

describe('the smallest part of a list that fails', () => {
  it.each([[[3]], [[0, 99]], [[7, 8, 50]], [[]]])('is found: %j', async needed => {
    const tries: number[] = []
    const left = await reduced(Array.from({ length: 100 }, (_, index) => index), async part => {
      tries.push(part.length)
      return needed.every(item => part.includes(item))
    })
    expect(left).toEqual(needed)
    expect(tries.length).toBeLessThan(100)
  })
})

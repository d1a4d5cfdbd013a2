import { randomBytes } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { fileTransfer } from '../../../actors/file-transfer/index.ts'
import { ShareFile, TransferDone, TransferFailed, type Message } from '../../../proto/index.ts'
import { Simulation, type Invariant, type SimulateOptions } from '../../../runtime/simulation/index.ts'

const transfer = fileTransfer({ inbox: '/inbox' })

function network(options: SimulateOptions = {}): { simulation: Simulation; told: Message[] } {
  const told: Message[] = []
  const listener: Invariant = {
    name: 'listener',
    output(_view, _peer, { body }) {
      if (body instanceof TransferDone || body instanceof TransferFailed) told.push(body)
    }
  }
  return { simulation: new Simulation({ peers: 3, seed: 2, actors: () => [transfer], invariants: [listener], ...options }), told }
}

describe('files in a simulated network', () => {
  it('arrive at several peers, byte for byte, at the bandwidth of the links', () => {
    const { simulation, told } = network({ faults: { bandwidth: 1_000_000 } })
    const [ann, bob, cyd] = simulation.peers
    const content = randomBytes(3_000_000)
    ann!.machine.disk.write('/gift', content)
    simulation.runFor(6_000)
    ann!.input(new ShareFile({ path: '/gift', peerIds: [bob!.peerId, cyd!.peerId] }), 'file-share/main')
    simulation.runFor(2_500)
    expect(told).toEqual([])
    simulation.runFor(2_500)
    expect(told).toHaveLength(4)
    for (const { machine } of [bob!, cyd!]) expect(Buffer.compare(machine.disk.read('/inbox/gift')!, content)).toBe(0)
    expect(bob!.machine.disk.list().filter(path => path.endsWith('.part'))).toEqual([])
    expect(simulation.violations).toEqual([])
  })

  it('fail on the sender when there is none, and on both when the receiver dies', () => {
    const { simulation, told } = network({ faults: { bandwidth: 100_000 } })
    const [ann, bob] = simulation.peers
    simulation.runFor(6_000)
    ann!.input(new ShareFile({ path: '/none', peerIds: [bob!.peerId] }), 'file-share/main')
    simulation.runFor(100)
    expect(told).toMatchObject([{ code: 'no-file' }])
    ann!.machine.disk.write('/gift', new Uint8Array(5_000_000))
    ann!.input(new ShareFile({ path: '/gift', peerIds: [bob!.peerId] }), 'file-share/main')
    simulation.runFor(2_000)
    bob!.crash('exit')
    simulation.runFor(1_000)
    expect(told).toHaveLength(2)
    expect(told[1]).toBeInstanceOf(TransferFailed)
  })
})

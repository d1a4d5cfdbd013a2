import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { linkKeeper } from '../../../actors/link-keeper/index.ts'
import { DiscoveryStarted, Endpoint, InboundSecured, PeerHeard } from '../../../proto/index.ts'
import { formatDivergence, Kernel, logHeader, LogWriter, Replay, replay } from '../../../runtime/testing/index.ts'
import { orders, puppet, record, seed } from './puppet.ts'
import { scratch, unpack } from './samples.ts'

const dir = scratch()

describe('p2pnet/testing', () => {
  it('replays the actors of the library without being told of them', async () => {
    const actors = [linkKeeper({ peerId: 'b'.repeat(52), network: '00'.repeat(16) })]
    const writer = new LogWriter(dir.path('own'), logHeader({ seed, actors, wallTime: 0, peerId: '', name: '' }))
    const kernel = new Kernel({ seed, actors, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
    kernel.start()
    kernel.input(new DiscoveryStarted(), { from: 'host' })
    const endpoints = [new Endpoint({ host: '127.0.0.1', port: 9 })]
    kernel.input(new PeerHeard({ peerId: 'c'.repeat(52), via: 'static', endpoints, acceptsInbound: true }), { from: 'host' })
    kernel.input(new InboundSecured({ handle: 'in-1', peerId: 'a'.repeat(52), linkId: 'x', remote: endpoints[0]! }), { from: 'listener/main#tcp', to: 'link-keeper/main' })
    kernel.advanceTo(300_000)
    kernel.stop('done')
    kernel.advanceTo(400_000)
    await writer.close()
    const result = await replay(writer.path)
    expect(result.divergence && formatDivergence(result.divergence)).toBeUndefined()
    expect(result).toMatchObject({ differences: 0, ending: 'stopped' })
    expect(result.outputs).toBeGreaterThan(10)
  })

  it('replays the actors of a host program, and lets one look inside at any message', async () => {
    const { path } = await record(dir.path('host'), { seed, orders })
    expect((await replay(path, { definitions: [puppet] })).differences).toBe(0)
    const steps = unpack(readFileSync(path)).flat().filter(({ input, nested }) => input != null && !nested)
    const run = new Replay(path, { definitions: [puppet] })
    let seen = 0
    while (run.step()) {
      if (run.next?.kind === 'input' && run.next.envelope.seq === steps[seen]?.input?.seq) seen++
      if (run.kernel.clock.now() >= 15) break
    }
    expect(seen).toBeGreaterThan(3)
    expect(run.kernel.inspect().actors.find(({ address }) => address === 'puppet/a')?.state).toBe('waiting')
    run.close()
  })
})

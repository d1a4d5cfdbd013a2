import { describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { filter, firstValueFrom, take, toArray } from 'rxjs'
import { definitions, generateIdentity } from '../../../actors/index.ts'
import { ActorStarted, DriverFailed, InboundQueued, InboundReopened, NameChanged, PolicyChanged, RoutineDue } from '../../../proto/index.ts'
import { createPeer, type Peer } from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'
import { at, folder, linked, network, ownNetworks, peer, peers } from './policy-peers.ts'

ownNetworks()

const bob = generateIdentity().peerId

/** An actor of the peer fails; resolves when it has started again. */
async function fail(one: Peer, address: string): Promise<void> {
  const again = firstValueFrom(one.bus.of(ActorStarted).pipe(filter(({ body }) => body.address === address)))
  one.publish(new DriverFailed({ driver: `${address}#any`, error: 'told to' }), { to: 'system' })
  await again
}

describe('an actor that failed and is restarted', () => {
  it('keeps the policy of now, not that of the start; the log replays', async () => {
    const record = join(folder, 'policy-keeper.p2plog')
    const ann = await peer('ann', { record, policy: { blocked: ['192.0.2.1'] } })
    ann.unblock('192.0.2.1')
    ann.block('192.0.2.2')
    ann.setPolicy({ inboundQueueLimit: 7 })
    const told: PolicyChanged[] = []
    ann.bus.of(PolicyChanged).subscribe(({ to, body }) => { if (to === '') told.push(body) })
    const said = firstValueFrom(ann.bus.of(PolicyChanged).pipe(filter(({ to }) => to === '')))
    await fail(ann, 'policy-keeper/main')
    await said
    expect(told.map(({ policy }) => policy)).toMatchObject([{ blocked: ['192.0.2.2'], inboundQueueLimit: 7 }])
    ann.block('192.0.2.3')
    expect(ann.policy).toMatchObject({ blocked: ['192.0.2.2', '192.0.2.3'], inboundQueueLimit: 7 })
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })

  it('is asked again for what the program asked while it was down, but not for what it failed at; the log replays', async () => {
    const record = join(folder, 'down.p2plog')
    const ann = await peer('ann', { record })
    const started = firstValueFrom(ann.bus.of(PolicyChanged).pipe(filter(({ to, body }) => to === '' && body.policy?.blocked?.includes('192.0.2.2') === true)))
    ann.bus.of(RoutineDue).subscribe(() => {
      ann.block('192.0.2.1')
      ann.publish(new DriverFailed({ driver: 'policy-keeper/main#any', error: 'told to' }), { to: 'system' })
      ann.block(bob)
    })
    ann.publish(new RoutineDue({ name: 'none' }))
    ann.block('192.0.2.2')
    ann.rename('ann the second')
    const renamed = firstValueFrom(ann.bus.of(NameChanged))
    expect(ann.name).toBe('ann the second')
    expect(ann.policy.blocked).toEqual(['192.0.2.1', bob, '192.0.2.2'])
    await started
    expect((await renamed).body.name).toBe('ann the second')
    expect(ann.policy.blocked).toEqual(['192.0.2.1', bob, '192.0.2.2'])
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })

  it('has all who waited in its queue wait again, in their order, and takes them; the log replays', async () => {
    const record = join(folder, 'inbound-queue.p2plog')
    const ann = await peer('ann', { record, policy: { inboundPlacement: 'queue', inboundQueueLimit: 2 } })
    const callers: Peer[] = []
    for (const name of ['bob', 'cid']) {
      const caller = createPeer({ name, network, lan: false, inbound: false, peers: [at(ann)] })
      peers.push(caller)
      callers.push(caller)
      const queued = firstValueFrom(ann.bus.to('host').pipe(filter(({ body }) => body instanceof InboundQueued)))
      await caller.start()
      await queued
    }
    const waiting = callers.map(({ peerId }) => peerId)
    const reopened = firstValueFrom(ann.bus.of(InboundReopened))
    const again = firstValueFrom(ann.bus.to('host').pipe(filter(({ body }) => body instanceof InboundQueued), take(2), toArray()))
    await fail(ann, 'inbound-queue/main')
    await reopened
    expect((await again).map(({ body }) => (body as InboundQueued).peerId)).toEqual(waiting)
    expect(ann.inbound.waiting.map(({ peerId }) => peerId)).toEqual(waiting)
    for (const caller of callers) {
      const open = linked(ann, caller)
      expect(ann.inbound.take()).toMatchObject({ peerId: caller.peerId })
      await open
    }
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })
})

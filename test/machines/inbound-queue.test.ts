import { describe, expect, it } from '@jest/globals'
import { inboundQueueMachine } from '../../machines/inbound-queue.ts'
import { RESUMES } from '../../machines/resume.ts'
import { verifyQueueMachine } from '../../machines/verify-queue.ts'
import { defaultPolicy, toPolicyValue } from '../../machines/policy.ts'
import { InboundPlaced, InboundReopened, InboundTaken, PlaceInbound, PolicyChanged, TakeInbound, Terminated } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'

const queue = (inboundQueueLimit = 2) => new MachineRun(inboundQueueMachine, { address: 'inbound-queue/main', options: { inboundPlacement: 'queue', inboundQueueLimit } })
const place = (run: MachineRun, name: string) => run.hear(new PlaceInbound({ peerId: name, linkId: `link-${name}` }), `verify-queue/${name}`)

describe('the inbound queue', () => {
  it('lets each wait, tells the host program alone, and refuses who does not fit, by name', () => {
    const run = queue()
    place(run, 'ann')
    expect(run.take()).toMatchObject([
      { to: 'verify-queue/ann', type: 'InboundPlaced', body: { code: '' } }, { to: 'system', type: 'Watch', body: { address: 'verify-queue/ann' } },
      { to: 'host', type: 'InboundQueued', body: { peerId: 'ann', linkId: 'link-ann' } }
    ])
    place(run, 'bob')
    run.take()
    place(run, 'cid')
    expect(run.take()).toMatchObject([{ to: 'verify-queue/cid', type: 'InboundPlaced', body: { code: 'queue-full' } }])
    run.hear(new TakeInbound({ linkId: 'link-ann' }), 'host')
    expect(run.take()).toMatchObject([{ to: 'verify-queue/ann', type: 'InboundTaken', body: { refused: false } }, { to: 'host', type: 'InboundLeft', body: { linkId: 'link-ann' } }])
    place(run, 'cid')
    expect(run.take()[0]).toMatchObject({ to: 'verify-queue/cid', body: { code: '' } })
  })

  it('forgets who is gone, and takes nobody twice', () => {
    const run = queue()
    place(run, 'ann')
    run.take()
    run.hear(new Terminated({ address: 'verify-queue/ann' }), 'system')
    expect(run.take()).toMatchObject([{ to: 'host', type: 'InboundLeft' }])
    run.hear(new TakeInbound({ linkId: 'link-ann' }), 'host')
    run.hear(new Terminated({ address: 'verify-queue/ann' }), 'system')
    expect(run.take()).toEqual([])
  })

  it('holds nobody whose link came just before the policy said event', () => {
    const run = queue()
    run.hear(new PolicyChanged({ policy: toPolicyValue(defaultPolicy) }))
    place(run, 'ann')
    expect(run.take()).toMatchObject([{ to: 'verify-queue/ann', type: 'InboundPlaced', body: { code: '' } }, { to: 'verify-queue/ann', type: 'InboundTaken', body: { refused: false } }])
  })

  it('that failed has those who wait place themselves again, each once, though there is room for fewer by now', () => {
    const run = new MachineRun(inboundQueueMachine, { incarnation: 1, flags: [RESUMES] })
    expect(run.take()).toMatchObject([{ to: '', type: 'InboundReopened' }])
    run.hear(new PolicyChanged({ policy: toPolicyValue({ ...defaultPolicy, inboundPlacement: 'queue', inboundQueueLimit: 1 }) }), 'system')
    for (const name of ['ann', 'bob', 'ann']) run.hear(new PlaceInbound({ peerId: name, linkId: `link-${name}`, again: true }), `verify-queue/${name}`)
    place(run, 'bob')
    place(run, 'cid')
    expect(run.of('InboundQueued').map(({ body }) => body.peerId)).toEqual(['ann', 'bob'])
    expect(run.of('InboundPlaced').map(({ to, body }) => [to, body.code])).toEqual([
      ['verify-queue/ann', ''], ['verify-queue/bob', ''], ['verify-queue/ann', ''], ['verify-queue/bob', ''], ['verify-queue/cid', 'queue-full']
    ])
  })

  it.each([['before it was', true], ['after it was', false]])('places a peer again that waits %s told of its place', (_, early) => {
    const run = new MachineRun(verifyQueueMachine, { address: 'verify-queue/ann', parent: 'peer-connection/ann', options: { peerId: 'ann', linkId: 'link-ann', direction: 'in' } })
    if (!early) run.hear(new InboundPlaced(), 'inbound-queue/main')
    run.take()
    run.hear(new InboundReopened(), 'inbound-queue/main')
    expect(run.take()).toMatchObject([{ to: 'inbound-queue/main', type: 'PlaceInbound', body: { peerId: 'ann', linkId: 'link-ann', again: !early } }])
    run.hear(new InboundPlaced(), 'inbound-queue/main')
    run.hear(new InboundPlaced(), 'inbound-queue/main')
    expect(run.of('StepPending')).toHaveLength(early ? 1 : 0)
    run.hear(new InboundTaken(), 'inbound-queue/main')
    expect(run.take().at(-1)).toMatchObject({ type: 'StepPassed' })
  })

  it('announces besides where the policy says both, and lets everybody go on when it says event', () => {
    const run = queue()
    run.hear(new PolicyChanged({ policy: toPolicyValue({ ...defaultPolicy, inboundPlacement: 'both', inboundQueueLimit: 9 }) }))
    for (const name of ['ann', 'bob', 'cid']) place(run, name)
    expect(run.of('InboundQueued').map(({ to }) => to)).toEqual(['host', '', 'host', '', 'host', ''])
    run.hear(new PolicyChanged({ policy: toPolicyValue(defaultPolicy) }))
    expect(run.of('InboundTaken').map(({ to }) => to)).toEqual(['verify-queue/ann', 'verify-queue/bob', 'verify-queue/cid'])
  })
})

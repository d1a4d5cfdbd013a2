import { linkKeeperDefinition } from '../../../actors/link-keeper/index.ts'
import {
  DiscoveryStarted, DropPeer, Endpoint, InboundSecured, Initiator, Instance, LinkEnded, LinkIdentified, LinkLevelReached, Level, Listening, PeerHeard, PolicyChanged,
  PolicyValue,
  PongReceived, ProtectPeer, RevokeTrust, RoutineDue, SpawnFailed, Stop, Terminated, TransferDone, TransferFailed, TransferStarted, TrustRevoked,
  VerifyPeer
} from '../../../proto/index.ts'
import type { MachineRun } from '../../../runtime/testing/machine-run.ts'
import type { PathStep } from '../../../runtime/testing/paths.ts'
import { rows } from '../../../machines/table.ts'
import type { LinkKeeperContext } from '../../../machines/link-keeper-context.ts'
import { DISCERN_LINKS } from '../../../machines/link-keeper.ts'
import type { Walks } from './walks.ts'

const remote = new Endpoint({ host: '192.0.2.1', port: 1 })
const heard = (peerId: string) => new PeerHeard({ peerId, via: 'broadcast', endpoints: [remote], acceptsInbound: true, instance: new Instance({ startedAt: 10 }) })

/** With more of them the walk goes no further. */
const LINKS = 2

// Of a peer that we dial and one that dials us, with one connection each; what a connection says fits what it is.
function saidTo(run: MachineRun): PathStep[] {
  const links = [...rows((run.context as LinkKeeperContext).links)].sort((a, b) => a.peer < b.peer ? -1 : 1)
  if (links.length > LINKS) return []
  const linked = (peerId: string) => links.some(({ peer }) => peer === peerId)
  const steps: PathStep[] = [new DiscoveryStarted(), [new Listening({ endpoints: [remote] }), 'listener/main'], new DropPeer({ peerId: 'zoe' }), new RevokeTrust({ peerId: 'zoe' }), new VerifyPeer({ peerId: 'zoe' }), new PolicyChanged({ policy: new PolicyValue({ inbound: true, blocked: ['192.0.2.1'] }) }), new Stop()]
  if (!linked('zoe')) steps.push([heard('zoe'), 'discovery-channel/lan'])
  if (!linked('ada')) steps.push([new InboundSecured({ handle: 'in-1', peerId: 'ada', linkId: 'l', remote }), 'listener/main#tcp'])
  for (const { address, peer, probe, phase, level } of links) {
    if (phase === 'opening') {
      steps.push([new LinkIdentified({ peerId: peer, linkId: 'l', dial: 1, remote, instance: new Instance({ startedAt: 10 }) }), address])
      steps.push([new SpawnFailed({ kind: 'peer-connection', id: address.split('/')[1]! }), 'system'])
    }
    if (phase === 'held') {
      if (level < Level.LEVEL_ENHANCED) steps.push([new LinkLevelReached({ peerId: peer, level: level < 3 ? 3 : 4, steps: ['pings'] }), address])
      if (level >= Level.LEVEL_BASIC) steps.push([new TrustRevoked({ peerId: peer, level: Level.LEVEL_IDENTIFIED }), address])
      steps.push([new PongReceived({ id: probe, rttUs: 1 }), `${address}#link`])
    }
    if (phase !== 'over') steps.push([new LinkEnded({ peerId: peer, level, code: 'lost', initiator: Initiator.INITIATOR_NETWORK, remote }), address])
    steps.push([new Terminated({ address }), 'system'])
  }
  return steps
}

// What a keeper is told that keeps two links of the local network.
function saidToTrimmer(run: MachineRun): PathStep[] {
  const [zoe] = [...rows((run.context as LinkKeeperContext).peers)]
  const transfer = { transferId: 't', peerId: 'zoe' }
  return [
    new DiscoveryStarted(), [heard('zoe'), 'discovery-channel/lan'], new ProtectPeer({ peerId: 'zoe', tag: 'mine', release: (zoe?.tags.length ?? 0) > 0 }),
    [new RoutineDue({ name: DISCERN_LINKS }), 'routines/main'], [new RoutineDue({ name: 'another' }), 'routines/main'],
    [new TransferStarted(transfer), 'file-send/t'], [new TransferDone(transfer), 'file-send/t'], [new TransferFailed(transfer), 'file-send/t'], new Stop()
  ]
}

export const linkKeeperPaths: Walks = {
  walks: [{
    input: { options: { ...linkKeeperDefinition.options, peerId: 'mia', network: 'aa', maxLanLinks: 2 } },
    events: saidToTrimmer,
    key: ({ links, peers, planAt }: LinkKeeperContext) => [links.size > 0, planAt > 0, [...rows(peers)].map(({ tags }) => tags.length > 1 ? 2 : tags.length)]
  }, {
    input: { options: { ...linkKeeperDefinition.options, peerId: 'mia', network: 'aa' } },
    events: saidTo,
    key: ({ links, connected }: LinkKeeperContext) => links.size > LINKS ? 'many' : [connected, [...rows(links)].map(({ peer, phase, level }) => `${peer} ${phase} ${level}`).sort()]
  }]
}

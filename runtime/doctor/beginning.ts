import { deciderOf } from '../../machines/code-causes.ts'
import type { LinkKeeperContext, LinkRow } from '../../machines/link-keeper-context.ts'
import type { PeerConnectionContext } from '../../machines/peer-connection-context.ts'
import { toEndpoint } from '../../machines/place.ts'
import { get, rows } from '../../machines/table.ts'
import {
  DialEndpoint, DialOpened, Direction, Initiator, Instance, Level, LinkAdmitted, LinkEnded, LinkIdentified, LinkLevelReached, LinkSecured, PeerFound, PeerPending,
  TrustRevoked, type Message
} from '../../proto/index.ts'
import type { Inspection } from '../kernel/index.ts'
import { stateName } from '../log/state-name.ts'
import { keeperIn } from './keeper.ts'
import type { Rung } from './note.ts'

/** A message that must have been said, with its logical time in milliseconds. */
export interface Earlier {
  readonly time: number
  readonly from: string
  readonly to: string
  readonly body: Message
}

/**
 * What was said of peers and links that are there already where a log begins at a checkpoint, as far as their states tell: of what
 * is over nothing is known.
 */
export function earlier(inspection: Inspection): Earlier[] {
  const keeper = keeperIn(inspection)
  if (keeper === undefined) return []
  const found = [...rows(keeper.peers)].filter(peer => peer.found && peer.peerId !== '').map(({ peerId, name, via, places, bound, heardAt }) => {
    const all = [...places, ...bound.flatMap(key => get(keeper.peers, key)?.places ?? [])]
    return { time: heardAt, from: '', to: '', body: new PeerFound({ peerId, name, via, endpoints: all.map(toEndpoint) }) }
  })
  const links = [...rows(keeper.links)].flatMap(link => {
    const actor = inspection.actors.find(({ address }) => address === link.address)
    const state = stateName(actor?.state).split('.').at(-1)!
    return actor === undefined ? [] : saidBy(keeper, link, state, actor.context as PeerConnectionContext)
  })
  return [...found, ...links].sort((a, b) => a.time - b.time)
}

function saidBy(keeper: LinkKeeperContext, link: LinkRow, state: string, context: PeerConnectionContext): Earlier[] {
  const { address, since, inbound } = link
  const { peerId, passed, heldMs } = context
  const { name = '', knownSince = 0 } = get(keeper.peers, link.peer) ?? {}
  const remote = toEndpoint(context.remote.host === '' ? context.places[context.place] ?? link.remote : context.remote)
  const direction = inbound ? Direction.DIRECTION_IN : Direction.DIRECTION_OUT
  const driver = `${address}#link`
  const by = (from: string, body: Message, to = ''): Earlier => ({ time: since, from, to, body })
  const dial = inbound ? [] : [by(address, new DialEndpoint({ endpoint: remote, expectedPeerId: peerId }), driver)]
  const secured = [...dial, by(driver, new LinkSecured({ peerId, remote, direction }), address)]
  const identified = [...secured, by(address, new LinkIdentified({ peerId, name, direction, remote, instance: new Instance({ startedAt: link.life.startedAt }) }))]
  const admitted = [...identified, by('', new LinkAdmitted(), address)]
  const reached = (level: Level): Earlier => by(address, new LinkLevelReached({ peerId, level, steps: [...passed] }))
  switch (state as Rung) {
    case 'dialing': return dial
    case 'securing': return [...dial, by(driver, new DialOpened(), address)]
    case 'identifying': return secured
    case 'admitting': return identified
    case 'verifying': return admitted
    case 'pending': return [...admitted, by(address, new PeerPending({
      peerId, step: context.step.replace(/^verify-|\/.*$/g, ''), initiator: heldMs > 0 ? Initiator.INITIATOR_REMOTE : Initiator.INITIATOR_SELF
    }))]
    case 'withdrawn': return [...admitted, by(address, new TrustRevoked({ peerId, level: Level.LEVEL_IDENTIFIED }), link.peer)]
    case 'basic': return [...admitted, reached(Level.LEVEL_BASIC)]
    case 'enhanced': return [...admitted, reached(Level.LEVEL_ENHANCED)]
    case 'backoff': return [...dial, ...failed(link, context, remote, knownSince > 0)]
    default: return []
  }
}

/**
 * How far it had come is not kept: a code of dialling or of TLS says it, and the first failure of a peer that was verified broke a
 * link; of the rest it is only sure that TLS was over.
 */
function failed({ address, since }: LinkRow, { peerId, ending, waitMs, failures }: PeerConnectionContext, remote: ReturnType<typeof toEndpoint>, verified: boolean): Earlier[] {
  const { code, reason, initiator, step, forMs } = ending
  const isTls = code.startsWith('tls') || deciderOf(code).name === 'TLS handshake'
  const climbed: Message[] = isTls ? [new DialOpened()] : code.startsWith('dial-') ? [] : [new LinkSecured({ peerId, remote, direction: Direction.DIRECTION_OUT })]
  if (climbed[0] instanceof LinkSecured && verified && failures <= 1) climbed.push(new LinkLevelReached({ peerId, level: Level.LEVEL_ENHANCED }))
  const end = new LinkEnded({ peerId, remote, code, reason, initiator, step, forMs, againMs: waitMs })
  return [...climbed, end].map(body => ({ time: since, from: body instanceof DialOpened || body instanceof LinkSecured ? `${address}#link` : address, to: '', body }))
}

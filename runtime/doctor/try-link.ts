import { generateIdentity } from '../../actors/identity/index.ts'
import { LinkEnded, PeerIgnored, PeerPending, PeerVerified } from '../../proto/index.ts'
import { createPeer } from '../peer/create-peer.ts'
import { UnknownPeerError } from '../peer/errors.ts'
import { parsePeer, type PeerOptions } from '../peer/options.ts'
import { formatEndpoint } from '../peer/roster.ts'
import type { Diagnosis } from './diagnosis.ts'
import { unheard } from './diagnose.ts'

/** For a peer to be found and linked, in milliseconds. */
export const TRY_MS = 20_000

/**
 * Tries to reach one peer: `[PEERID@]HOST:PORT`, or a PeerId that is looked for on the local network. A peer of its own does it, with an
 * identity for this once unless one is given, which takes no links; it ends with the first link that opens or fails.
 * @throws PeerOptionError for what is neither, and everything that createPeer throws
 */
export async function tryLink(target: string, options: PeerOptions, timeoutMs = TRY_MS): Promise<Diagnosis> {
  const isPlace = target.includes(':')
  const wanted = isPlace ? parsePeer(target) : { peerId: target, host: '', port: 0 }
  await using peer = createPeer({
    identity: generateIdentity(), log: 'silent', ...options, inbound: false, lan: isPlace ? false : options.lan ?? true, ...(isPlace && { peers: [target] })
  })
  const place = formatEndpoint(wanted)
  const isIt = (peerId: string | null | undefined): boolean => isPlace || peerId === wanted.peerId
  let settle = () => {}
  const settled = new Promise<void>(resolve => { settle = resolve })
  const timer = setTimeout(settle, timeoutMs)
  for (const type of [PeerVerified, PeerPending, PeerIgnored]) peer.bus.of<PeerVerified | PeerPending | PeerIgnored>(type).subscribe(({ body }) => { if (isIt(body.peerId)) settle() })
  peer.bus.of(LinkEnded).subscribe(({ body: { peerId, code } }) => { if (isIt(peerId) && code !== 'duplicate') settle() })
  try {
    await peer.start()
    await settled
    // What the link keeper makes of it is said after it.
    await new Promise(resolve => setImmediate(resolve))
    const found = peer.why(wanted.peerId || place)
    if (found.standing !== 'waiting') return found
    // It would be dialled again, but not by us.
    await peer.stop()
    return peer.why(wanted.peerId || place)
  } catch (error) {
    if (error instanceof UnknownPeerError) return unheard(wanted.peerId, timeoutMs)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

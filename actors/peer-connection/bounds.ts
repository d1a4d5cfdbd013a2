import { copyOf } from '../../machines/text.ts'
import { Disconnect, Identify, Instance, TrustWithdrawn, VerificationHeld, Verified, type Message } from '../../proto/index.ts'
import type { WireTypes } from './wire-types.ts'

/** Names that are looked at; who speaks more types is understood in the first of them. */
const ACCEPTS_MAX = 1024
/** Of versions and of steps. */
const LIST_MAX = 16
const NETWORK_BYTES = 16
const NONCE_BYTES = 8
/** Of what is for people. */
const CHARS_MAX = 256

const cut = (text: string): string => copyOf(text.slice(0, CHARS_MAX))

/**
 * A message of the link itself without what nobody asked for: machines keep it and logs repeat it, and it may fill a
 * frame before anything is known of its sender. Types that we do not speak become empty names, as their places count.
 */
export function withinBounds(said: Message, types: WireTypes): Message {
  if (said instanceof Disconnect) return new Disconnect({ ...said, code: cut(said.code), reason: cut(said.reason), step: cut(said.step) })
  if (said instanceof VerificationHeld) return new VerificationHeld({ ...said, step: cut(said.step), reason: cut(said.reason) })
  if (said instanceof TrustWithdrawn) return new TrustWithdrawn({ reason: cut(said.reason) })
  if (said instanceof Verified) return new Verified({ steps: said.steps.slice(0, LIST_MAX).map(cut) })
  if (!(said instanceof Identify)) return said
  const { versions, network, instance, name, accepts, agent, demands } = said
  const known = accepts.slice(0, ACCEPTS_MAX).map(type => (types.named(type) === undefined ? '' : type))
  return new Identify({
    ...said,
    versions: versions.slice(0, LIST_MAX),
    // One byte more shows that it is another network's.
    network: network.slice(0, NETWORK_BYTES + 1),
    instance: instance ? new Instance({ startedAt: instance.startedAt, nonce: instance.nonce.slice(0, NONCE_BYTES) }) : null,
    name: cut(name),
    accepts: known.slice(0, known.findLastIndex(type => type !== '') + 1),
    agent: cut(agent),
    // One more shows that it demands too many.
    demands: demands.slice(0, LIST_MAX + 1).map(cut)
  })
}

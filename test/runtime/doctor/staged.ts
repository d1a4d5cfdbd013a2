import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { definitions } from '../../../actors/index.ts'
import type { ActorDefinition } from '../../../actors/seam/index.ts'
import { PeerVerified, type Message, type MessageClass } from '../../../proto/index.ts'
import { diagnose } from '../../../runtime/doctor/diagnose.ts'
import type { Diagnosis } from '../../../runtime/doctor/diagnosis.ts'
import { recordedHistories } from '../../../runtime/doctor/recorded.ts'
import { createPeer, formatEndpoint, type Peer, type PeerOptions } from '../../../runtime/index.ts'

export interface Staged {
  readonly peer: Peer
  readonly log: string
}

const made: Peer[] = []

/** Stops whatever a test has left running. */
export async function stopStaged(): Promise<void> {
  await Promise.all(made.splice(0).map(peer => peer.stop()))
}

/** A peer on loopback alone, with a log. */
export function stagedPeer(folder: string, name: string, options: PeerOptions = {}): Staged {
  const log = join(folder, `${name}-${randomBytes(4).toString('hex')}.p2plog`)
  const peer = createPeer({ name, interfaces: ['loopback'], lan: false, record: log, log: 'silent', ...options })
  made.push(peer)
  return { log, peer }
}

export const placeOf = (peer: Peer): string => formatEndpoint({ ...peer.listening[0]!, host: '127.0.0.1' })

/** Resolves with the first message of the type that fits. */
export function said<T extends Message>(peer: Peer, type: MessageClass<T>, fits: (body: T) => boolean = () => true): Promise<T> {
  return new Promise(resolve => {
    const subscription = peer.bus.of(type).subscribe(({ body }) => {
      if (!fits(body)) return
      queueMicrotask(() => subscription.unsubscribe())
      resolve(body)
    })
  })
}

/** Two of them, of which ann has dialled bob; each has verified the other. */
export async function stagedPair(folder: string): Promise<{ ann: Staged; bob: Staged }> {
  const bob = stagedPeer(folder, 'bob')
  await bob.peer.start()
  const ann = stagedPeer(folder, 'ann', { peers: [placeOf(bob.peer)] })
  const verified = [said(ann.peer, PeerVerified), said(bob.peer, PeerVerified)]
  await ann.peer.start()
  await Promise.all(verified)
  return { ann, bob }
}

/** What of a diagnosis does not change with the time at which it is asked for. */
export function lasting({ cause, peerId, name }: Diagnosis): object {
  return {
    peerId, name,
    cause: cause && { code: cause.code, by: cause.by, rung: cause.rung, place: cause.place, decider: cause.decider, reason: cause.reason, step: cause.step }
  }
}

/** The same from the recorded log. */
export async function fromLog(log: string, key: string, own: readonly ActorDefinition[] = []): Promise<Diagnosis> {
  const { histories, keeper, until, brokenOff } = await recordedHistories(log, { definitions: [...definitions.filter(({ kind }) => !own.some(each => each.kind === kind)), ...own] })
  if (brokenOff !== undefined) throw new Error(`${log}: ${brokenOff}`)
  return diagnose(histories, histories.find(key), until, keeper)
}

import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { PeerRefused } from '../../../proto/index.ts'
import { createPeer, type Peer, type PeerOptions } from '../../../runtime/index.ts'

export let folder: string
export let network = ''
export const peers: Peer[] = []
let networks = 0

/** Each test has a network of its own, and all of its peers are stopped. */
export function ownNetworks(): void {
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-policy-')) })
  afterAll(() => rmSync(folder, { recursive: true }))
  beforeEach(() => { network = `policy-${process.pid}-${networks++}` })
  afterEach(async () => {
    await Promise.all(peers.splice(0).map(peer => peer.stop()))
  })
}

/** On loopback, and found only as the test says. */
export async function peer(name: string, options: PeerOptions = {}): Promise<Peer> {
  const made = createPeer({ name, network, lan: false, listen: '127.0.0.1:0', ...options })
  peers.push(made)
  await made.start()
  return made
}

export const at = (other: Peer): string => `127.0.0.1:${other.listening[0]!.port}`
export const linked = (one: Peer, other: Peer) =>
  firstValueFrom(one.peers.pipe(filter(list => list.some(({ peerId, level }) => peerId === other.peerId && level === 'enhanced'))))
export const refusedBy = (one: Peer) => firstValueFrom(one.bus.of(PeerRefused))

import { randomInt } from 'node:crypto'
import { filter, firstValueFrom } from '../kernel/rx.ts'
import type { Peer } from './peer.ts'
import { createPeer } from './create-peer.ts'

/** What a rehearsal may take before it is given up, in milliseconds: ten times what it takes on a slow machine. */
const REHEARSAL_MS_MAX = 5_000
/** UDP ports that the system gives to nobody's service (RFC 6335). */
const PRIVATE_PORTS = [49_152, 65_536] as const

/**
 * Throw-away peers of a network of their own find, verify and leave each other over loopback, so that this process has compiled
 * what a link needs before it makes its first one: ten peers that start together are a full mesh in about three quarters of the
 * time. Two take some 100 ms of processor time, six 300 ms. It pays where a peer waits for something else anyhow
 * (`p2pnet up --wait`). Nothing of it leaves this machine.
 *
 * More than two pay only while V8 compiles with its quick compilers alone (`--no-opt`): its optimising one would set to work on
 * what has become warm just when the first links are made.
 *
 * @param watch is given each of them before it starts, to rehearse what watches a peer as well
 * @param count how many peers meet, from 2 on
 * @returns whether they met; false where loopback cannot be used, and then nothing is lost
 */
export async function rehearse(watch: (peer: Peer) => void = () => {}, count = 2): Promise<boolean> {
  const network = `rehearsal-${randomInt(2 ** 47)}`
  const port = randomInt(...PRIVATE_PORTS)
  const peers = Array.from({ length: count }, (_, at) => createPeer({
    name: `rehearsal ${at + 1}`, network, listen: '127.0.0.1:0', interfaces: ['loopback'], lan: { ports: [port] }, log: 'silent'
  }))
  // A peer that is stopped ends whatever waits for it.
  const late = setTimeout(() => void stop(peers), REHEARSAL_MS_MAX)
  try {
    for (const peer of peers) {
      watch(peer)
      await peer.start({ wait: true })
    }
    const met = Promise.all(peers.map(peer => firstValueFrom(peer.peers.pipe(filter(others => others.filter(({ level }) => level === 'enhanced').length === count - 1)))))
    for (const peer of peers) peer.discover()
    await met
    return true
  } catch {
    return false
  } finally {
    clearTimeout(late)
    await stop(peers)
  }
}

// All at once: on a busy machine each may wait for goodbyes as long as it may.
async function stop(peers: readonly Peer[]): Promise<void> {
  await Promise.allSettled(peers.map(peer => peer.stop()))
}

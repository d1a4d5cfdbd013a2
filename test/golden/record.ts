/**
 * Records the golden logs anew, from real peers of the built command on loopback: `npm run golden`. Do so only when the
 * change of behaviour that retires the old ones is meant; see docs/testing.md.
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Disconnect } from '../../proto/index.ts'
import { readLog } from '../../runtime/testing/index.ts'
import { version } from '../../runtime/version.ts'
import { p2pnet, ownNetwork, Running, Scratch } from '../runtime/cli/cli.ts'

/** Those of older versions stay. */
const GOLDEN = join(import.meta.dirname, 'logs', `v${version()}`)
const scratch = new Scratch()
const running: Running[] = []

/** A peer without discovery, on a port of 127.0.0.1, that records. */
function up(network: string, name: string, args: readonly string[]): Running {
  const peer = Running.up(scratch, network, name, ['--no-lan', '--listen', '127.0.0.1:0', '--record', scratch.of(`${name}.p2plog`), ...args])
  running.push(peer)
  return peer
}

async function addressOf(peer: Running): Promise<{ peerId: string; address: string }> {
  const { peerId, listen: [{ port }] } = await peer.until('ready') as unknown as { peerId: string; listen: [{ port: number }] }
  return { peerId, address: `127.0.0.1:${port}` }
}

function keep(from: string, as: string): void {
  const to = join(GOLDEN, `${as}.p2plog`)
  copyFileSync(from, to)
  chmodSync(to, 0o644)
}

async function quit(...peers: Running[]): Promise<void> {
  for (const peer of peers) if (await peer.quit() !== 0) throw new Error(`a peer failed:\n${peer.stderr}`)
}

async function demo(): Promise<void> {
  const folder = scratch.of('demo')
  const { code, stderr } = await p2pnet(['demo', '--exit', '--record', folder])
  if (code !== 0) throw new Error(`the demo failed:\n${stderr}`)
  for (const file of readdirSync(folder)) keep(join(folder, file), `demo-${file.replace('.p2plog', '')}`)
}

async function lostLink(): Promise<void> {
  const network = ownNetwork()
  const bob = up(network, 'lost-bob', [])
  const ann = up(network, 'lost-link', ['--peer', (await addressOf(bob)).address])
  await ann.until('peer.verified')
  bob.child.kill('SIGKILL')
  await ann.until('peer.disconnected')
  await quit(ann)
  keep(scratch.of('lost-link.p2plog'), 'lost-link')
}

async function otherNetwork(): Promise<void> {
  const bob = up(ownNetwork(), 'other-bob', [])
  const ann = up(ownNetwork(), 'other-network', ['--peer', (await addressOf(bob)).address])
  await Promise.all([ann.until('peer.refused'), bob.until('peer.refused')])
  await quit(ann, bob)
  keep(scratch.of('other-network.p2plog'), 'other-network')
}

async function wrongKey(): Promise<void> {
  const network = ownNetwork()
  const [bob, cid] = [up(network, 'key-bob', []), up(network, 'key-cid', [])]
  const [{ address }, { peerId }] = await Promise.all([addressOf(bob), addressOf(cid)])
  const ann = up(network, 'wrong-key', ['--peer', `${peerId}@${address}`])
  await ann.until('peer.refused')
  await quit(ann, bob, cid)
  keep(scratch.of('wrong-key.p2plog'), 'wrong-key')
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<ReturnType<typeof createServer>>(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
  })))
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

// Who is the faster may have its link identified before the other has dialled: that is no simultaneous dial.
async function simultaneousDial(): Promise<void> {
  const names = ['simultaneous-ann', 'simultaneous-bob']
  for (let tries = 0; tries < 20; tries++) {
    const network = ownNetwork()
    const ports = await freePorts(2)
    const peers = names.map((name, at) => up(network, name, ['--wait', '--listen', `127.0.0.1:${ports[at]}`, '--peer', `127.0.0.1:${ports[1 - at]}`]))
    await Promise.all(peers.map(peer => peer.until('ready')))
    for (const peer of peers) peer.say('start')
    await Promise.all(peers.map(peer => peer.until('peer.verified')))
    await quit(...peers)
    const files = names.map(name => scratch.of(`${name}.p2plog`))
    if (!files.some(gaveOneUp)) continue
    files.forEach((file, at) => keep(file, names[at]!))
    return
  }
  throw new Error('the two peers never dialled each other at once')
}

function gaveOneUp(file: string): boolean {
  return [...readLog(file)].some(entry => entry.kind === 'output' && entry.envelope.type === 'Disconnect' && Disconnect.decode(entry.envelope.bytes).code === 'duplicate')
}

try {
  rmSync(GOLDEN, { recursive: true, force: true })
  mkdirSync(GOLDEN, { recursive: true })
  for (const scene of [demo, lostLink, otherNetwork, wrongKey, simultaneousDial]) {
    await scene()
    for (const peer of running.splice(0)) await peer.end()
  }
  for (const file of readdirSync(GOLDEN).sort()) console.log(`${file}  ${statSync(join(GOLDEN, file)).size} bytes`)
} finally {
  for (const peer of running) await peer.end()
  scratch.remove()
}

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { generateIdentity } from '../../actors/identity/index.ts'
import { selfSigned } from '../../actors/tls/certificate.ts'
import { fullMesh, LanPeer } from '../support/lan-peers.ts'
import { Lines } from '../support/lines.ts'
import { TestLan } from '../support/netns.ts'

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
const port = 9700
/** What a process that has just come up still does in the background is over then, in milliseconds. */
const settleMs = 1_000

/** Milliseconds from `start` until the last bare TLS process has its links and their four round trips. */
export async function floorMs(lan: TestLan): Promise<number> {
  const script = join(import.meta.dirname, 'mesh-floor.mjs')
  const identities = lan.hosts.map(() => generateIdentity())
  const keys = identities.map(({ publicKey }) => Buffer.from(publicKey).toString('base64url')).join(',')
  const processes = lan.hosts.map((host, index) => {
    const pem = identities[index]!.privateKeyPem()
    const key = createPrivateKey(pem)
    const env = { ...process.env, FLOOR_KEY: pem, FLOOR_CERT: selfSigned(createPublicKey(key), key), FLOOR_KEYS: keys }
    return new Lines(lan.spawn(host, process.execPath, [script, `${index}`, `${lan.hosts.length}`, `${port}`], { env }))
  })
  await Promise.all(processes.map(process => process.line('ready')))
  await setTimeout(settleMs)
  const start = Number(process.hrtime.bigint()) / 1e6
  for (const each of processes) each.send(`start ${lan.hosts.map(host => host.address).join(',')}`)
  const done = await Promise.all(processes.map(each => each.line('mesh')))
  await Promise.all(processes.map(each => {
    each.child.kill('SIGKILL')
    return each.exit()
  }))
  return Math.max(...done.map(line => line['time'] as number)) - start
}

/** Milliseconds from `start` until the last peer has found and verified every other. */
async function meshMs(lan: TestLan): Promise<number> {
  const peers = await Promise.all(lan.hosts.map((host, index) => LanPeer.up(lan, host, `peer-${index}`, ['--wait'])))
  try {
    await setTimeout(settleMs)
    const start = Date.now()
    for (const peer of peers) peer.send('start')
    await fullMesh(peers)
    const verified = peers.flatMap(peer => peer.seen.filter(line => line.event === 'peer.verified'))
    return Math.max(...verified.map(line => line['time'] as number)) - start
  } finally {
    await Promise.all(peers.map(peer => peer.quit()))
    for (const peer of peers) peer.forget()
  }
}

/**
 * Time to a full mesh in network namespaces on one bridge, beside bare mutual TLS that opens the same
 * links with four round trips each; the two in turn. Needs root.
 */
export async function meshBench(sizes = [2, 5, 10], rounds = 7): Promise<void> {
  console.log('time to full mesh   peers   bare TLS ms   p2pnet ms   ratio   min–max ms')
  for (const size of sizes) {
    const lan = TestLan.create(size)
    try {
      const floors: number[] = []
      const meshes: number[] = []
      for (let round = 0; round < rounds; round++) {
        floors.push(await floorMs(lan))
        meshes.push(await meshMs(lan))
      }
      const cells = [size, median(floors).toFixed(0), median(meshes).toFixed(0), (median(meshes) / median(floors)).toFixed(2)]
      console.log(`${' '.repeat(20)}${cells.map((cell, i) => `${cell}`.padStart([5, 14, 12, 8][i]!)).join('')}   ${Math.min(...meshes)}–${Math.max(...meshes)}`)
    } finally {
      await lan.remove()
    }
  }
}


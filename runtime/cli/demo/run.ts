import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { makeFolder } from '../../../actors/shared/make-folder.ts'
import { CommandFailedError, UsageError } from '../errors.ts'
import { Lifetime } from '../lifetime.ts'
import { formatEndpoint } from '../../peer/roster.ts'
import { readLines } from '../up/stdin.ts'
import { findEachOther, sayTyped, share, summarize, talk } from './acts.ts'
import { DemoPeer } from './child.ts'
import { DEADLINES, type DemoValues } from './options.ts'
import { tellJson, tellText, type Tell } from './teller.ts'

const NAMES = ['alice', 'bob', 'carol'] as const

/** `p2pnet demo`: three peers on this machine do what peers do, and their logs are replayed. */
export async function demo(values: DemoValues): Promise<void> {
  const began = Date.now()
  const tell = values.json ? tellJson : tellText(values.exit === true)
  const logs = values.record === undefined ? undefined : recordFolder(values.record)
  const life = new Lifetime()
  const folder = mkdtempSync(join(tmpdir(), 'p2pnet-demo-'))
  const peers: DemoPeer[] = []
  // Whatever ends this process, the peers do not outlive it; kill -9 ends them by the end of their stdin.
  const killAll = () => {
    for (const peer of peers) peer.kill()
  }
  process.once('exit', killAll)
  try {
    const logOf = (name: string) => join(logs ?? folder, `${name}.p2plog`)
    await Promise.race([perform(values, tell, folder, logOf, peers, life), life.ended])
    let differences = 0
    for (const { name } of await stopAll(peers, tell, life)) differences += await replayLog(name, logOf(name), tell)
    tell({ event: 'demo.done', seconds: (Date.now() - began) / 1_000, differences })
    if (differences > 0) process.exitCode = 1
  } finally {
    killAll()
    await Promise.all(peers.map(({ exited }) => exited))
    process.off('exit', killAll)
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    life.close()
  }
}

async function perform(
  values: DemoValues, tell: Tell, folder: string, logOf: (name: string) => string, peers: DemoPeer[], life: Lifetime
): Promise<void> {
  const began = Date.now()
  const network = `demo-${randomBytes(3).toString('hex')}`
  const loopback = loopbackName()
  tell({ event: 'demo.starting', network, interface: loopback })
  for (const name of NAMES) {
    peers.push(new DemoPeer(name, [
      '--json', '--wait', '--stop-with-stdin', '--name', name, '--network', network, '--interface', loopback, '--log-level', 'error',
      '--data', join(folder, name), '--inbox', join(folder, name, 'inbox'), '--record', logOf(name)
    ]))
  }
  await Promise.all(peers.map(async peer => {
    const { peerId } = await peer.until('ready', 'did not start', DEADLINES.ready)
    peer.peerId = peerId
  }))
  for (const { name, peerId, pid = 0, events } of peers) {
    const ready = events.find(event => event.event === 'ready')
    const place = ready?.event === 'ready' ? ready.listen[0] : undefined
    tell({ event: 'demo.peer', name, peerId, pid, address: place === undefined ? '' : formatEndpoint({ host: place.address, port: place.port }) })
  }
  tell({ event: 'demo.ready', ms: Date.now() - began })

  const meshed = await findEachOther(peers, tell)
  await talk(peers, tell)
  await share(peers[0]!, peers, join(folder, 'surprise.bin'), !values.json, tell)
  await summarize(peers, meshed, tell)
  if (!values.exit) await live(peers, tell, life)
}

/** Until Ctrl-C: what is typed is said, and a peer that ends by itself is a failure. */
async function live(peers: readonly DemoPeer[], tell: Tell, life: Lifetime): Promise<void> {
  tell({ event: 'demo.live' })
  const alice = peers[0]!
  let failed: (error: unknown) => void = () => {}
  const failure = new Promise<never>((_resolve, reject) => { failed = reject })
  const release = readLines(line => {
    if (line.trim() !== '') sayTyped(alice, peers, line.trim(), tell).catch(failed)
  })
  const gone = peers.map(async peer => {
    const end = await peer.exited
    if (life.reason === undefined) throw new CommandFailedError(`${peer.name} is gone: it ended with ${end}${peer.lastWords}`)
  })
  try {
    await Promise.race([life.ended, failure, ...gone.map(each => each.then(() => life.ended))])
  } finally {
    release()
  }
}

/** @returns those that have a whole log */
async function stopAll(peers: readonly DemoPeer[], tell: Tell, life: Lifetime): Promise<DemoPeer[]> {
  const stopped: DemoPeer[] = []
  for (const peer of peers) {
    const exit = await peer.stop()
    tell({ event: 'demo.stopped', name: peer.name, exit })
    if (exit === 0) stopped.push(peer)
    // A Ctrl-C in the instant in which a peer is started reaches it too, before it is a group of its own.
    else if (life.reason === undefined || exit !== 'SIGINT') throw new CommandFailedError(`${peer.name} did not stop in order: it ended with ${exit}${peer.lastWords}`)
  }
  return stopped
}

async function replayLog(name: string, path: string, tell: Tell): Promise<number> {
  const [{ formatDivergence, replay }, { definitions }] = await Promise.all([import('../../log/index.ts'), import('../../../actors/index.ts')])
  const { inputs, outputs, differences, divergence } = await replay(path, { definitions })
  tell({ event: 'demo.replay', name, inputs, outputs, differences, ...(divergence && { detail: formatDivergence(divergence) }) })
  return differences
}

/** `lo` on Linux, `lo0` on macOS. */
function loopbackName(): string {
  const found = Object.entries(networkInterfaces()).find(([, addresses]) => addresses?.some(({ internal }) => internal))
  if (found === undefined) throw new CommandFailedError('this machine has no loopback interface that is up: the demo needs one (`ip link set lo up`)')
  return found[0]
}

function recordFolder(given: string): string {
  const folder = resolve(given)
  try {
    makeFolder(folder)
  } catch (error) {
    throw new UsageError(`--record ${folder} cannot be used (${(error as NodeJS.ErrnoException).code}): name a folder that you may write to`)
  }
  return folder
}

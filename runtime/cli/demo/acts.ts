import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { CommandFailedError } from '../errors.ts'
import { bars } from './bars.ts'
import type { DemoPeer } from './child.ts'
import { DEADLINES, FILE_BYTES } from './options.ts'
import type { SummaryRow, Tell } from './teller.ts'

/** `up` takes commands of 64 Ki characters, with their first words. */
const LINE_CHARS_MAX = 60_000

/** Starts discovery at all peers together. @returns when each had a verified link to every other, in milliseconds from then */
export async function findEachOther(peers: readonly DemoPeer[], tell: Tell): Promise<Map<DemoPeer, number>> {
  const start = Date.now()
  for (const peer of peers) peer.command('start')
  const meshed = new Map<DemoPeer, number>(peers.map(peer => [peer, 0]))
  await Promise.all(pairs(peers).map(async ([one, other]) => {
    const [mine, theirs] = await Promise.all([timesOf(one, other), timesOf(other, one)])
    const verified = Math.max(mine.verified, theirs.verified) - start
    for (const peer of [one, other]) meshed.set(peer, Math.max(meshed.get(peer)!, verified))
    tell({
      event: 'demo.link', between: [one.name, other.name],
      foundMs: Math.max(0, Math.min(mine.found, theirs.found) - start),
      connectedMs: Math.max(mine.connected, theirs.connected) - start,
      verifiedMs: verified
    })
  }))
  tell({ event: 'demo.mesh', ms: Math.max(...meshed.values()) })
  return meshed
}

async function timesOf(one: DemoPeer, other: DemoPeer): Promise<{ found: number; connected: number; verified: number }> {
  const about = ({ peerId }: { peerId: string }) => peerId === other.peerId
  const verified = await one.until('peer.verified', `did not verify ${other.name}`, DEADLINES.mesh, about)
  const connected = await one.until('peer.connected', `did not connect to ${other.name}`, 0, about)
  const found = one.events.find(event => event.event === 'peer.found' && event.peerId === other.peerId)
  // A peer that was dialled before it heard the other has found it by that.
  return { found: found?.time ?? connected.time, connected: connected.time, verified: verified.time }
}

/** Each says something to everyone else. */
export async function talk(peers: readonly DemoPeer[], tell: Tell): Promise<void> {
  for (const from of peers) {
    const text = `Hello, this is ${from.name}.`
    await say(from, others(peers, from), text, tell)
  }
}

/** What a person typed, `TEXT` or `@NAME TEXT`: said by one peer, or told why not. */
export async function sayTyped(from: DemoPeer, peers: readonly DemoPeer[], line: string, tell: Tell): Promise<void> {
  const unsaid = (reason: string) => tell({ event: 'demo.unsaid', reason })
  const names = others(peers, from).map(({ name }) => name)
  const [, name, directed] = /^@(\S+)\s+(.+)$/s.exec(line) ?? []
  const to = others(peers, from).filter(peer => name === undefined || peer.name === name)
  if (line.startsWith('@') && (name === undefined || to.length === 0)) {
    return unsaid(`write ${names.map(each => `@${each} LINE`).join(' or ')}`)
  }
  if (line.length > LINE_CHARS_MAX) return unsaid(`${line.length} characters are too many, ${LINE_CHARS_MAX} are not`)
  await say(from, to, directed ?? line, tell)
}

function others(peers: readonly DemoPeer[], than: DemoPeer): DemoPeer[] {
  return peers.filter(peer => peer !== than)
}

/** One peer says a line to one other or to all others. */
async function say(from: DemoPeer, hearers: readonly DemoPeer[], text: string, tell: Tell): Promise<void> {
  const seen = hearers.map(to => to.events.length)
  const said = Date.now()
  from.command(`say ${hearers.length === 1 ? `@${hearers[0]!.name} ` : ''}${text}`)
  await Promise.all(hearers.map(async (to, index) => {
    const { time } = await to.until('message', `did not get a message of ${from.name}`, DEADLINES.message,
      message => message.peerId === from.peerId && message.text === text, seen[index])
    tell({ event: 'demo.message', from: from.name, to: to.name, text, ms: Math.max(0, time - said) })
  }))
}

/** One peer sends a file of random bytes to all others; what lands is compared with what was sent. */
export async function share(from: DemoPeer, peers: readonly DemoPeer[], path: string, shown: boolean, tell: Tell): Promise<void> {
  const digest = await makeFile(path)
  const receivers = others(peers, from)
  tell({ event: 'demo.file', name: basename(path), size: FILE_BYTES, from: from.name, to: receivers.map(({ name }) => name) })
  const board = bars(receivers.map(({ name }) => name), FILE_BYTES, shown)
  const unlisten = receivers.map(peer => peer.listen(event => {
    if (event.event === 'transfer.progress' || event.event === 'transfer.done') board.progress(peer.name, event.bytes)
  }))
  const arrivals = (async () => {
    from.command(`send ${path}`)
    return Promise.all(receivers.map(to => arrival(from, to)))
  })()
  const stored = await arrivals.finally(() => {
    for (const each of unlisten) each()
    board.close()
  })
  for (const [index, { bytesPerSecond, contentId, path }] of stored.entries()) {
    const to = receivers[index]!
    const same = contentId === `sha256-${digest}` && path !== undefined && await digestOf(path) === digest
    tell({ event: 'demo.stored', to: to.name, bytesPerSecond, contentId, same })
    if (!same) throw new CommandFailedError(`${to.name} stored something else than ${from.name} sent: ${contentId} instead of sha256-${digest}`)
  }
}

async function arrival(from: DemoPeer, to: DemoPeer) {
  const fromHere = (peerId: string) => peerId === from.peerId
  const failed = to.until('transfer.failed', '', DEADLINES.file, ({ peerId }) => fromHere(peerId))
    .then(({ code, reason }) => { throw new CommandFailedError(`the file did not reach ${to.name}, ${code}: ${reason}`) })
  const refused = from.until('transfer.failed', '', DEADLINES.file, ({ peerId }) => peerId === to.peerId)
    .then(({ code, reason }) => { throw new CommandFailedError(`the file did not reach ${to.name}, ${code}: ${reason}`) })
  const done = to.until('transfer.done', `did not get the file of ${from.name}`, DEADLINES.file, ({ peerId }) => fromHere(peerId))
  failed.catch(() => {})
  refused.catch(() => {})
  return Promise.race([done, failed, refused])
}

async function makeFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  try {
    const piece = 1024 * 1024
    for (let written = 0; written < FILE_BYTES; written += piece) {
      const bytes = randomBytes(piece)
      hash.update(bytes)
      await file.writeFile(bytes)
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}

export async function summarize(peers: readonly DemoPeer[], meshed: ReadonlyMap<DemoPeer, number>, tell: Tell): Promise<void> {
  const rows = await Promise.all(peers.map(async (peer): Promise<SummaryRow> => {
    const seen = peer.events.length
    peer.command('peers')
    const { peers: links } = await peer.until('peers', "did not answer 'peers'", DEADLINES.answer, undefined, seen)
    const moved = (direction: string) => peer.events.reduce(
      (sum, event) => event.event === 'transfer.done' && event.direction === direction ? sum + event.size : sum, 0)
    return {
      name: peer.name, peerId: peer.peerId, links: links.length, rttMs: median(links.flatMap(({ rttMs }) => rttMs ?? [])),
      meshMs: meshed.get(peer) ?? 0, sent: moved('out'), received: moved('in')
    }
  }))
  tell({ event: 'demo.summary', peers: rows })
}

function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null
}

function pairs<T>(all: readonly T[]): [T, T][] {
  return all.flatMap((one, index) => all.slice(index + 1).map((other): [T, T] => [one, other]))
}

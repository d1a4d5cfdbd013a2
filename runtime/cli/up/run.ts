import { accessSync, constants } from 'node:fs'
import { resolve } from 'node:path'
import { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import { makeFolder } from '../../../actors/shared/make-folder.ts'
import { DiscoveryStarted } from '../../../proto/index.ts'
import { createPeer } from '../../peer/create-peer.ts'
import type { Peer } from '../../peer/peer.ts'
import { CommandFailedError, UsageError } from '../errors.ts'
import { Lifetime } from '../lifetime.ts'
import { complain } from '../output.ts'
import { Commands } from './commands.ts'
import { Directory } from './directory.ts'
import type { UpEvent } from './event.ts'
import { Narrator } from './narrator.ts'
import { absentInterfaces, peerOptions, type UpValues } from './options.ts'
import { Rehearsal } from './rehearsal.ts'
import { saveLogOnSignal } from './save-log.ts'
import { Screen } from './screen.ts'
import { openNetwork } from './sentences.ts'
import { readLines } from './stdin.ts'
import { jsonView, plainView, type View } from './view.ts'

/** How long a peer may take to stop before the process ends without it, in milliseconds: twice what its parts are given. */
const STOP_MS_MAX = 15_000

/** `p2pnet up`: runs a peer until it is told to stop. */
export async function up(values: UpValues): Promise<void> {
  const life = new Lifetime()
  try {
    await run(values, life)
  } finally {
    life.close()
  }
}

async function run(values: UpValues, life: Lifetime): Promise<void> {
  const onScreen = !values.json && process.stdin.isTTY === true && process.stdout.isTTY === true
  if (values.inbox !== undefined) prepareInbox(values.inbox)
  const directory = new Directory()
  let view: View = values.json ? jsonView : plainView(directory)
  const log = logger(values, onScreen ? line => view.note(line) : undefined)
  const peer = createPeer({ ...await peerOptions(values), log })
  warnOfInterfaces(values.interface, log)

  const emit = (event: UpEvent) => view.show(event)
  const releaseSignal = saveLogOnSignal(peer, line => values.json ? log.warn(line) : view.note(line))
  const commands = new Commands({ peer, directory, emit, quit: () => life.end('quit') })
  const narrator = new Narrator(peer, directory, emit)
  // Who is to wait has the time for it, and is the faster when the others are let go at the same moment.
  const rehearsal = new Rehearsal()
  if (values.wait) {
    await rehearsal.run()
    peer.bus.of(DiscoveryStarted).subscribe(() => rehearsal.started())
  }
  // Discovery starts below, so that nothing is told before `ready`.
  const began = peer.start({ wait: true }).then(() => true)
  // A stop that comes first makes start() fail, which is then nobody's concern.
  began.catch(() => {})
  let release = () => {}
  try {
    if (!await Promise.race([began, life.ended.then(() => false)])) return
    if (onScreen) {
      const screen = new Screen({
        name: peer.name, network: peer.network, directory,
        onLine: line => commands.follow(line), onEnd: how => life.end(how)
      })
      view = screen
      release = () => screen.close()
    } else {
      release = readLines(line => commands.follow(line), () => {
        if (values.stopWithStdin) life.end('stdin ended')
      })
    }
    sayReady(peer, view, log, values)
    peer.peers.subscribe(peers => view.peers(peers))
    if (!values.wait) peer.discover()
    const alone = peer.stopped.then(() => {
      if (life.reason === undefined) throw new CommandFailedError('the peer stopped by itself, because a part of it failed for good: its log says which')
    })
    alone.catch(() => {})
    await Promise.race([life.ended, alone])
  } finally {
    await stop(peer, life)
    rehearsal.end()
    releaseSignal()
    narrator.close()
    release()
  }
}

function sayReady(peer: Peer, view: View, log: Logger, values: UpValues): void {
  const open = isOpen(values, peer.policy.defaultTrust)
  const listen = peer.listening.map(({ host, port }) => ({ address: host, port }))
  view.show({ event: 'ready', peerId: peer.peerId, name: peer.name, network: peer.network, listen, open })
  if (!open) return
  const notice = openNetwork(peer.network, values.inbox !== undefined)
  if (values.json) log.warn(notice)
  else view.note(notice)
}

async function stop(peer: Peer, life: Lifetime): Promise<void> {
  const late = setTimeout(() => {
    complain(`p2pnet: the peer did not stop within ${STOP_MS_MAX} ms; ended at once`)
    process.exit(1)
  }, STOP_MS_MAX)
  try {
    await peer.stop(life.reason ?? 'stopped')
  } finally {
    clearTimeout(late)
  }
}

/** Whoever comes may join: no step asks for a right to be there. */
function isOpen({ trust, keyFile }: UpValues, defaultTrust: boolean): boolean {
  if (trust === undefined && !defaultTrust) return false
  const steps = trust ?? (keyFile !== undefined || process.env['P2PNET_KEY'] ? ['secret'] : ['pings'])
  return steps.every(step => step === 'pings')
}

/** To stderr; on the live screen, where stderr is the same terminal, as lines of it. */
function logger({ logLevel }: UpValues, note: ((line: string) => void) | undefined): Logger {
  if (note === undefined || process.stderr.isTTY !== true) return pino({ level: logLevel }, pino.destination({ fd: 2, sync: true }))
  return pino({ level: logLevel }, new Writable({
    write(chunk: Buffer, _encoding, done) {
      const { level, msg, ...rest } = JSON.parse(chunk.toString()) as { level: number; msg?: string; err?: { message: string } }
      note(`${pino.levels.labels[level]}: ${msg ?? rest.err?.message ?? ''}`)
      done()
    }
  }))
}

function prepareInbox(inbox: string): void {
  const folder = resolve(inbox)
  try {
    makeFolder(folder)
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new UsageError(`--inbox ${folder} cannot be used (${(error as NodeJS.ErrnoException).code}): name a folder that you may write to`)
  }
}

function warnOfInterfaces(names: readonly string[] | undefined, log: Logger): void {
  const { absent, present } = absentInterfaces(names)
  for (const name of absent) log.warn(`there is no interface '${name}' now, it is used when it comes; there are ${present.join(', ')}`)
}

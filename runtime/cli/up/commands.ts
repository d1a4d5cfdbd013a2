import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isPeerId } from '../../../actors/identity/index.ts'
import { blockedOf } from '../../../machines/blocklist.ts'
import { ShareFile, TextMessage } from '../../../proto/index.ts'
import { isAddress } from '../../doctor/note.ts'
import type { Peer } from '../../peer/peer.ts'
import { whyFields } from '../why.ts'
import type { Directory } from './directory.ts'
import type { Emit } from './event.ts'

/** A command that cannot be followed; becomes the event `error`. */
class BadCommandError extends Error {
  override name = 'BadCommandError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Longest line taken, in characters: a message fits, a file piped in by mistake does not. */
export const LINE_CHARS_MAX = 64 * 1024

const USAGE: Readonly<Record<string, string>> = {
  start: 'start', peers: 'peers', say: 'say TEXT or say @PEER TEXT', send: 'send PATH or send PATH @PEER',
  why: 'why PEER, why HOST:PORT or why ADDRESS', drop: 'drop PEER', block: 'block PEER, block ADDRESS or block ADDRESS/BITS',
  unblock: 'unblock PEERID, unblock ADDRESS or unblock ADDRESS/BITS', policy: 'policy, or policy NAME VALUE',
  take: 'take, or take PEER', name: 'name NEW-NAME', approve: 'approve PEER', refuse: 'refuse PEER or refuse PEER REASON',
  revoke: 'revoke PEER or revoke PEER REASON', verify: 'verify PEER', status: 'status',
  routine: 'routine, routine NAME start, routine NAME stop, or routine NAME every 30s', quit: 'quit'
}

/** Follows the commands of `up`, one line each. */
export class Commands {
  readonly #peer: Peer
  readonly #directory: Directory
  readonly #emit: Emit
  readonly #quit: () => void

  constructor(parts: { peer: Peer; directory: Directory; emit: Emit; quit: () => void }) {
    this.#peer = parts.peer
    this.#directory = parts.directory
    this.#emit = parts.emit
    this.#quit = parts.quit
  }

  /** Follows one line; what is wrong with it becomes the event `error`, and nothing stops. */
  follow(line: string): void {
    if (line.trim() === '') return
    try {
      this.#follow(line)
    } catch (error) {
      this.#emit({ event: 'error', code: codeOf(error), message: (error as Error).message })
    }
  }

  #follow(line: string): void {
    if (line.length > LINE_CHARS_MAX) throw new BadCommandError('bad-command', `a command has at most ${LINE_CHARS_MAX} characters: send a file instead`)
    const [, word = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(line) ?? []
    switch (word) {
      case 'start': return this.#bare(word, rest, () => this.#peer.discover())
      case 'peers': return this.#bare(word, rest, () => this.#peers())
      case 'status': return this.#bare(word, rest, () => this.#emit({ event: 'status', ...this.#peer.status(), nat: 'unknown' }))
      case 'routine': return this.#routine(rest)
      case 'quit': return this.#bare(word, rest, this.#quit)
      case 'say': return this.#say(rest)
      case 'send': return this.#send(rest)
      case 'why': return this.#why(rest)
      case 'drop': return this.#peer.drop(this.#anybody('drop', rest))
      case 'block': return this.#peer.block(this.#blockable('block', rest))
      case 'unblock': return this.#peer.unblock(this.#blockable('unblock', rest))
      case 'policy': return this.#policy(rest)
      case 'name': return this.#peer.rename(rest)
      case 'take': return this.#take(rest)
      case 'approve': return this.#peer.approve(this.#anybody('approve', rest))
      case 'refuse': return this.#because('refuse', rest, (peerId, reason) => this.#peer.refuse(peerId, reason))
      case 'revoke': return this.#because('revoke', rest, (peerId, reason) => this.#peer.revoke(peerId, reason))
      case 'verify': return this.#peer.verify(this.#known('verify', rest).peerId)
      default: throw new BadCommandError('unknown-command', `'${word.slice(0, 40)}' is no command: use ${Object.keys(USAGE).join(', ')}; to say it: say ${line.trim().slice(0, 40)}`)
    }
  }

  #bare(word: string, rest: string, action: () => void): void {
    if (rest !== '') throw usage(word)
    action()
  }

  #take(wanted: string): void {
    const { waiting } = this.#peer.inbound
    const peerId = wanted === '' ? waiting[0]?.peerId : this.#known('take', wanted).peerId
    const peer = waiting.find(each => each.peerId === peerId)
    if (peer === undefined) throw new BadCommandError('nobody-waits', wanted === '' ? 'nobody waits to be taken' : `'${wanted}' does not wait to be taken`)
    this.#peer.inbound.take(peer.linkId)
  }

  #policy(rest: string): void {
    const [, name = '', text] = /^(\S+)(?:\s+(.+))?$/s.exec(rest) ?? []
    if (rest === '') return this.#emit({ event: 'policy', ...this.#peer.policy })
    if (text === undefined) throw usage('policy')
    this.#peer.setPolicy({ [name]: valueOf(text) })
  }

  /** An address, a subnet, a whole PeerId, or a peer that was met; what is blocked by its first letters too. */
  #blockable(word: string, wanted: string): string {
    if (wanted === '' || /\s/.test(wanted)) throw usage(word)
    if (blockedOf(wanted) !== undefined) return wanted
    const { blocked } = this.#peer.policy
    const among = word === 'unblock' ? blocked.filter(entry => isPeerId(entry) && entry.startsWith(wanted)) : []
    return among.length === 1 ? among[0]! : this.#known(word, wanted).peerId
  }

  #routine(rest: string): void {
    const { routines } = this.#peer
    const [, name = '', change = '', time = ''] = /^(.*\S)\s+(start|stop|every\s+(\S+))$/.exec(rest) ?? []
    if (rest === '') return this.#emit({ event: 'routines', routines: routines.list() })
    if (change === 'start') routines.start(name)
    else if (change === 'stop') routines.stop(name)
    else if (name !== '') routines.every(name, millisecondsOf(time))
    else throw usage('routine')
  }

  #peers(): void {
    this.#emit({
      event: 'peers',
      peers: this.#peer.peers.value.map(({ peerId, name, level, path, address, rttMs, sinceMs }) =>
        ({ peerId, name, level, path, address, rttMs: rttMs ?? null, sinceMs }))
    })
  }

  #say(rest: string): void {
    const [, to, directed] = /^@(\S+)\s+(.+)$/s.exec(rest) ?? []
    if (to !== undefined && directed !== undefined) {
      this.#peer.send(this.#connected('say', to).peerId, new TextMessage({ text: directed }))
      return
    }
    if (rest === '' || rest.startsWith('@')) throw usage('say')
    if (this.#directory.connected().length === 0) throw nobody()
    for (const { peerId, error } of this.#peer.broadcast(new TextMessage({ text: rest }))) {
      this.#emit({ event: 'error', code: codeOf(error), message: `${this.#directory.nameOf(peerId)} did not get it: ${error.message}` })
    }
  }

  #send(rest: string): void {
    const [, given = '', to] = /^(.*?)(?:\s+@(\S+))?$/s.exec(rest) ?? []
    if (given === '' || given.startsWith('@')) throw usage('send')
    const path = resolve(given)
    const what = kindOf(path)
    if (what === 'folder') throw new BadCommandError('no-file', `${path} is a folder: send its files one by one`)
    if (what !== 'file') throw new BadCommandError('no-file', `there is ${what === 'none' ? 'nothing' : 'no regular file'} at ${path}: check the path`)
    const receivers = to === undefined ? this.#directory.connected() : [this.#connected('send', to)]
    if (receivers.length === 0) throw nobody()
    this.#peer.publish(new ShareFile({ path, peerIds: receivers.map(({ peerId }) => peerId) }), { to: 'file-share/main' })
  }

  #why(rest: string): void {
    const isPlace = /^\S+:\d+$/.test(rest)
    const key = isPlace ? this.#peer.peers.value.find(({ address }) => address === rest)?.peerId ?? rest : this.#heard(rest)
    this.#emit({ event: 'why', ...whyFields(this.#peer.why(key)) })
  }

  /** Somebody who was refused may be known to the doctor alone. A name that reads like an address is not looked at. */
  #heard(wanted: string): string {
    const who = wanted.replace(/^@/, '')
    if (isAddress(who)) return who
    try {
      return this.#anybody('why', wanted)
    } catch (error) {
      if (codeOf(error) !== 'unknown-peer') throw error
      return who
    }
  }

  #known(word: string, wanted: string) {
    if (wanted === '' || /\s/.test(wanted)) throw usage(word)
    return this.#directory.find(wanted.replace(/^@/, ''))
  }

  /** A peer that may not have been heard yet, where all of its PeerId is given. */
  #anybody(word: string, wanted: string): string {
    return isPeerId(wanted) ? wanted : this.#known(word, wanted).peerId
  }

  #because(word: string, rest: string, action: (peerId: string, reason: string) => void): void {
    const [, wanted = '', reason = ''] = /^(\S*)\s*(.*)$/s.exec(rest) ?? []
    action(this.#anybody(word, wanted), reason)
  }

  #connected(word: string, wanted: string) {
    const peer = this.#known(word, wanted)
    if (!peer.connected) throw new BadCommandError('not-connected', `there is no link to ${this.#directory.nameOf(peer.peerId)}: ask 'why ${wanted}'`)
    return peer
  }
}

/** JSON, or a word that stands for itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function millisecondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,10})(ms|s|m|h)$/.exec(text) ?? []
  if (count === undefined) throw new BadCommandError('bad-command', `'${text}' is no time: write 500ms, 30s, 5m or 1h`)
  return Number(count) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 1)
}

/** The code that an error of ours carries. */
function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown }
  // The system's own are in capitals.
  return typeof code === 'string' && /^[a-z-]+$/.test(code) ? code : 'failed'
}

function usage(word: string): BadCommandError {
  return new BadCommandError('bad-command', `write: ${USAGE[word]}`)
}

function nobody(): BadCommandError {
  return new BadCommandError('no-peers', 'no peer is connected: wait for one, see \'peers\'')
}

function kindOf(path: string): 'file' | 'folder' | 'other' | 'none' {
  try {
    const stat = statSync(path)
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other'
  } catch {
    return 'none'
  }
}

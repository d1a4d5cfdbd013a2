import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { jsonText } from '../../json-text.ts'
import type { Peer } from '../../peer/peer.ts'
import { rehearse } from '../../peer/rehearse.ts'
import { Directory } from './directory.ts'
import { Narrator } from './narrator.ts'

/** Peers that meet: 28 links, after which the code of a link is warm. */
const PEERS = 8
/** A network forms in less, in milliseconds. */
const FORMS_MS = 3_000
/** Who waits longer than this is not about to start, in milliseconds. */
const WAITS_MS = 60_000

/**
 * What `--wait` does while it waits: links are rehearsed, and V8's optimising compiler is held back until the network has had the
 * time to form. Where many peers start together on few cores, it would work on what is warm at the very moment at which they need
 * them all: ten peers on two cores are a full mesh in some three quarters of the time.
 */
export class Rehearsal {
  #timer: NodeJS.Timeout | undefined
  #started = false

  async run(): Promise<void> {
    setFlagsFromString('--no-opt')
    await rehearse(watched, PEERS)
    collectGarbage()
    this.#endIn(WAITS_MS)
  }

  /** Discovery starts: by the first `start`, of several. */
  started(): void {
    if (this.#started || this.#timer === undefined) return
    this.#started = true
    this.#endIn(FORMS_MS)
  }

  end(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    setFlagsFromString('--opt')
  }

  #endIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end(), ms)
    this.#timer.unref()
  }
}

/** The rehearsal's garbage would be collected while the first links are made. Node gives no other way to ask for it than a new context. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  collect()
}

/** A peer of the rehearsal, told of to nobody. */
function watched(peer: Peer): void {
  new Narrator(peer, new Directory(), event => void jsonText(event))
}

import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import type { PeerInfo } from '../../peer/roster.ts'
import { excerpt, legible } from '../legible.ts'
import { print } from '../output.ts'
import { whyTable } from '../why.ts'
import type { Directory } from './directory.ts'
import { layout } from './layout.ts'
import { sentence } from './sentences.ts'
import { clockTime, type View } from './view.ts'

/** Lines kept to be shown again when the window grows. */
const LINES_MAX = 500
/** Characters kept of a line, more than there is ever room for: a message may have millions. */
const LINE_CHARS_MAX = 4_000
/** A person sees no more than about 20 pictures a second; painting more would only cost the peer its time. */
const PAINT_MS = 50

const ALTERNATE = '\u001b[?1049h'
const PRIMARY = '\u001b[?1049l'
const HOME = '\u001b[H'
const ERASE_LINE = '\u001b[K'
const BOLD = '\u001b[1m'
const PLAIN = '\u001b[0m'

export interface ScreenOptions {
  readonly name: string
  readonly network: string
  readonly directory: Directory
  /** A line that was typed. */
  readonly onLine: (line: string) => void
  /** Ctrl-C, or Ctrl-D on an empty line. */
  readonly onEnd: (how: string) => void
}

/** The live screen: peers above, what happened in the middle, an input line below. */
export class Screen implements View {
  readonly #options: ScreenOptions
  readonly #editor: Interface
  readonly #tick: NodeJS.Timeout
  readonly #bold = process.stdout.hasColors?.() ? [BOLD, PLAIN] as const : ['', ''] as const
  readonly #lines: string[] = []
  #peers: readonly PeerInfo[] = []
  #address = ''
  #paintTimer: NodeJS.Timeout | undefined

  constructor(options: ScreenOptions) {
    this.#options = options
    // Readline edits the line and keeps the history; its own drawing goes nowhere, the screen shows the line.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    this.#editor = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 100 })
    this.#editor.on('line', line => {
      if (line.trim() !== '') this.note(`> ${line}`)
      options.onLine(line)
      this.#paintSoon()
    })
    this.#editor.on('SIGINT', () => options.onEnd('Ctrl-C'))
    this.#editor.on('close', () => options.onEnd('Ctrl-D'))
    this.#editor.on('SIGCONT', () => {
      process.stdout.write(ALTERNATE)
      this.#paintSoon()
    })
    process.stdin.on('keypress', this.#paintSoon)
    process.stdout.on('resize', this.#paintSoon)
    this.#tick = setInterval(this.#paintSoon, 1_000)
    process.stdout.write(ALTERNATE)
    this.note('say TEXT · say @PEER TEXT · send PATH · why PEER · quit')
  }

  show: View['show'] = event => {
    if (event.event === 'ready') {
      const place = event.listen[0]
      this.#address = place === undefined ? '' : `port ${place.port}`
    }
    if (event.event === 'transfer.progress') this.#progress(sentence(event, this.#options.directory) ?? '')
    else if (event.event === 'peers') for (const peer of event.peers) this.note(sentence({ event: 'peers', peers: [peer] }, this.#options.directory) ?? '')
    else {
      const text = sentence(event, this.#options.directory)
      if (text !== undefined) this.note(text)
      if (event.event === 'why') for (const line of whyTable(event, (process.stdout.columns ?? 80) - 9)) this.note(line)
    }
  }

  note(text: string): void {
    this.#lines.push(`${clockTime(Date.now())} ${legible(excerpt(text, LINE_CHARS_MAX))}`)
    if (this.#lines.length > LINES_MAX) this.#lines.shift()
    this.#paintSoon()
  }

  peers(peers: readonly PeerInfo[]): void {
    this.#peers = peers
    this.#paintSoon()
  }

  close(): void {
    clearInterval(this.#tick)
    clearTimeout(this.#paintTimer)
    this.#paintTimer = undefined
    process.stdin.off('keypress', this.#paintSoon)
    process.stdout.off('resize', this.#paintSoon)
    this.#editor.removeAllListeners('close')
    this.#editor.close()
    process.stdout.write(PRIMARY)
    for (const line of this.#lines.slice(-5)) print(line)
  }

  /** One line for a transfer, brought up to date where it stands last. */
  #progress(text: string): void {
    const stem = text.replace(/ \d+ %$/, '')
    if (this.#lines.at(-1)?.slice(9).replace(/ \d+ %$/, '') === stem) this.#lines.pop()
    this.note(text)
  }

  readonly #paintSoon = (): void => {
    this.#paintTimer ??= setTimeout(() => {
      this.#paintTimer = undefined
      this.#paint()
    }, PAINT_MS)
  }

  #paint(): void {
    const { columns = 80, rows = 24 } = process.stdout
    const { name, network } = this.#options
    const { lines, cursor } = layout({
      name, network, address: this.#address, peers: this.#peers, lines: this.#lines,
      input: this.#editor.line, cursor: this.#editor.cursor, now: Date.now()
    }, columns, rows)
    const [bold, plain] = this.#bold
    // Erased before it is written: after a line as wide as the screen, erasing would take its last character.
    const text = lines.map((line, index) => `${ERASE_LINE}${index === 0 ? bold + line + plain : line}`).join('\r\n')
    process.stdout.write(`${HOME}${text}\u001b[${lines.length};${cursor + 1}H`)
  }
}

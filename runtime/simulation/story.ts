import type { Violation } from './invariant.ts'
import type { SimulatedPeer } from './peer.ts'
import type { Trace, Traced, TracedMessage } from './trace.ts'

/** One line of a story. What is the same again, with nothing new in between, is one line. */
export interface StoryLine {
  readonly kind: 'message' | 'note'
  /** Milliseconds of the run. */
  readonly atMs: number
  /** Who sends; where a note belongs, empty where it belongs to all. */
  readonly from: string
  /** Who receives; empty for a note. */
  readonly to: string
  readonly what: string
  /** Why a message does not arrive; empty where it does. */
  readonly lost: string
  /** How often, and until when. */
  times: number
  untilMs: number
}

/** What happened in a failing run, cut to the peers of the violation and to what reached them before it. */
export class Story {
  readonly lines: readonly StoryLine[]
  readonly violation: Violation
  readonly #peers: readonly string[]

  constructor(trace: Trace, peers: readonly SimulatedPeer[], violation: Violation) {
    const names = new Map(peers.map(({ index, name }) => [index, name]))
    const records = concerned(trace.records, violation, new Set(peers.filter(({ name, peerId }) => mentions(violation, name) || violation.message.includes(peerId)).map(({ index }) => index)))
    this.violation = violation
    this.lines = folded(records, number => names.get(number) ?? `peer-${number}`)
    const seen = new Set(this.lines.flatMap(({ from, to }) => [from, to]))
    this.#peers = peers.map(({ name }) => name).filter(name => seen.has(name))
  }

  /** Lines that are messages. */
  get messages(): number {
    return this.lines.filter(({ kind }) => kind === 'message').length
  }

  /** Messages with those that came again. */
  get happened(): number {
    return this.lines.reduce((sum, { kind, times }) => sum + (kind === 'message' ? times : 0), 0)
  }

  /** Line by line, for a person. */
  get log(): string {
    return this.lines.map(line => {
      const { kind, atMs, from, to, lost } = line
      const where = kind === 'message' ? `${from} ${lost === '' ? '→' : '✗'} ${to}` : from === '' ? 'all' : from
      return `${(atMs / 1_000).toFixed(3).padStart(9)} s  ${where.padEnd(18)}  ${said(line)}\n`
    }).join('')
  }

  /** A Mermaid sequence diagram; lost messages end in a cross. */
  get diagram(): string {
    const ids = new Map(this.#peers.map((name, index) => [name, `p${index}`]))
    const all = this.#peers.length > 1 ? `p0,p${this.#peers.length - 1}` : 'p0'
    return [
      'sequenceDiagram',
      ...this.#peers.map((name, index) => `  participant p${index} as ${escaped(name)}`),
      ...this.lines.map(line => {
        const text = escaped(`${(line.atMs / 1_000).toFixed(3)} s  ${said(line)}`)
        if (line.kind === 'note') return `  Note over ${line.from === '' ? all : ids.get(line.from)}: ${text}`
        return `  ${ids.get(line.from)}${line.lost === '' ? '->>' : '-x'}${ids.get(line.to)}: ${text}`
      })
    ].join('\n') + '\n'
  }
}

function mentions({ message }: Violation, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(message)
}

function said({ what, lost, times, untilMs }: StoryLine): string {
  return `${what}${lost === '' ? '' : ` (${lost})`}${times === 1 ? '' : `, ${times} times until ${(untilMs / 1_000).toFixed(3)} s`}`
}

/** Mermaid reads a semicolon as the end of a line and a number sign as the begin of an entity. */
function escaped(text: string): string {
  return text.replaceAll(/[#;]/g, sign => sign === '#' ? '#35;' : '#59;').replaceAll(/\s*\n\s*/g, ' ')
}

/** Backwards from the violation: what its peers received, what had reached those who sent it, and so on. */
function concerned(records: readonly Traced[], { invariant, message }: Violation, peers: ReadonlySet<number>): Traced[] {
  const end = records.findIndex(record => record.kind === 'note' && record.text === `${invariant}: ${message}`)
  const before = end < 0 ? records : records.slice(0, end + 1)
  if (peers.size === 0) return [...before]
  // Until when what a peer received may matter.
  const horizons = new Map([...peers].map(number => [number, Infinity]))
  const inOrder = before.map((record, index) => ({ record, index, atUs: record.kind === 'message' ? record.arrivedUs ?? record.atUs : record.atUs }))
    .sort((a, b) => b.atUs - a.atUs || b.index - a.index)
  const kept = new Set<number>()
  for (const { record, index, atUs } of inOrder) {
    if (record.kind === 'note') {
      if (record.peer === undefined || peers.has(record.peer) || atUs <= (horizons.get(record.peer) ?? -1)) kept.add(index)
    } else if (atUs <= (horizons.get(record.to) ?? -1) && (record.lost === '' || peers.has(record.from))) {
      kept.add(index)
      if (record.atUs > (horizons.get(record.from) ?? -1)) horizons.set(record.from, record.atUs)
    } else if (peers.has(record.from) && peers.has(record.to)) {
      kept.add(index)
    }
  }
  return before.filter((_, index) => kept.has(index))
}

/** What comes again, with the same to follow, becomes one line; a fault, a start or an end makes everything new. */
function folded(records: readonly Traced[], nameOf: (number: number) => string): StoryLine[] {
  const lines = new Map<string, StoryLine>()
  for (const record of records) {
    const line: StoryLine = {
      kind: record.kind,
      atMs: record.atUs / 1_000,
      from: record.kind === 'message' ? nameOf(record.from) : record.peer === undefined ? '' : nameOf(record.peer),
      to: record.kind === 'message' ? nameOf(record.to) : '',
      what: record.kind === 'message' ? record.what : record.text,
      lost: record.kind === 'message' ? fate(record) : '',
      times: 1,
      untilMs: record.atUs / 1_000
    }
    const key = JSON.stringify([line.from, line.to, line.what, line.lost, record.epoch, record.kind === 'message' ? record.effects : []])
    const same = lines.get(key)
    if (same === undefined) {
      lines.set(key, line)
    } else {
      same.times++
      same.untilMs = line.untilMs
    }
  }
  return [...lines.values()]
}

function fate({ lost, arrivedUs }: TracedMessage): string {
  return lost !== '' ? lost : arrivedUs === undefined ? 'does not arrive' : ''
}

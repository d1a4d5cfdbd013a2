import type { PeerInfo } from '../../peer/roster.ts'
import { ago, cell, counted, crop, legible, milliseconds, widthOf } from '../legible.ts'

/** What the screen shows. */
export interface ScreenState {
  readonly name: string
  readonly network: string
  /** `HOST:PORT` of the first place that accepts links; empty for none. */
  readonly address: string
  readonly peers: readonly PeerInfo[]
  /** What happened, oldest first, one line each. */
  readonly lines: readonly string[]
  readonly input: string
  /** Position in the input, in UTF-16 units. */
  readonly cursor: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface Frame {
  readonly lines: readonly string[]
  /** Column of the cursor on the last line, from 0. */
  readonly cursor: number
}

/** A column of the table: dropped from the right where the terminal is narrow. */
interface Column {
  readonly title: string
  readonly width: number
  readonly align?: 'right'
  readonly value: (peer: PeerInfo, now: number) => string
}

const COLUMNS: readonly Column[] = [
  { title: 'PEER', width: 14, value: ({ name, peerId }) => legible(name || peerId.slice(0, 8)) },
  { title: 'LEVEL', width: 8, value: ({ level }) => level },
  { title: 'RTT', width: 7, align: 'right', value: ({ rttMs }) => rttMs === undefined ? '–' : milliseconds(rttMs) },
  { title: 'FOR', width: 6, align: 'right', value: ({ sinceMs }, now) => ago(now - sinceMs) },
  { title: 'ID', width: 8, value: ({ peerId }) => peerId.slice(0, 8) },
  { title: 'ADDRESS', width: 22, value: ({ address }) => address }
]

/** Lays the screen out on so many columns and rows: peers above, what happened in the middle, the input below. */
export function layout(state: ScreenState, columns: number, rows: number): Frame {
  const shown = tableRows(state.peers.length, rows)
  const used = columnsFor(columns)
  const table = [
    row(used.map(({ title, width, align }) => cell(title, width, align))),
    ...state.peers.slice(0, shown).map(peer => row(used.map(({ value, width, align }) => cell(value(peer, state.now), width, align))))
  ]
  if (state.peers.length === 0) table.splice(0, 1, 'nobody is connected yet')
  if (state.peers.length > shown) table.push(`and ${state.peers.length - shown} more: say 'peers'`)

  const head = [title(state, columns), ...table, '─'.repeat(columns)]
  const room = Math.max(0, rows - head.length - 2)
  const lines = wrapTail(state.lines, columns, room)
  const { text, cursor } = inputLine(state, columns)
  return {
    lines: [
      ...head.slice(0, rows - 1).map(line => crop(line, columns)),
      ...lines, ...Array<string>(room - lines.length).fill(''),
      ...(rows > head.length + 1 ? ['─'.repeat(columns)] : []),
      text
    ].slice(-rows),
    cursor
  }
}

function title({ name, network, address, peers }: ScreenState, columns: number): string {
  const parts = [legible(name), `network ${legible(network)}`, counted(peers.length, 'peer'), ...(address ? [address] : [])]
  while (parts.length > 3 && parts.join(' · ').length > columns) parts.pop()
  return parts.join(' · ')
}

/** The table takes a third of the screen at most, and a line at least. */
function tableRows(peers: number, rows: number): number {
  return Math.min(peers, Math.max(1, Math.floor(rows / 3)))
}

function columnsFor(columns: number): Column[] {
  let left = columns
  return COLUMNS.filter(({ width }) => (left -= width + 1) >= -1)
}

function row(cells: readonly string[]): string {
  return cells.join(' ').trimEnd()
}

/** The last lines that fit, each wrapped over as many rows as it needs, up to four. */
function wrapTail(lines: readonly string[], columns: number, room: number): string[] {
  const out: string[] = []
  for (let index = lines.length - 1; index >= 0 && out.length < room; index--) {
    out.unshift(...wrap(lines[index]!, columns).slice(-(room - out.length)))
  }
  return out
}

function wrap(line: string, columns: number): string[] {
  const rows: string[] = []
  let rest = line
  while (rows.length < 3) {
    const cut = crop(rest, columns)
    if (cut === rest) break
    const space = cut.lastIndexOf(' ')
    const end = space > columns / 2 ? space : cut.length - 1
    if (end <= 0) break
    rows.push(rest.slice(0, end))
    rest = `  ${rest.slice(end).trimStart()}`
  }
  return [...rows, crop(rest, columns)]
}

/** The end of the input that leads up to the cursor, where it is longer than the line. */
function inputLine({ input, cursor }: ScreenState, columns: number): { text: string; cursor: number } {
  const before = legible(input.slice(0, cursor))
  const room = Math.max(1, columns - 3)
  let visible = before
  while (crop(visible, room) !== visible) visible = visible.slice(Math.max(1, Math.floor(visible.length / 8)))
  return { text: crop(`> ${visible}${legible(input.slice(cursor))}`, columns), cursor: 2 + widthOf(visible) }
}

import { Registry } from '../../proto/index.ts'
import { crop, filled, widthOf } from '../columns.ts'
import { jsonText, printable } from '../json-text.ts'
import { shortBody, shown } from './body.ts'
import { guarded, type CommandStreams } from './commands.ts'
import type { PrintOptions } from './inspect-commands.ts'
import { joinLogs, type JoinedLogs, type JoinedRow } from './join.ts'

export interface JoinCommandOptions extends PrintOptions {
  /** A sequence diagram instead of text. @default false */
  readonly mermaid?: boolean
  readonly registry?: Registry
}

/** `p2pnet log join`: one picture from the logs of several peers. @returns the exit code */
export function joinCommand(files: readonly string[], streams: CommandStreams, options: JoinCommandOptions = {}): Promise<number> {
  return guarded(undefined, streams, async () => {
    const registry = options.registry ?? new Registry()
    const joined = joinLogs(files, { registry })
    const text = options.mermaid === true ? mermaid(joined)
      : options.json === true ? json(joined, registry) : formatJoined(joined, registry, Math.max(options.width ?? 80, 40))
    streams.out.write(`${text}\n`)
    return 0
  })
}

/** The picture as text: one line a message or milestone, the time since the first peer's start. */
export function formatJoined({ peers, rows }: JoinedLogs, registry: Registry, width: number): string {
  const zero = Math.min(...peers.map(peer => peer.zero))
  const names = peers.map(({ name }) => crop(printable(name), 12))
  const column = Math.min(Math.max(...names.map(widthOf)) * 2 + 3, 27)
  const lines = peers.map(({ name, peerId, zero: own, begin, correctionMs, truncated }) =>
    `# ${name} ${peerId.slice(0, 16)}, from ${seconds(own - zero).trim()} s on${begin === own ? '' : `, its log from ${seconds(begin - zero).trim()} s on`}` +
    `${correctionMs === 0 ? '' : `, its clock moved by ${correctionMs} ms`}${truncated ? '; only the start of its log' : ''}`)
  for (const row of rows) {
    const body = shortBody(row.envelope, registry)
    const { message } = row
    const who = message === undefined ? names[row.peer]! : `${names[row.peer]!} → ${other(row, names)}`
    const way = message === undefined ? '' : message.arrived === undefined ? `(${message.before === true ? `before the log of ${other(row, names)}` : 'arrived in no log'}) ` : `(${message.arrived.time - row.time} ms) `
    lines.push(`${seconds(row.time - zero)} ${filled(who, column)} ${row.envelope.type} ${way}${body}`.trimEnd())
  }
  return lines.map(line => crop(printable(line), width)).join('\n')
}

/** The picture as a sequence diagram. */
export function mermaid({ peers, rows }: JoinedLogs): string {
  const lines = ['sequenceDiagram', ...peers.map(({ name }, index) => `  participant p${index} as ${word(name)}`)]
  const strangers = new Map<string, string>()
  const stranger = (peerId: string) => {
    const known = strangers.get(peerId) ?? `q${strangers.size}`
    strangers.set(peerId, known)
    return known
  }
  const body = rows.map(({ peer, envelope, message }) => {
    if (message === undefined) return `  Note over p${peer}: ${word(envelope.type)}`
    const to = message.to === undefined ? stranger(message.toPeerId) : `p${message.to}`
    return `  p${peer}${message.arrived === undefined && message.before !== true ? '-x' : '->>'}${to}: ${word(envelope.type)}`
  })
  for (const [peerId, id] of strangers) lines.push(`  participant ${id} as ${peerId === '*' ? 'all' : word(peerId.slice(0, 8) || 'nobody')}`)
  return [...lines, ...body].join('\n')
}

/** Text that means nothing to Mermaid, on one line. */
function word(text: string): string {
  return text.replace(/[^\p{L}\p{N} ._-]/gu, '·').slice(0, 60)
}

function other({ message }: JoinedRow, names: readonly string[]): string {
  if (message?.to !== undefined) return names[message.to]!
  return message?.toPeerId === '*' ? 'all' : crop(message?.toPeerId ?? '', 12)
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(9)
}

function json({ peers, rows }: JoinedLogs, registry: Registry): string {
  const lines = rows.map(({ time, peer, envelope, message }) => jsonText({
    kind: message === undefined ? 'event' : 'message', time, peer: peers[peer]!.name,
    ...(message === undefined ? {} : { to: message.to === undefined ? message.toPeerId : peers[message.to]!.name, arrived: message.arrived, before: message.before }),
    envelope: shown(envelope, registry)
  }))
  return [...peers.map(peer => jsonText({ kind: 'peer', ...peer })), ...lines].join('\n')
}

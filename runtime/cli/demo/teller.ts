import { bytes, cell, legible, milliseconds } from '../legible.ts'
import { print, printJson } from '../output.ts'

export interface LinkTimes {
  readonly between: readonly [string, string]
  /** Milliseconds from `start`. */
  readonly foundMs: number
  readonly connectedMs: number
  readonly verifiedMs: number
}

export interface SummaryRow {
  readonly name: string
  readonly peerId: string
  readonly links: number
  /** Median over its links; null where none was measured. */
  readonly rttMs: number | null
  /** Milliseconds from `start` until it had verified, and was verified by, everyone. */
  readonly meshMs: number
  /** Of files, in bytes. */
  readonly sent: number
  readonly received: number
}

/** What the demo tells, as events for scripts. */
export type DemoEvent =
  | { event: 'demo.starting'; network: string; interface: string }
  | { event: 'demo.peer'; name: string; peerId: string; pid: number; address: string }
  | { event: 'demo.ready'; ms: number }
  | ({ event: 'demo.link' } & LinkTimes)
  | { event: 'demo.mesh'; ms: number }
  | { event: 'demo.message'; from: string; to: string; text: string; ms: number }
  | { event: 'demo.file'; name: string; size: number; from: string; to: readonly string[] }
  | { event: 'demo.stored'; to: string; bytesPerSecond: number; contentId: string; same: boolean }
  | { event: 'demo.summary'; peers: readonly SummaryRow[] }
  | { event: 'demo.live' }
  | { event: 'demo.unsaid'; reason: string }
  | { event: 'demo.stopped'; name: string; exit: number | string }
  | { event: 'demo.replay'; name: string; inputs: number; outputs: number; differences: number; detail?: string }
  | { event: 'demo.done'; seconds: number; differences: number }

export type Tell = (event: DemoEvent) => void

export const tellJson: Tell = ({ event, ...fields }) => printJson({ event, time: Date.now(), ...fields })

/** Tells it to a person, on 50 columns; a wider terminal shows more of what is said. */
export function tellText(exits: boolean): Tell {
  const colours = process.stdout.isTTY === true && process.stdout.hasColors()
  const bold = (text: string) => colours ? `\u001b[1m${text}\u001b[0m` : text
  const good = (text: string) => colours ? `\u001b[32m${text}\u001b[0m` : text
  const bad = (text: string) => colours ? `\u001b[31m${text}\u001b[0m` : text
  let last = ''
  const textColumns = Math.max(20, Math.min(process.stdout.columns ?? 50, 120) - 28)
  const heading = (title: string) => print(`\n${bold(title)}`)

  return event => {
    const before = last
    last = event.event
    switch (event.event) {
      case 'demo.starting':
        print(bold('Three peers on this machine, each a process'))
        print(`  They meet on the loopback interface (${event.interface}) alone,`)
        return print(`  in a network of their own, '${event.network}'.`)
      case 'demo.peer':
        if (before !== 'demo.peer') print('')
        return print(`  ${cell(event.name, 6)} ${event.peerId.slice(0, 8)}…  pid ${cell(String(event.pid), 7)} ${event.address}`)
      case 'demo.ready': return print(`  all three are up after ${milliseconds(event.ms)}`)
      case 'demo.link':
        if (before !== 'demo.link') {
          heading('They find, connect and verify each other')
          print(`  ${cell('', 14)} ${cell('found', 8, 'right')} ${cell('connected', 10, 'right')} ${cell('verified', 10, 'right')}`)
        }
        return print(`  ${cell(event.between.join(' – '), 14)} ${cell(milliseconds(event.foundMs), 8, 'right')} ` +
          `${cell(milliseconds(event.connectedMs), 10, 'right')} ${cell(milliseconds(event.verifiedMs), 10, 'right')}`)
      case 'demo.mesh': return print(`  ${good('✓')} full mesh after ${milliseconds(event.ms)}, every link TLS 1.3`)
      case 'demo.message':
        if (before === 'demo.mesh') heading('They talk')
        return print(`  ${cell(`${event.from} → ${event.to}`, 14)} ${cell(legible(event.text), textColumns)} ${cell(milliseconds(event.ms), 8, 'right')}`)
      case 'demo.file':
        heading(`${event.from} shares a file with ${event.to.join(' and ')}`)
        return print(`  ${event.name}, ${bytes(event.size)} of random bytes`)
      case 'demo.stored': return print(event.same
        ? `  ${good('✓')} ${cell(event.to, 6)} ${cell(`${bytes(event.bytesPerSecond)}/s`, 12)} ${event.contentId.slice(0, 15)}… as sent`
        : `  ${bad('✗')} ${cell(event.to, 6)} has something else: ${event.contentId}`)
      case 'demo.summary': {
        heading('Summary')
        print(`  ${cell('who', 6)} ${cell('links', 5, 'right')} ${cell('RTT', 8, 'right')} ${cell('mesh', 7, 'right')} ${cell('sent', 8, 'right')} ${cell('received', 8, 'right')}`)
        for (const { name, links, rttMs, meshMs, sent, received } of event.peers) {
          print(`  ${cell(name, 6)} ${cell(String(links), 5, 'right')} ${cell(rttMs === null ? '–' : milliseconds(rttMs), 8, 'right')} ` +
            `${cell(milliseconds(meshMs), 7, 'right')} ${cell(bytes(sent), 8, 'right')} ${cell(bytes(received), 8, 'right')}`)
        }
        return
      }
      case 'demo.live':
        heading('The network is live')
        return print("  Type a line and alice says it to everyone,\n  or '@bob LINE' to bob alone.\n  Ctrl-C stops all three, in order.")
      case 'demo.unsaid': return print(`  not said: ${legible(event.reason)}`)
      case 'demo.stopped':
        if (before !== 'demo.stopped') heading(exits ? 'They stop' : 'Stopping')
        return print(event.exit === 0 ? `  ${good('✓')} ${event.name} has stopped in order` : `  ${bad('✗')} ${event.name} ended with ${event.exit}`)
      case 'demo.replay':
        if (before !== 'demo.replay') heading('Their logs run again, through fresh machines')
        return print(`  ${event.differences === 0 ? good('✓') : bad('✗')} ${cell(event.name, 6)} ${cell(String(event.inputs), 3, 'right')} inputs, ` +
          `${cell(String(event.outputs), 3, 'right')} outputs, ${event.differences} differences${event.detail ? `\n${event.detail}` : ''}`)
      case 'demo.done': return print(`\nDone in ${event.seconds.toFixed(1)} s, ${event.differences} differences.`)
    }
  }
}

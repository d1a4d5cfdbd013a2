import { bytes, counted, legible, milliseconds } from '../legible.ts'
import type { Directory } from './directory.ts'
import type { UpEvent } from './event.ts'

/** Says an event in one line for a person; undefined for what is not worth one. */
export function sentence(event: UpEvent, directory: Directory): string | undefined {
  const text = sentenceOf(event, peerId => called(directory.nameOf(peerId), peerId))
  return text === undefined ? undefined : legible(text)
}

/** Names are not unique, so the start of the PeerId stands beside them. */
function called(name: string, peerId: string): string {
  const start = peerId.slice(0, 8)
  return name === start ? name : `${name} (${start})`
}

/** Said once on every network whose members prove no right to be in it. */
export function openNetwork(network: string, inbox: boolean): string {
  return `open network: whoever knows the name '${network}' can join, and names are not proved; ` +
    (inbox ? 'files land in the inbox only' : 'no files are taken (give --inbox to take some)')
}

function sentenceOf(event: UpEvent, name: (peerId: string) => string): string | undefined {
  switch (event.event) {
    case 'ready': {
      const places = event.listen.map(({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port}`)
      return `${called(event.name, event.peerId)} is up on network '${event.network}', ${places.length > 0 ? `accepting links at ${places.join(', ')}` : 'accepting no links'}`
    }
    case 'peer.found': return `found ${name(event.peerId)} by ${event.via} at ${event.addresses.join(', ')}`
    case 'peer.connected': return `connected to ${name(event.peerId)} at ${event.address} (${event.direction})`
    case 'peer.verified': return `verified ${name(event.peerId)} by ${event.steps.join(', ')}`
    case 'peer.pending': return event.initiator === 'self'
      ? `${name(event.peerId)} wants in: approve ${event.peerId.slice(0, 12)} or refuse ${event.peerId.slice(0, 12)}`
      : `${name(event.peerId)} has yet to decide about us: ${event.reason}`
    case 'peer.queued': return `${name(event.peerId)} has dialled and waits to be taken: take ${event.peerId.slice(0, 12)}`
    case 'peer.revoked': return event.initiator === 'self'
      ? `trust in ${name(event.peerId)} is withdrawn${event.reason === '' ? '' : `: ${event.reason}`}`
      : `${name(event.peerId)} has withdrawn its trust in us${event.reason === '' ? '' : `: ${event.reason}`}`
    case 'peer.refused': return `refused ${event.peerId ? `${name(event.peerId)} ` : ''}at ${event.address || 'an unknown address'}, ${event.code}: ${event.reason}`
    case 'peer.disconnected': return `disconnected from ${name(event.peerId)} by ${event.initiator}, ${event.code}: ${event.reason}`
    case 'message': return `${name(event.peerId)}: ${event.text}`
    case 'peers': return event.peers.length === 0 ? 'no peer is connected' : event.peers.map(peer =>
      `${name(peer.peerId)} ${peer.level} at ${peer.address}${peer.rttMs === null ? '' : `, ${milliseconds(peer.rttMs)}`}`).join('; ')
    case 'transfer.offered': return `${fileOf(event, name)} is offered, ${bytes(event.size)}`
    case 'transfer.started': return undefined
    case 'transfer.progress': return `${fileOf(event, name)} ${percent(event)} %`
    case 'transfer.done': return `${fileOf(event, name)} is done, ${bytes(event.bytesPerSecond)}/s${event.path ? `, stored at ${event.path}` : ''}`
    case 'transfer.failed': return `${fileOf(event, name)} failed, ${event.code}: ${event.reason}`
    case 'why': return event.summary
    case 'status': return `${counted(event.peers, 'peer')}, ${counted(event.links, 'link')}, ${counted(event.actors, 'actor')}, ${counted(event.timers, 'timer')}, ` +
      `${event.queued} queued, ${counted(event.deadLetters, 'dead letter')}, ${bytes(event.rss)} of memory, NAT ${event.nat}`
    case 'routines': return event.routines.map(({ name: what, everyMs, running }) => running ? `${what} every ${everyMs / 1_000} s` : `${what} is stopped`).join('; ')
    case 'policy': return policySentence(event)
    case 'error': return `${event.code}: ${event.message}`
  }
}

function policySentence(event: Extract<UpEvent, { event: 'policy' }>): string {
  return Object.entries(event).slice(1).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') || 'nobody' : String(value)}`).join('; ')
}

type Transfer = Extract<UpEvent, { transferId: string }>

function fileOf({ name: file, direction, peerId }: Transfer, name: (peerId: string) => string): string {
  return `file '${file}' ${direction === 'in' ? 'from' : 'to'} ${name(peerId)}`
}

function percent({ bytes: done, size }: Transfer): number {
  return size === 0 ? 100 : Math.floor((100 * done) / size)
}

import type { PeerInfo } from '../../peer/roster.ts'
import { print, printJson } from '../output.ts'
import { whyTable } from '../why.ts'
import type { Directory } from './directory.ts'
import type { UpEvent } from './event.ts'
import { sentence } from './sentences.ts'

/** How `up` shows what happens, and where its commands come from. */
export interface View {
  show(event: UpEvent): void
  /** A line that is no event: the notice of an open network, a line of the log. */
  note(text: string): void
  /** The connected peers, whenever they change. */
  peers(peers: readonly PeerInfo[]): void
  close(): void
}

/** One JSON object a line on stdout; notes go to the log, not here. */
export const jsonView: View = {
  show: ({ event, ...fields }) => printJson({ event, time: Date.now(), ...fields }),
  note: () => {},
  peers: () => {},
  close: () => {}
}

/** One sentence a line, for output that is not a terminal. */
export function plainView(directory: Directory): View {
  return {
    show(event) {
      const text = sentence(event, directory)
      if (text !== undefined) print(`${clockTime(Date.now())} ${text}`)
      if (event.event === 'why') for (const line of whyTable(event, process.stdout.columns ?? 80)) print(line)
    },
    note: text => print(`${clockTime(Date.now())} ${text}`),
    peers: () => {},
    close: () => {}
  }
}

/** Hours, minutes and seconds of the person's day. */
export function clockTime(time: number): string {
  return new Date(time).toTimeString().slice(0, 8)
}

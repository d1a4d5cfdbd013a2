import type { EventObject } from 'xstate'
import {
  TransferDone, TransferFailed, TransferOffered, TransferProgress, TransferStarted, type EventOf
} from '../proto/index.ts'
import { fileWhy, heardWhy, type FileCode, type FileWhy } from './file-codes.ts'
import { publish } from './publish.ts'

/** What both sides of a transfer keep of it. */
export interface TransferContext {
  readonly driver: string
  /** As its announcements tell it. */
  readonly about: {
    readonly transferId: string
    readonly peerId: string
    readonly name: string
    readonly size: number
    readonly direction: 'in' | 'out'
  }
  /** SHA-256 in hex; empty until it is known. */
  readonly digest: string
  /** Where it was stored; empty on the sender's side. */
  readonly path: string
  readonly code: string
  readonly reason: string
}

/** Address of the other side. */
export const otherSide = ({ about }: TransferContext): string => `peer/${about.peerId}`

/** What a message tells of why a transfer fails; nothing where it tells none. */
export function whyIn(event: EventObject): FileWhy | Record<string, never> {
  const { body } = event as EventOf<'FileFailed' | 'PeerDisconnected'>
  if (event.type === 'PeerDisconnected') return fileWhy('disconnected', `the link ended: ${body.reason}`)
  return 'code' in body ? heardWhy(body) : {}
}

/** The action `because` with a reason of our own. */
export const because = (code: FileCode, reason: string) => ({ type: 'because', params: { code, reason } }) as const

/** What both sides announce. */
export const transferAnnouncements = <C extends TransferContext, E extends EventObject>() => ({
  announceOffered: publish<C, E, E>(({ context }) => ['', new TransferOffered(context.about)]),
  announceStarted: publish<C, E, E>(({ context }) => ['', new TransferStarted(context.about)]),
  announceProgress: publish<C, E, E>(({ context, event }) => ['', new TransferProgress({
    ...context.about, bytes: (event as unknown as EventOf<'FileProgress'>).body.bytes
  })]),
  announceDone: publish<C, E, E>(({ context: { about, digest, path } }) => ['', new TransferDone({
    ...about, contentId: `sha256-${digest}`, ...(path !== '' && { path })
  })]),
  announceFailed: publish<C, E, E>(({ context: { about, code, reason } }) => ['', new TransferFailed({ ...about, code, reason })])
})

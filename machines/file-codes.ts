import { cleanText } from './text.ts'

/** Every code with which a file transfer fails, and what it means. Codes are stable; docs/command-line.md lists the same. */
export const FILE_CODES = {
  'no-file': 'The path leads to no regular file.',
  'no-access': 'The file, or the folder it goes to, may not be opened: check its permissions.',
  'disk-full': 'The receiver\'s disk is full, or its quota is used up.',
  'inbox-full': 'The receiver\'s inbox holds as much as it may: files have to be moved out of it first.',
  'name-taken': 'The inbox holds a thousand files of that name already.',
  'file-changed': 'The file became shorter while it was sent.',
  'file-error': 'The file could not be read or written for another reason, which the reason names.',
  'no-inbox': 'The receiver takes no files: it was started without an inbox.',
  'too-large': 'The file is larger than the receiver takes.',
  'busy': 'Too many transfers run already, here or at the receiver: try again when one has ended.',
  'bad-offer': 'The offer could not be understood.',
  'no-answer': 'The receiver did not answer the offer in time.',
  'not-connected': 'There is no link to the peer.',
  'not-accepted': 'The peer does not speak file transfer, or has not verified us yet.',
  'link-full': 'More waits on the link than it holds.',
  'stalled': 'No bytes moved for too long.',
  'bad-chunk': 'Other bytes came than were due.',
  'bad-digest': 'What arrived is not what was offered: the digests differ.',
  'no-receipt': 'The receiver did not confirm the file in time.',
  'disconnected': 'The link ended before the file was through.',
  'stopped': 'One of the two peers stops.',
  'refused': 'The other side gave up without a code that is known here.'
} as const satisfies Readonly<Record<string, string>>

export type FileCode = keyof typeof FILE_CODES

/** Longest reason taken from another peer, in characters. */
const REASON_CHARS_MAX = 300

/** Why a transfer failed. */
export interface FileWhy {
  readonly code: string
  readonly reason: string
}

export function fileWhy(code: FileCode, reason: string): FileWhy {
  return { code, reason }
}

/** What another peer or a driver says of why: a code that is none becomes `refused`, and the reason is fit for a screen. */
export function heardWhy({ code, reason }: { code?: string; reason?: string }): FileWhy {
  const known = /^[a-z][a-z0-9-]{0,63}$/.test(code ?? '') ? code! : 'refused'
  return { code: known, reason: cleanText(reason ?? '', REASON_CHARS_MAX) || (Object.hasOwn(FILE_CODES, known) ? FILE_CODES[known as FileCode] : FILE_CODES.refused) }
}

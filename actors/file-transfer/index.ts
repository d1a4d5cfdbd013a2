import { fileReceiveMachine } from '../../machines/file-receive.ts'
import { fileSendMachine, type FileSendOptions } from '../../machines/file-send.ts'
import { fileShareMachine } from '../../machines/file-share.ts'
import {
  FileAnswer, FileCancel, FileChunk, FileOffer, FileReceipt, PeerDisconnected
} from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import { inboxDriver, type FileShareDriverOptions } from './inbox-driver.ts'
import type { FileReceiveDriverOptions } from './options.ts'
import { sendDriver } from './send-driver.ts'
import { storeDriver } from './store-driver.ts'

export interface FileTransferOptions {
  /** Folder in which files from peers land; without it none are taken. */
  readonly inbox?: string
  /** See {@link FileShareOptions}. */
  readonly maxFileBytes?: number
  /** See {@link FileReceiveDriverOptions}. */
  readonly maxInboxBytes?: number
}

export const fileSend = defineActor<FileSendOptions>({
  kind: 'file-send',
  machine: fileSendMachine,
  drivers: { file: sendDriver },
  options: { transferId: '', peerId: '', path: '', answerMs: 60_000, stallMs: 30_000 }
})

const INBOX_BYTES_MAX = 16 * 1024 ** 3

export const fileReceive = (inbox: string, maxInboxBytes = INBOX_BYTES_MAX) => defineActor<FileReceiveDriverOptions>({
  kind: 'file-receive',
  machine: fileReceiveMachine,
  drivers: { file: storeDriver },
  options: { transferId: '', peerId: '', name: '', size: 0, digest: '', stallMs: 30_000, inbox, maxInboxBytes }
})

export const fileShare = defineActor<FileShareDriverOptions>({
  kind: 'file-share',
  machine: fileShareMachine,
  drivers: { inbox: inboxDriver },
  options: { accepts: false, inbox: '', maxFileBytes: 1024 ** 3, maxTransfers: 64, maxIncomingPerPeer: 16 },
  listens: [FileOffer, FileAnswer, FileReceipt, FileCancel, PeerDisconnected],
  wire: [
    { type: FileOffer }, { type: FileAnswer }, { type: FileReceipt }, { type: FileCancel },
    { type: FileChunk, via: 'pump' }
  ]
})

/** Sending and, given an inbox, receiving whole files. */
export function fileTransfer({ inbox, maxFileBytes, maxInboxBytes }: FileTransferOptions = {}): ActorSpec<FileShareDriverOptions> {
  return {
    definition: fileShare,
    options: { accepts: inbox !== undefined, inbox: inbox ?? '', ...(maxFileBytes === undefined ? {} : { maxFileBytes }) },
    spawns: [fileSend, fileReceive(inbox ?? '', maxInboxBytes)]
  }
}

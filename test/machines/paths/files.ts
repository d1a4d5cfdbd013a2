import { fileShare } from '../../../actors/file-transfer/index.ts'
import {
  FileAnswer, FileCancel, FileFailed, FileOffer, FilePrepared, FileProgress, FilePumped, FileReceipt, FileStored, PeerDisconnected, ShareFile, SpawnFailed,
  Stop, StoreOpened, Terminated
} from '../../../proto/index.ts'
import type { Walks } from './walks.ts'

const digest = new Uint8Array(32).fill(7)
const transfer = { transferId: 'one', peerId: 'bea' }
const failed = new FileFailed({ code: 'disk-full', reason: 'no room' })
const disconnected = new PeerDisconnected({ peerId: 'bea', reason: 'gone' })

export const fileSendPaths: Walks = {
  walks: [{
    input: { address: 'file-send/one', parent: 'file-share/main', options: { ...transfer, path: '/a/b.txt', answerMs: 60_000, stallMs: 30_000 } },
    events: [
      new FilePrepared({ name: 'b.txt', size: 3, digest }), new FileAnswer({ transferId: 'one', accepted: true }),
      new FileAnswer({ transferId: 'one', code: 'no-inbox' }), new FileProgress({ bytes: 1 }), new FilePumped(),
      new FileReceipt({ transferId: 'one', stored: true }), new FileReceipt({ transferId: 'one', code: 'digest' }), failed, disconnected, new Stop()
    ]
  }]
}

export const fileReceivePaths: Walks = {
  walks: [{
    input: { address: 'file-receive/bea-one', parent: 'file-share/main', options: { ...transfer, name: 'b.txt', size: 3, digest: '07'.repeat(32), stallMs: 30_000 } },
    events: [
      new StoreOpened(), new FileProgress({ bytes: 1 }), new FileStored({ path: '/in/b.txt' }), failed, new FileCancel({ transferId: 'one', code: 'stopped' }),
      disconnected, new Stop()
    ]
  }]
}

export const fileSharePaths: Walks = {
  walks: [{
    input: { options: { ...fileShare.options, accepts: true, maxTransfers: 1 } },
    events: [
      new ShareFile({ path: '/a/b.txt', peerIds: ['bea', 'cid'] }),
      [new FileOffer({ transferId: 'one', name: 'b.txt', size: 3, digest }), 'peer/bea'], [new FileOffer({ transferId: 'two', name: 'b.txt', size: 3, digest }), 'peer/bea'],
      [new FileAnswer({ transferId: 'one' }), 'peer/bea'], [new FileReceipt({ transferId: 'one' }), 'peer/bea'], [new FileCancel({ transferId: 'one' }), 'peer/bea'],
      disconnected, new Terminated({ address: 'file-receive/bea-one' }),
      [new SpawnFailed({ kind: 'file-receive', id: 'bea-one', reason: 'unknown' }), 'system']
    ],
    key: ({ running }) => Object.keys(running).length
  }]
}

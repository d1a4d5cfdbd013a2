import { DirectoryPage, RecordsStored, StoreRecords, type DirectoryRecord, type EventOf } from '../../../proto/index.ts'
import { peerDirectoryDefinition } from '../../../actors/peer-directory/index.ts'
import type { Invariant, SimulationView } from '../invariant.ts'
import type { SimulatedPeer } from '../peer.ts'

const MINUTE_MS = 60_000

/** What one peer's directory said last of others, and what its disk has confirmed. */
interface Book {
  readonly said: Map<string, DirectoryRecord>
  readonly onDisk: Map<string, DirectoryRecord>
  readonly batches: Map<number, StoreRecords>
  readonly read: Map<string, DirectoryRecord>
  offers: number[]
}

/** Hearsay takes nothing from what a peer knows itself; what its disk confirmed is there in its next life; bounds hold. */
export function directoryKeeps(): Invariant {
  const books = new Map<SimulatedPeer, Book>()
  const bookOf = (peer: SimulatedPeer): Book => {
    if (!books.has(peer)) books.set(peer, { said: new Map(), onDisk: new Map(), batches: new Map(), read: new Map(), offers: [] })
    return books.get(peer)!
  }
  return {
    name: 'directory-keeps',
    input(view, peer, { body }) {
      const book = bookOf(peer)
      if (body instanceof RecordsStored) confirm(book, body.batch)
      else if (body instanceof DirectoryPage) readBack(view, peer, book, body)
    },
    output(view, peer, envelope) {
      const { type, body } = envelope as EventOf<'StoreRecords' | 'PeerHeard'>
      if (type === 'StoreRecords') return write(view, peer, bookOf(peer), body)
      if (type !== 'PeerHeard' || body.via !== 'exchange') return
      const book = bookOf(peer)
      book.offers = [...book.offers.filter(atMs => atMs > view.nowMs - MINUTE_MS), view.nowMs]
      // A minute that begins anew may follow on one that was used up.
      if (book.offers.length > 2 * peerDirectoryDefinition.options!.hearsayPerMinute) view.violated(`${peer.name} offered ${book.offers.length} peers by hearsay within a minute`)
    },
    lifeEnded(_view, peer) {
      const book = bookOf(peer)
      book.said.clear()
      book.batches.clear()
      book.offers = []
    }
  }
}

function write(view: SimulationView, peer: SimulatedPeer, book: Book, body: StoreRecords): void {
  for (const record of body.records as DirectoryRecord[]) {
    const before = book.said.get(record.peerId)
    if (record.source !== '' && (record.verifiedAt > 0 || before?.source === '')) {
      view.violated(`${peer.name} takes what it knows of ${view.peer(record.peerId)?.name ?? record.peerId} for hearsay`)
    }
    // When it did may be earlier by a clock that was set back.
    if (before !== undefined && before.verifiedAt > 0 && record.verifiedAt === 0 && record.refusedCode !== 'trust-revoked') view.violated(`${peer.name} forgot that it verified ${view.peer(record.peerId)?.name ?? record.peerId}`)
    book.said.set(record.peerId, record)
  }
  for (const peerId of body.removed) book.said.delete(peerId)
  book.batches.set(body.batch, body)
  const { maxPeers } = peerDirectoryDefinition.options!
  if (book.said.size > maxPeers) view.violated(`${peer.name} remembers ${book.said.size} peers, ${maxPeers} are allowed`)
}

function confirm(book: Book, batch: number): void {
  const written = book.batches.get(batch)
  for (const record of (written?.records ?? []) as DirectoryRecord[]) book.onDisk.set(record.peerId, record)
  for (const peerId of written?.removed ?? []) book.onDisk.delete(peerId)
  book.batches.delete(batch)
}

function readBack(view: SimulationView, peer: SimulatedPeer, book: Book, page: DirectoryPage): void {
  for (const record of page.records as DirectoryRecord[]) book.read.set(record.peerId, record)
  if (!page.last) return
  for (const { peerId, verifiedAt } of book.onDisk.values()) {
    if (verifiedAt > (book.read.get(peerId)?.verifiedAt ?? 0)) view.violated(`the disk of ${peer.name} confirmed that it verified ${view.peer(peerId)?.name ?? peerId}, and does not say so any more`)
  }
  for (const [peerId, record] of book.read) book.said.set(peerId, record)
  book.read.clear()
}

import { FileChunk } from '../../proto/index.ts'
import { Links } from '../peer-connection/links.ts'
import { serviceKey } from '../seam/index.ts'

type ChunkHandler = (chunk: FileChunk) => void

/** Brings the chunks that arrive on any link to the transfer that expects them, and to no other. */
export interface ChunkRoutes {
  open(peerId: string, transferId: string, handler: ChunkHandler): void
  close(peerId: string, transferId: string): void
}

export const ChunkRoutes = serviceKey<ChunkRoutes>('chunk-routes', services => {
  const handlers = new Map<string, ChunkHandler>()
  let unsubscribe: (() => void) | undefined
  const key = (peerId: string, transferId: string) => `${peerId}/${transferId}`
  return {
    open(peerId, transferId, handler) {
      handlers.set(key(peerId, transferId), handler)
      unsubscribe ??= services.get(Links).subscribe('FileChunk', (from, message) => {
        const chunk = message.body as FileChunk
        handlers.get(key(from, chunk.transferId))?.(chunk)
      })
    },
    close(peerId, transferId) {
      handlers.delete(key(peerId, transferId))
      if (handlers.size > 0) return
      unsubscribe?.()
      unsubscribe = undefined
    }
  }
})

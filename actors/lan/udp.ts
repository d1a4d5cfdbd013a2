import type { Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

type Answer = (error: Error | null, address: string, family: number) => void

/** Everything we send to is an address already; the default would look it up a tick later. */
export function lookupNothing(address: string, _options: unknown, answer: Answer): void {
  answer(null, address, isIPv6(address) ? 6 : 4)
}

/** Resolves when the socket is closed, also where it is closed already. */
export function close(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    try {
      socket.close(() => resolve())
    } catch {
      resolve()
    }
  })
}

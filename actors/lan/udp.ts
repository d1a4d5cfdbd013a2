import type { Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

type Answer = (error: Error | null, address: string, family: number) => void

/** Everything we send to is an address already; the default would look it up a tick later. */
export function lookupNothing(address: string, _options: unknown, answer: Answer): void {
  answer(null, address, isIPv6(address) ? 6 : 4)
}

/** Resolves when the socket is closed and its handle gone, also where it is closed already. */
export function close(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    try {
      // The event comes before the loop's closing phase, in which the handle goes.
      socket.close(() => setImmediate(() => setImmediate(resolve)))
    } catch {
      resolve()
    }
  })
}

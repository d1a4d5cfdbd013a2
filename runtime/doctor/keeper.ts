import type { LinkKeeperContext } from '../../machines/link-keeper-context.ts'
import { undialled, type Undialled } from '../../machines/link-undialled.ts'
import { rows } from '../../machines/table.ts'
import type { Inspection } from '../kernel/index.ts'
import { formatEndpoint } from '../peer/roster.ts'

/** What keeps the link keeper from dialling a peer, or a place that a person named; its time in milliseconds since the epoch. */
export type AskKeeper = (key: string) => Undialled | undefined

/** The context of the link keeper among the actors of a kernel; undefined where there is none, or a host program's own. */
export function keeperIn({ actors }: Inspection): LinkKeeperContext | undefined {
  const context = actors.find(({ kind }) => kind === 'link-keeper')?.context as Partial<LinkKeeperContext> | undefined
  return context?.peers !== undefined && context.links !== undefined && context.targets !== undefined ? context as LinkKeeperContext : undefined
}

/**
 * @param now logical time, in milliseconds
 * @param wallZero wall time at logical zero, in milliseconds since the epoch
 */
export function askKeeper(context: LinkKeeperContext | undefined, now: number, wallZero: number): AskKeeper {
  return key => {
    if (context === undefined) return undefined
    const isIt = (peerId: string, places: readonly { readonly host: string; readonly port: number }[]): boolean =>
      peerId === key || (peerId === '' && places.some(place => formatEndpoint(place) === key))
    for (const { key: row, peerId, places } of rows(context.peers)) {
      if (!isIt(peerId, places)) continue
      const found = undialled(context, row, now)
      return found && { ...found, until: found.until > 0 ? found.until + wallZero : 0 }
    }
    return undefined
  }
}

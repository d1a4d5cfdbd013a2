import { ActorFailed, Listening, ListenFailed } from '../../proto/index.ts'
import { ListenError } from './errors.ts'
import type { BusFace } from './peer-parts.ts'

/**
 * Resolves when the listener accepts links.
 * @param abandoned is given a function that gives up with a reason, and undefined when there is nothing to give up any more
 * @throws ListenError as the promise's rejection, when the address cannot be had
 */
export function whenListening(bus: BusFace, abandoned: (abandon: ((reason: Error) => void) | undefined) => void): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const waits = [
      bus.of(Listening).subscribe(() => settle(resolve)),
      bus.of(ListenFailed).subscribe(({ body }) => settle(() => reject(new ListenError(body.code, body.reason)))),
      bus.of(ActorFailed).subscribe(({ body }) => {
        if (body.address.startsWith('listener/')) settle(() => reject(new ListenError('ERR_ACTOR_FAILED', body.error)))
      })
    ]
    const settle = (then: () => void) => {
      abandoned(undefined)
      for (const wait of waits) wait.unsubscribe()
      then()
    }
    abandoned(reason => settle(() => reject(reason)))
  })
}

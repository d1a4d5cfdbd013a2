import { enqueueActions, raise } from 'xstate'
import { bodyOf, type PeerConnectionContext, type PeerConnectionEvent, type PeerConnectionOptions } from './peer-connection-context.ts'
import { mayTalk } from './peer-connection-end.ts'
import { peerConnectionSays } from './peer-connection-say.ts'
import type { Outgoing } from './publish.ts'

type Choice = Parameters<typeof enqueueActions<PeerConnectionContext, PeerConnectionEvent, undefined, PeerConnectionEvent, never, never, never, never, Outgoing>>[0]

/** An action that does something only in some cases. */
const choose = (choice: Choice) => enqueueActions(choice)

const watchIdle = choose(({ context, enqueue }) => {
  if (context.options.idleMs > 0) enqueue.raise({ type: 'IdleOver' }, { id: 'idle', delay: context.options.idleMs })
})

const noteUse = choose(({ context, event, enqueue }) => {
  const traffic = bodyOf(event, 'LinkTraffic')
  if (context.options.idleMs <= 0 || traffic === undefined || traffic.framesIn + traffic.framesOut === 0) return
  enqueue.cancel('idle')
  enqueue.raise({ type: 'IdleOver' }, { id: 'idle', delay: context.options.idleMs })
})

const ofItself = (type: 'QuietOver' | 'PongOverdue', after: (options: PeerConnectionOptions) => number) =>
  raise<PeerConnectionContext, PeerConnectionEvent, PeerConnectionEvent, undefined, never, never>(
    { type }, { id: 'keep-alive', delay: ({ context }) => after(context.options) }
  )

const stopStepIfAny = choose(({ context, enqueue }) => {
  if (context.step !== '') enqueue(peerConnectionSays.stopStep)
})

/** Who let everything pass before has said so already. */
const verifiedThem = choose(({ context, enqueue }) => {
  if (!context.early) enqueue(peerConnectionSays.verifiedThem)
})

const sayGoodbye = choose(({ context, enqueue }) => {
  if (mayTalk(context)) enqueue(peerConnectionSays.sayGoodbye)
})

/** What a connection does only in some cases, or after some time. */
export const peerConnectionChoices = {
  watchIdle,
  noteUse,
  stopStepIfAny,
  verifiedThem,
  sayGoodbye,
  awaitQuiet: ofItself('QuietOver', options => options.keepAliveIntervalMs),
  awaitPong: ofItself('PongOverdue', options => options.keepAliveTimeoutMs)
}

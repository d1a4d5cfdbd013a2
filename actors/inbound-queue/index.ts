import { inboundQueueDefaults, inboundQueueMachine, type InboundQueueOptions } from '../../machines/inbound-queue.ts'
import { InboundLeft, InboundQueued, InboundReopened, PolicyChanged, TakeInbound } from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'

export const INBOUND_QUEUE = 'inbound-queue/main'

export const inboundQueueDefinition = defineActor<InboundQueueOptions>({
  kind: 'inbound-queue',
  machine: inboundQueueMachine,
  options: inboundQueueDefaults,
  recalls: [PolicyChanged],
  messages: [InboundLeft, InboundQueued, InboundReopened, TakeInbound]
})

/** Keeps peers that dialled us until the host program takes them; `inbound-queue/main`. */
export function inboundQueue(): ActorSpec<InboundQueueOptions> {
  return { definition: inboundQueueDefinition }
}

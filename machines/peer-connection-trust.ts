import { assign } from 'xstate'
import { Initiator, Level, PeerPending, SetGate, TrustRevoked, TrustWithdrawn, VerificationHeld, VerifyAgain } from '../proto/index.ts'
import { bodyOf, type PeerConnectionContext, type PeerConnectionEvent } from './peer-connection-context.ts'
import { differingStep } from './peer-connection-plan.ts'
import { say } from './peer-connection-say.ts'
import { cleanText } from './text.ts'

/** People read them on one line. */
const REASON_CHARS = 200
const STEP_CHARS = 64

interface Args {
  readonly context: PeerConnectionContext
  readonly event: PeerConnectionEvent
}

/** The questions about trust on which a connection's transitions depend. */
export const trustGuards = {
  stepsDiffer: ({ context, event }: Args) => differingStep(context, event) !== undefined,
  thisStepFailed: ({ context, event }: Args) => bodyOf(event, 'Terminated')?.address === context.step,
  isEarly: ({ context }: Args) => context.early,
  trustsFirst: ({ context }: Args) => context.options.enhancedBeforeTrust,
  theyHold: ({ context }: Args) => context.heldMs > 0
}

const reasonOf = (event: PeerConnectionEvent): string =>
  cleanText((bodyOf(event, 'RevokeTrust') ?? bodyOf(event, 'TrustWithdrawn'))?.reason ?? '', REASON_CHARS)

const keep = (change: (args: Args) => Partial<PeerConnectionContext>) =>
  assign<PeerConnectionContext, PeerConnectionEvent, undefined, PeerConnectionEvent, never>(change)

/** What a connection does about steps that wait and trust that ends. */
export const trustActions = {
  // And the usual time for what comes after, so that who waits along does not give up before who decides.
  keepHeld: keep(({ context: { options }, event }) => ({
    heldMs: Math.floor(Math.min(Math.max(bodyOf(event, 'VerificationHeld')?.forMs ?? 0, 0) || 0, options.pendingTimeoutMs)) + options.verifyTimeoutMs
  })),
  sayHeld: say((context, event) => {
    const { step = '', reason = '' } = bodyOf(event, 'StepPending') ?? {}
    return [context.link, new VerificationHeld({ step, reason, forMs: context.options.pendingTimeoutMs })]
  }),
  tellPending: say((context, event) => {
    const ours = bodyOf(event, 'StepPending')
    const { step = '', reason = '' } = ours ?? bodyOf(event, 'VerificationHeld') ?? {}
    return ['', new PeerPending({
      peerId: context.peerId,
      step: cleanText(step, STEP_CHARS),
      reason: cleanText(reason, REASON_CHARS),
      initiator: ours === undefined ? Initiator.INITIATOR_REMOTE : Initiator.INITIATOR_SELF
    })]
  }),
  keepWithdrawn: keep(() => ({ level: Level.LEVEL_IDENTIFIED, verifiedUs: false, early: false, passed: [], step: '', heldMs: 0 })),
  gateWithdrawn: say(context => [context.link, new SetGate({ level: Level.LEVEL_IDENTIFIED, peerId: context.peerId })]),
  sayWithdrawn: say((context, event) => [context.link, new TrustWithdrawn({ reason: reasonOf(event) })]),
  tellRevoked: say((context, event) => [context.keeper, new TrustRevoked({
    peerId: context.peerId,
    reason: reasonOf(event),
    initiator: event.type === 'RevokeTrust' ? Initiator.INITIATOR_SELF : Initiator.INITIATOR_REMOTE,
    level: Level.LEVEL_IDENTIFIED
  })]),
  sayAgain: say(context => [context.link, new VerifyAgain()])
}

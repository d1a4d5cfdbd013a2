import { Initiator } from '../proto/index.ts'
import { codeEntry } from './codes.ts'
import { bodyOf, WIRE_VERSIONS, type PeerConnectionContext, type PeerConnectionEvent } from './peer-connection-context.ts'
import { mergePlaces } from './place.ts'
import { hex } from './hex.ts'

/** A new round-trip time is announced when it differs from the last one told by more than a quarter. */
const RTT_CHANGE = 4

interface Args {
  readonly context: PeerConnectionContext
  readonly event: PeerConnectionEvent
}

const isLastStep = ({ context, event }: Args): boolean =>
  'from' in event && event.from === context.step && context.passed.length + 1 >= context.plan.length

const isThisPing = ({ context, event }: Args): boolean =>
  context.keepAlive === 'probing' && bodyOf(event, 'PongReceived')?.id === context.pingId

/** The questions on which a connection's transitions depend. */
export const peerConnectionGuards = {
  inbound: ({ context }: Args) => context.options.direction === 'in',
  nowhereToDial: ({ context }: Args) => context.places.length === 0,
  thisAttempt: ({ context, event }: Args) => 'body' in event && 'attempt' in event.body && event.body.attempt === context.attempt,
  wrongPeer: ({ context, event }: Args) => {
    const secured = bodyOf(event, 'LinkSecured')
    return secured !== undefined && secured.attempt === context.attempt && context.options.peerId !== '' && secured.peerId !== context.options.peerId
  },
  reachedItself: ({ context, event }: Args) => {
    const secured = bodyOf(event, 'LinkSecured')
    return secured !== undefined && secured.attempt === context.attempt && secured.peerId === context.options.self
  },
  blockedPeer: ({ context, event }: Args) => {
    const secured = bodyOf(event, 'LinkSecured')
    return secured !== undefined && secured.attempt === context.attempt && context.options.blocked.includes(secured.peerId)
  },
  lastPlaceFailed: ({ context, event }: Args) => context.place + 1 >= context.places.length && (bodyOf(event, 'DialFailed')?.attempt ?? context.attempt) === context.attempt,
  lastPlace: ({ context }: Args) => context.place + 1 >= context.places.length,
  otherNetwork: ({ context, event }: Args) => hex(bodyOf(event, 'Identify')?.network ?? new Uint8Array()) !== context.options.network,
  noCommonVersion: ({ event }: Args) => !bodyOf(event, 'Identify')?.versions.some(version => WIRE_VERSIONS.includes(version)),
  noSteps: ({ context }: Args) => context.plan.length === 0,
  noStepsOnBothSides: ({ context }: Args) => context.plan.length === 0 && context.verifiedUs,
  thisStep: ({ context, event }: Args) => 'from' in event && event.from === context.step,
  lastStep: isLastStep,
  lastStepOfBothSides: (args: Args) => args.context.verifiedUs && isLastStep(args),
  thisStepUnknown: ({ context, event }: Args) => `${bodyOf(event, 'SpawnFailed')?.kind}/${bodyOf(event, 'SpawnFailed')?.id}` === context.step,
  hurried: ({ context }: Args) => context.options.enhanceTimeoutMs > 0,
  oneTooMany: ({ context }: Args) => context.refusedFrames + 1 >= context.options.refusalsMax,
  thisPing: isThisPing,
  rttChanged: (args: Args) => {
    if (!isThisPing(args)) return false
    const { context: { toldRttUs }, event } = args
    return Math.abs((bodyOf(event, 'PongReceived')?.rttUs ?? 0) - toldRttUs) * RTT_CHANGE > toldRttUs
  },
  showsLife: ({ context, event }: Args) => context.keepAlive === 'probing' && (bodyOf(event, 'LinkTraffic')?.bytesInSincePing ?? 0) > 0,
  dialsAgain: ({ context }: Args) => context.ending.again,
  // Being heard of does not outweigh a refusal, and nothing outweighs a wish.
  dialsSooner: ({ context: { ending, places }, event }: Args) =>
    !(ending.initiator === Initiator.INITIATOR_REMOTE && ending.forMs > 0)
    && (!codeEntry(ending.code).refusal || mergePlaces(places, bodyOf(event, 'EndpointsFound')?.endpoints ?? []) !== places)
}

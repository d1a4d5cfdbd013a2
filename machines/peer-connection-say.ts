import {
  AbortDial, AdoptLink, CloseLink, DialEndpoint, Disconnect, Identify, Initiator, Level, LinkEnded, LinkIdentified, LinkLevelReached,
  PeerRtt, SendPing, SetGate, SpawnActor, StopActor, Verified, type Endpoint, type Message
} from '../proto/index.ts'
import { bodyOf, directionOf, WIRE_VERSIONS, type PeerConnectionContext, type PeerConnectionEvent } from './peer-connection-context.ts'
import { ownDemands, passedSteps } from './peer-connection-plan.ts'
import { toEndpoint } from './place.ts'
import { publish } from './publish.ts'
import { cleanText, fromHex } from './text.ts'

/** Names are shown on screens. */
const NAME_CHARS = 64

/** An action that publishes one message. */
export const say = (make: (context: PeerConnectionContext, event: PeerConnectionEvent) => readonly [to: string, body: Message]) =>
  publish<PeerConnectionContext, PeerConnectionEvent, PeerConnectionEvent>(({ context, event }) => make(context, event))

function endpointOf({ places, place }: PeerConnectionContext): Endpoint | null {
  const at = places[place]
  return at === undefined ? null : toEndpoint(at)
}

type LevelOf = (context: PeerConnectionContext) => Level

const gate = (levelOf: LevelOf) => say(context => [context.link, new SetGate({ level: levelOf(context), peerId: context.peerId })])

const reached = (levelOf: LevelOf) =>
  say(context => [context.keeper, new LinkLevelReached({ peerId: context.peerId, level: levelOf(context), steps: passedSteps(context) })])

/** Where we have verified the other side, and it not us yet. */
export const basicLevel: LevelOf = ({ options }) => options.silent ? Level.LEVEL_IDENTIFIED : Level.LEVEL_BASIC
/** While our steps run. */
const stepLevel: LevelOf = ({ early, verifiedUs }) => !early ? Level.LEVEL_IDENTIFIED : verifiedUs ? Level.LEVEL_ENHANCED : Level.LEVEL_BASIC
const enhancedLevel: LevelOf = () => Level.LEVEL_ENHANCED

/** Which step runs when so many have passed; a later link of the same connection has steps of its own. */
function stepOf({ address, attempt, plan, passed }: PeerConnectionContext): { kind: string; id: string } {
  const id = address.slice(address.indexOf('/') + 1)
  return { kind: plan[passed.length] ?? '', id: attempt > 1 ? `${id}-${attempt}` : id }
}

/** Address of that step; empty where there is none. */
export function addressOfStep(context: PeerConnectionContext): string {
  const { kind, id } = stepOf(context)
  return kind === '' ? '' : `${kind}/${id}`
}

/** All that a connection publishes, to its link driver, to the other side, to its keeper and to its steps. */
export const peerConnectionSays = {
  adoptLink: say(context => [context.link, new AdoptLink({ handle: context.options.handle })]),
  dialPlace: say(context => [context.link, new DialEndpoint({
    endpoint: endpointOf(context),
    expectedPeerId: context.options.peerId,
    attempt: context.attempt
  })]),
  abortDial: say(context => [context.link, new AbortDial({ attempt: context.attempt })]),

  // The driver adds what it knows and the machine need not: name, instance, accepted types, port, agent.
  identifyUs: say(context => [context.link, new Identify({
    versions: [...WIRE_VERSIONS],
    network: fromHex(context.options.network),
    dial: context.options.direction === 'out' ? context.options.dial + context.attempt : 0,
    ...(context.options.needed && { needed: true }),
    demands: ownDemands(context)
  })]),
  gateIdentified: say((context, event) => {
    const identify = bodyOf(event, 'Identify')
    return [context.link, new SetGate({
      level: Level.LEVEL_IDENTIFIED,
      peerId: context.peerId,
      accepts: identify?.accepts ?? [],
      maxFrameBytes: identify?.maxFrameBytes ?? 0,
      step: addressOfStep(context)
    })]
  }),
  askAdmission: say((context, event) => {
    const identify = bodyOf(event, 'Identify')
    return [context.keeper, new LinkIdentified({
      peerId: context.peerId,
      name: cleanText(identify?.name ?? '', NAME_CHARS),
      instance: identify?.instance ?? null,
      direction: directionOf(context),
      linkId: context.linkId,
      dial: context.options.direction === 'out' ? context.options.dial + context.attempt : identify?.dial ?? 0,
      remote: toEndpoint(context.remote),
      ...(identify?.needed && { needed: true })
    })]
  }),

  startStep: say(context => {
    const { address, options, link, peerId, linkId } = context
    const { kind, id } = stepOf(context)
    const given = { link, connection: address, peerId, linkId, direction: options.direction }
    return ['system', new SpawnActor({ kind, id, options: JSON.stringify(options.steps.includes(kind) ? given : { ...given, demanded: false }) })]
  }),
  gateStep: say(context => [context.link, new SetGate({ level: stepLevel(context), peerId: context.peerId, step: context.step })]),
  stopStep: say(context => ['system', new StopActor({ address: context.step, reason: 'the link ended' })]),

  verifiedThem: say(context => [context.link, new Verified({ steps: passedSteps(context) })]),
  gateBasic: gate(basicLevel),
  reachedBasic: reached(basicLevel),
  gateEnhanced: gate(enhancedLevel),
  reachedEnhanced: reached(enhancedLevel),

  ping: say(context => [context.link, new SendPing({ id: context.pingId })]),
  tellRtt: say(context => ['', new PeerRtt({ peerId: context.peerId, rttUs: context.rttUs })]),

  sayGoodbye: say(({ link, ending: { code, reason, forMs, step } }) => [link, new Disconnect({ code, reason, forMs, step })]),
  // Nothing is left to write where the other side is gone or has said its goodbye.
  closeLink: say(({ link, ending, options }) =>
    [link, new CloseLink({ lingerMs: ending.initiator === Initiator.INITIATOR_SELF ? options.lingerMs : 0 })]),
  tellEnd: say(context => {
    const { keeper, peerId, level, remote, ending, waitMs } = context
    return [keeper, new LinkEnded({
      peerId,
      code: ending.code,
      reason: ending.reason,
      initiator: ending.initiator,
      step: ending.step,
      level,
      remote: remote.host === '' ? endpointOf(context) : toEndpoint(remote),
      againMs: ending.again ? waitMs : 0,
      forMs: ending.initiator === Initiator.INITIATOR_REMOTE ? ending.forMs : 0
    })]
  })
}

import { assign, cancel, setup } from 'xstate'
import { Level } from '../proto/index.ts'
import type { Code } from './codes.ts'
import {
  bodyOf, noLink, notEnded, peerConnectionContext, type PeerConnectionContext, type PeerConnectionEvent, type PeerConnectionOptions
} from './peer-connection-context.ts'
import { peerConnectionChoices } from './peer-connection-choices.ts'
import { noteFailure, settle } from './peer-connection-end.ts'
import { peerConnectionGuards } from './peer-connection-guards.ts'
import { planOf } from './peer-connection-plan.ts'
import { addressOfStep, basicLevel, peerConnectionSays } from './peer-connection-say.ts'
import { trustActions, trustGuards } from './peer-connection-trust.ts'
import { mergePlaces, toPlace } from './place.ts'
import type { MachineInput, Outgoing } from './publish.ts'

/** What the driver has beyond the linger time to report that the link is closed, in milliseconds. */
const CLOSE_GRACE_MS = 500

interface Ends {
  /** The code of ends that no event tells: timeouts and broken rules. */
  readonly code?: Code
}

/** Ends a link by what an event tells, with a word to the other side. */
const refusedBy = (guard: 'thisStep' | 'thisStepUnknown' | 'thisStepFailed') =>
  ({ guard, target: '#peer-connection.closing', actions: [{ type: 'end', params: {} }, 'tellEnd', 'sayGoodbye'] as const }) as const

/** We verified the other side. */
const climb = ['verifiedThem', 'keepBasic', 'gateBasic', 'reachedBasic'] as const

/** What may become of a step, whether it runs or waits. */
const outcomes = {
  StepPassed: [
    { guard: 'lastStepOfBothSides', target: 'enhanced', actions: ['keepPassed', 'verifiedThem'] },
    { guard: 'lastStep', target: 'basic', actions: ['keepPassed', ...climb] },
    { guard: 'thisStep', target: 'verifying', actions: ['keepPassed', 'keepStep', 'gateStep', 'startStep'] }
  ],
  StepRefused: refusedBy('thisStep'),
  SpawnFailed: refusedBy('thisStepUnknown'),
  Terminated: refusedBy('thisStepFailed'),
  Verified: [
    { guard: 'isEarly', actions: ['keepVerifiedUs', 'gateStep'] },
    { actions: 'keepVerifiedUs' }
  ]
} as const

/** Trust ends while messages pass: the gate falls first, then everybody is told. */
const distrusted = {
  RevokeTrust: { target: 'withdrawn', actions: ['keepWithdrawn', 'gateWithdrawn', 'sayWithdrawn', 'tellRevoked'] },
  TrustWithdrawn: { target: 'withdrawn', actions: ['keepWithdrawn', 'gateWithdrawn', 'tellRevoked'] }
} as const

/** The same while a step runs or waits, where everything passes already. */
const distrustedEarly = {
  RevokeTrust: { guard: 'isEarly', target: 'withdrawn', actions: ['stopStepIfAny', ...distrusted.RevokeTrust.actions] },
  TrustWithdrawn: { guard: 'isEarly', target: 'withdrawn', actions: ['stopStepIfAny', ...distrusted.TrustWithdrawn.actions] }
} as const

const ended = (code: Code) => ({ type: 'end', params: { code } }) as const

/** Ends a link that is up by our own will: the keeper is told, then the other side. */
const goodbye = (code: Code) => ({ target: '#peer-connection.closing', actions: [ended(code), 'tellEnd', 'sayGoodbye'] as const }) as const

/** From dialing to closed: one link, or, for who dials, one link after another. */
export const peerConnectionMachine = setup({
  types: {
    context: {} as PeerConnectionContext,
    input: {} as MachineInput<Partial<PeerConnectionOptions>>,
    events: {} as PeerConnectionEvent,
    emitted: {} as Outgoing
  },
  delays: {
    dialTimeout: ({ context }) => context.options.dialTimeoutMs,
    identifyTimeout: ({ context }) => context.options.identifyTimeoutMs,
    verifyTimeout: ({ context }) => context.heldMs || context.options.verifyTimeoutMs,
    pendingTimeout: ({ context }) => context.options.pendingTimeoutMs,
    // A delay that is never waited for: the guard refuses it, a restart of the state renews it.
    enhanceTimeout: ({ context }) => context.heldMs || context.options.enhanceTimeoutMs || 0x7fff_ffff,
    closeTimeout: ({ context }) => context.options.lingerMs + CLOSE_GRACE_MS,
    backoff: ({ context }) => context.waitMs
  },
  guards: { ...peerConnectionGuards, ...trustGuards },
  actions: {
    ...peerConnectionSays,
    ...peerConnectionChoices,
    ...trustActions,
    ignore: () => {},
    nextAttempt: assign(({ context }) => ({ attempt: context.attempt + 1 })),
    nextPlace: assign(({ context }) => ({ place: context.place + 1 })),
    // Only where it was heard last: its keeper pays for these, and not for what became of earlier ones.
    firstPlace: assign(({ context }) => ({ places: context.heard, place: 0, ending: notEnded })),
    keepHeard: assign(({ event }) => ({ heard: mergePlaces([], bodyOf(event, 'EndpointsFound')?.endpoints ?? []) })),
    // The place being dialled keeps its position.
    addPlacesBehind: assign(({ context, event }) => {
      const { places } = context
      const merged = mergePlaces(places, bodyOf(event, 'EndpointsFound')?.endpoints ?? [])
      const added = merged.length - places.length
      return added <= 0 ? {} : { places: [...places, ...merged.slice(0, added)] }
    }),
    keepSecured: assign(({ context, event }) => {
      const secured = bodyOf(event, 'LinkSecured')
      return { ...noLink, ending: notEnded, level: Level.LEVEL_SECURED, peerId: secured?.peerId ?? context.peerId, linkId: secured?.linkId ?? '', remote: toPlace(secured?.remote) }
    }),
    keepIdentified: assign(({ context, event }) => ({ level: Level.LEVEL_IDENTIFIED, plan: planOf(context, event) })),
    keepAdmitted: assign(({ context }) => ({ step: addressOfStep(context), keepAlive: 'resting' as const })),
    keepStep: assign(({ context }) => ({ step: addressOfStep(context) })),
    keepPassed: assign(({ context, event }) => ({ step: '', passed: [...context.passed, bodyOf(event, 'StepPassed')?.step ?? ''] })),
    keepVerifiedUs: assign({ verifiedUs: true }),
    keepBasic: assign(({ context }) => ({ level: basicLevel(context) })),
    keepEnhanced: assign({ level: Level.LEVEL_ENHANCED, verifiedUs: true, failures: 0 }),
    countRefusedFrame: assign(({ context }) => ({ refusedFrames: context.refusedFrames + 1 })),
    nextPing: assign(({ context }) => ({ pingId: context.pingId + 1, keepAlive: 'probing' as const })),
    rest: assign({ keepAlive: 'resting' }),
    unwatchLife: cancel('keep-alive'),
    keepRtt: assign(({ context, event }) => ({ keepAlive: 'resting' as const, rttUs: bodyOf(event, 'PongReceived')?.rttUs ?? context.rttUs })),
    keepNewRtt: assign(({ context, event }) => {
      const rttUs = bodyOf(event, 'PongReceived')?.rttUs ?? context.rttUs
      return { keepAlive: 'resting' as const, rttUs, toldRttUs: rttUs }
    }),
    unwatchIdle: cancel('idle'),
    noteFailure: assign(({ context, event }, { code }: Ends) => noteFailure(context, event, code)),
    end: assign(({ context, event }, { code }: Ends) => settle(context, event, code)),
    notAgain: assign(({ context }) => ({ ending: { ...context.ending, again: false } })),
    keepEarly: assign({ early: true }),
    forgetLink: assign(noLink)
  }
}).createMachine({
  id: 'peer-connection',
  description: 'One link to another peer, from dialing to closed; who dials goes on with another link where one fails.',
  context: ({ input }) => peerConnectionContext(input),
  initial: 'starting',
  on: {
    // What an attempt or a link that was given up had still on its way.
    DialOpened: { actions: 'ignore' },
    DialFailed: { actions: 'ignore' },
    LinkSecured: { actions: 'ignore' },
    LinkClosed: { actions: 'ignore' },
    LinkTraffic: { actions: 'ignore' },
    LinkAdmitted: { actions: 'ignore' },
    PongReceived: { actions: 'ignore' },
    FrameRefused: { actions: 'ignore' },
    StepPassed: { actions: 'ignore' },
    StepRefused: { actions: 'ignore' },
    StepPending: { actions: 'ignore' },
    SpawnFailed: { actions: 'ignore' },
    Terminated: { actions: 'ignore' },
    Identify: { actions: 'ignore' },
    Verified: { actions: 'ignore' },
    VerificationHeld: { actions: 'ignore' },
    TrustWithdrawn: { actions: 'ignore' },
    VerifyAgain: { actions: 'ignore' },
    RevokeTrust: { actions: 'ignore' },
    VerifyPeer: { actions: 'ignore' },
    Disconnect: { actions: 'ignore' },
    EndpointsFound: { actions: 'keepHeard' }
  },
  states: {
    starting: {
      description: 'Takes over an inbound socket, or dials.',
      always: [
        { guard: 'inbound', target: 'opening.securing', actions: 'adoptLink' },
        { guard: 'nowhereToDial', target: 'ended', actions: [ended('no-address'), 'tellEnd'] },
        { target: 'opening' }
      ]
    },
    opening: {
      description: 'Reaching one place after another; each has its time for TCP and TLS together.',
      initial: 'dialing',
      on: {
        DialFailed: [
          { guard: 'lastPlaceFailed', target: 'ended', actions: [{ type: 'end', params: {} }, 'tellEnd'] },
          { guard: 'thisAttempt', target: 'opening', reenter: true, actions: [{ type: 'noteFailure', params: {} }, 'nextPlace'] }
        ],
        LinkSecured: [
          { guard: 'reachedItself', target: 'closing', actions: [ended('self'), 'tellEnd'] },
          { guard: 'wrongPeer', target: 'closing', actions: [ended('wrong-key'), 'tellEnd'] },
          { guard: 'blockedPeer', target: 'closing', actions: ['keepSecured', ended('blocked'), 'tellEnd', 'sayGoodbye'] },
          { guard: 'thisAttempt', target: 'secured', actions: 'keepSecured' }
        ],
        LinkClosed: { guard: 'inbound', target: 'ended', actions: [{ type: 'end', params: {} }, 'tellEnd'] },
        EndpointsFound: { actions: ['keepHeard', 'addPlacesBehind'] },
        CloseRequested: { target: 'ended', actions: ['abortDial', { type: 'end', params: {} }, 'tellEnd'] },
        Stop: { target: 'ended', actions: ['abortDial', { type: 'end', params: {} }, 'tellEnd'] }
      },
      after: {
        dialTimeout: [
          { guard: 'inbound', target: 'closing', actions: [ended('tls-timeout'), 'tellEnd'] },
          { guard: 'lastPlace', target: 'ended', actions: ['abortDial', ended('dial-timeout'), 'tellEnd'] },
          { target: 'opening', reenter: true, actions: ['abortDial', { type: 'noteFailure', params: { code: 'dial-timeout' } }, 'nextPlace'] }
        ]
      },
      states: {
        dialing: {
          description: 'A TCP connection is being opened.',
          entry: ['nextAttempt', 'dialPlace'],
          on: { DialOpened: { guard: 'thisAttempt', target: 'securing' } }
        },
        securing: { description: 'Both sides prove their keys by TLS.' }
      }
    },
    secured: {
      description: 'The link is up, and climbs. Once admitted it is probed by a ping after each quiet interval; an answer, or anything else that comes in, shows that it lives.',
      initial: 'identifying',
      entry: 'watchIdle',
      exit: ['unwatchIdle', 'unwatchLife'],
      on: {
        LinkClosed: { target: 'ended', actions: [{ type: 'end', params: {} }, 'tellEnd'] },
        Disconnect: { target: 'closing', actions: [{ type: 'end', params: {} }, 'tellEnd'] },
        CloseRequested: { target: 'closing', actions: [{ type: 'end', params: {} }, 'tellEnd', 'sayGoodbye'] },
        Stop: { target: 'closing', actions: [{ type: 'end', params: {} }, 'tellEnd', 'sayGoodbye'] },
        FrameRefused: [{ guard: 'oneTooMany', ...goodbye('protocol') }, { actions: 'countRefusedFrame' }],
        QuietOver: { actions: ['nextPing', 'ping', 'awaitPong'] },
        PongReceived: [
          { guard: 'rttChanged', actions: ['unwatchLife', 'keepNewRtt', 'tellRtt', 'awaitQuiet'] },
          { guard: 'thisPing', actions: ['unwatchLife', 'keepRtt', 'awaitQuiet'] }
        ],
        LinkTraffic: [
          { guard: 'showsLife', actions: ['unwatchLife', 'rest', 'noteUse', 'awaitQuiet'] },
          { actions: 'noteUse' }
        ],
        PongOverdue: { target: 'closing', actions: [ended('keepalive-timeout'), 'tellEnd'] },
        IdleOver: goodbye('idle')
      },
      states: {
        identifying: {
          description: 'Each side says who it is, which network it belongs to and what it speaks.',
          entry: 'identifyUs',
          on: {
            Identify: [
              { guard: 'otherNetwork', ...goodbye('other-network') },
              { guard: 'noCommonVersion', ...goodbye('version') },
              { guard: 'stepsDiffer', ...goodbye('steps-differ') },
              { target: 'admitting', actions: ['keepIdentified', 'gateIdentified', 'askAdmission'] }
            ]
          },
          after: { identifyTimeout: goodbye('identify-timeout') }
        },
        admitting: {
          description: 'The link keeper looks whether there is room and no better link.',
          on: {
            LinkAdmitted: [
              { guard: 'noStepsOnBothSides', target: 'enhanced', actions: ['keepAdmitted', 'awaitQuiet', 'verifiedThem'] },
              { guard: 'noSteps', target: 'basic', actions: ['keepAdmitted', 'awaitQuiet', ...climb] },
              { guard: 'trustsFirst', target: 'verifying', actions: ['keepAdmitted', 'awaitQuiet', 'verifiedThem', 'keepEarly', 'keepBasic', 'gateStep', 'reachedBasic', 'startStep'] },
              { target: 'verifying', actions: ['keepAdmitted', 'awaitQuiet', 'startStep'] }
            ],
            Verified: { actions: 'keepVerifiedUs' },
            VerificationHeld: { actions: ['keepHeld', 'tellPending'] }
          },
          after: { identifyTimeout: goodbye('identify-timeout') }
        },
        verifying: {
          description: 'The verification steps run, one after another.',
          on: {
            ...outcomes,
            ...distrustedEarly,
            StepPending: { guard: 'thisStep', target: 'pending', actions: ['sayHeld', 'tellPending'] },
            VerificationHeld: { target: 'verifying', reenter: true, actions: ['keepHeld', 'tellPending'] }
          },
          after: { verifyTimeout: [{ guard: 'theyHold', ...goodbye('pending-timeout') }, goodbye('verify-timeout')] }
        },
        pending: {
          description: 'The step waits for somebody who decides.',
          on: { ...outcomes, ...distrustedEarly, VerificationHeld: { actions: ['keepHeld', 'tellPending'] } },
          after: { pendingTimeout: goodbye('pending-timeout') }
        },
        basic: {
          description: 'We verified the other side: messages pass.',
          on: {
            ...distrusted,
            Verified: 'enhanced',
            VerificationHeld: { target: 'basic', reenter: true, actions: ['keepHeld', 'tellPending'] }
          },
          after: { enhanceTimeout: { guard: 'hurried', ...goodbye('enhance-timeout') } }
        },
        enhanced: {
          description: 'Both sides verified each other: everything passes.',
          entry: ['keepEnhanced', 'gateEnhanced', 'reachedEnhanced'],
          on: distrusted
        },
        withdrawn: {
          description: 'Trust was withdrawn, by us or by the other side: nothing passes until one side wants to verify anew.',
          on: {
            VerifyPeer: [
              { guard: 'noSteps', target: 'basic', actions: ['sayAgain', ...climb] },
              { target: 'verifying', actions: ['sayAgain', 'keepStep', 'gateStep', 'startStep'] }
            ],
            VerifyAgain: [
              { guard: 'noSteps', target: 'basic', actions: climb },
              { target: 'verifying', actions: ['keepStep', 'gateStep', 'startStep'] }
            ]
          }
        }
      }
    },
    closing: {
      description: 'What is queued is written, then the link is closed.',
      entry: 'closeLink',
      on: {
        LinkClosed: 'ended',
        CloseRequested: { actions: 'notAgain' },
        Stop: { actions: 'notAgain' }
      },
      after: { closeTimeout: 'ended' }
    },
    ended: {
      description: 'The link, or a round of dialling, is over: is there to be another?',
      always: [
        { guard: 'dialsAgain', target: 'backoff', actions: ['stopStepIfAny', 'forgetLink'] },
        { target: 'closed' }
      ]
    },
    backoff: {
      description: 'Waits before it dials again, longer each time.',
      on: {
        EndpointsFound: [
          { guard: 'dialsSooner', target: 'opening', actions: ['keepHeard', 'firstPlace'] },
          { actions: 'ignore' }
        ],
        CloseRequested: { target: 'closed', actions: 'notAgain' },
        Stop: { target: 'closed', actions: 'notAgain' }
      },
      after: { backoff: { target: 'opening', actions: 'firstPlace' } }
    },
    closed: {
      description: 'Over for good.',
      type: 'final'
    }
  }
})

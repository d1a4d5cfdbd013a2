import { listenerDefinition } from '../../../actors/listener/index.ts'
import {
  CloseRequested, DialFailed, DialOpened, Disconnect, Endpoint, EndpointsFound, FrameRefused, Initiator, LinkAdmitted, LinkClosed, LinkSecured,
  LinkTraffic, ListenFailed, ListenOpened, DiscoveryStarted, PolicyChanged, PolicyValue, PongReceived, SetRoutine, SpawnFailed, RevokeTrust, StepPassed, StepPending, StepRefused, Stop, Terminated,
  TrustWithdrawn, VerificationHeld, Verified, VerifyAgain, VerifyPeer
} from '../../../proto/index.ts'
import type { MachineRun } from '../../../runtime/testing/machine-run.ts'
import type { PathOptions, PathStep } from '../../../runtime/testing/paths.ts'
import { ADDRESS, identify, KEEPER, LINK, NETWORK } from '../connection-run.ts'
import type { Walks } from './walks.ts'

const listener = { ...listenerDefinition.options, port: 4_000 }
const listens: readonly PathStep[] = [
  new ListenOpened({ endpoints: [new Endpoint({ host: '0.0.0.0', port: 4_000 })] }), new ListenFailed({ code: 'address-in-use', reason: 'taken' }),
  ...[true, false].map(inbound => new PolicyChanged({ policy: new PolicyValue({ inbound }) })), new Stop()
]

export const listenerPaths: Walks = {
  walks: [
    { input: { options: { ...listener, maxAttempts: 2 } }, events: listens, key: ({ failures }) => failures },
    { input: { options: { ...listener, inbound: false } }, events: listens }
  ]
}

export const routinesPaths: Walks = {
  walks: [{
    input: { options: { routines: [{ name: 'one', everyMs: 1_000 }] } },
    events: [new DiscoveryStarted(), new SetRoutine({ name: 'one', change: 'stop' }), new SetRoutine({ name: 'two', everyMs: 500 }), new Stop()],
    key: ({ rows }) => rows
  }]
}

export const staticPeersPaths: Walks = {
  walks: [{ input: { options: { peers: [{ host: '192.0.2.1', port: 1 }] } }, events: [new DiscoveryStarted()] }]
}

export const verifyPingsPaths: Walks = {
  walks: [{ input: { address: 'verify-pings/one', parent: ADDRESS, options: { link: LINK, peerId: 'bea' } }, events: [new PongReceived({ id: 1, rttUs: 500 })] }]
}

const place = { host: '192.0.2.1', port: 1 }

// Whatever the other side, the driver, the keeper and the steps may say: what fits the run, and what does not.
function saidTo(run: MachineRun): PathStep[] {
  const { attempt, pingId, step } = run.context as { attempt: number; pingId: number; step: string }
  const [kind = '', id = ''] = step.split('/')
  return [
    [new DialOpened({ attempt }), LINK], [new DialOpened({ attempt: attempt + 1 }), LINK],
    [new DialFailed({ attempt, code: 'dial-refused' }), LINK], [new DialFailed({ attempt: attempt + 1, code: 'dial-refused' }), LINK],
    [new LinkSecured({ attempt, peerId: 'bea', linkId: 'l' }), LINK], [new LinkSecured({ attempt, peerId: 'cid', linkId: 'l' }), LINK],
    [new LinkSecured({ attempt, peerId: 'ada', linkId: 'l' }), LINK],
    [identify(), 'peer/bea'], [identify({ versions: [2] }), 'peer/bea'], [identify({ network: new Uint8Array(16) }), 'peer/bea'],
    [new LinkAdmitted(), KEEPER],
    [new StepPassed({ step: 'pings' }), step], [new StepPassed({ step: 'pings' }), 'verify-pings/other'],
    [new StepRefused({ step: 'pings', code: 'ping-timeout' }), step], [new SpawnFailed({ kind, id, reason: 'unknown' }), 'system'],
    [new StepPending({ step: 'pings', reason: 'hm' }), step], [new Terminated({ address: step, failed: true }), 'system'], [new Terminated({ address: 'verify-pings/other' }), 'system'],
    [new VerificationHeld({ step: 'ask', forMs: 60_000 }), 'peer/bea'], [new TrustWithdrawn({ reason: 'hm' }), 'peer/bea'], [new VerifyAgain(), 'peer/bea'],
    [new RevokeTrust({ peerId: 'bea' }), KEEPER], [new VerifyPeer({ peerId: 'bea' }), KEEPER], [identify({ demands: ['secret'] }), 'peer/bea'],
    [new Verified(), 'peer/bea'], [new Disconnect({ code: 'shutdown' }), 'peer/bea'], [new Disconnect({ code: 'too-many-links', forMs: 1_000 }), 'peer/bea'],
    [new LinkClosed({ code: 'lost', initiator: Initiator.INITIATOR_NETWORK }), LINK], [new FrameRefused({ code: 'level' }), LINK],
    [new LinkTraffic({ framesIn: 1, bytesInSincePing: 9 }), LINK], [new LinkTraffic(), LINK],
    [new PongReceived({ id: pingId, rttUs: 500 }), LINK], [new PongReceived({ id: pingId + 1, rttUs: 500 }), LINK],
    [new CloseRequested({ code: 'dropped' }), KEEPER], [new EndpointsFound({ endpoints: [new Endpoint(place)] }), KEEPER], new Stop()
  ]
}

const connection = (options: object, key: PathOptions['key'] = () => null): PathOptions => ({
  input: { address: ADDRESS, parent: KEEPER, options: { peerId: 'bea', self: 'ada', network: NETWORK, endpoints: [place], maxRetries: 0, ...options } },
  events: saidTo,
  key
})

export const peerConnectionPaths: Walks = {
  walks: [
    // The counts that decide only after a while; a second round of dialling; steps with another behind them; each deadline before the pings.
    connection({}, ({ refusedFrames, toldRttUs }) => [refusedFrames, toldRttUs]),
    connection({ maxRetries: 1, endpoints: [place, { ...place, port: 2 }] }, ({ failures, place }) => [failures, place]),
    connection({ steps: ['verify-pings', 'verify-pings'], idleMs: 60_000 }, ({ passed }) => passed.length),
    connection({ steps: [] }),
    // What a policy changes.
    connection({ enhancedBeforeTrust: true, keepAliveIntervalMs: 100_000 }, ({ early }) => early),
    connection({ silent: true, keepAliveIntervalMs: 100_000 }),
    connection({ peerId: '', blocked: ['cid'] }),
    connection({ pendingTimeoutMs: 1_000, keepAliveIntervalMs: 100_000 }, ({ heldMs }) => heldMs > 0),
    connection({ keepAliveIntervalMs: 100_000 }),
    connection({ keepAliveIntervalMs: 100_000, idleMs: 1_000 }),
    connection({ direction: 'in', handle: 'in-1' }),
    connection({ endpoints: [] })
  ]
}

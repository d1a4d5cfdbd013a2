import { Initiator, Level } from '../proto/index.ts'
import { backoffJitter, backoffStep } from './backoff.ts'
import { cleanCode, codeEntry, type Code, type Retry } from './codes.ts'
import { notEnded, type Ending, type PeerConnectionContext, type PeerConnectionEvent } from './peer-connection-context.ts'
import { differingStep } from './peer-connection-plan.ts'
import { cleanText } from './text.ts'
import { stepName } from './verify-step.ts'

/** A person reads it on one line. */
const REASON_CHARS = 200
const STEP_CHARS = 64
/** Nobody is kept from dialling for longer by the other side's wish, in milliseconds: one day. */
const FOR_MS_MAX = 86_400_000

type EndingNow = Omit<Ending, 'again'>

const bySelf = (code: string, reason: string, step = '', forMs = 0): EndingNow =>
  ({ code, reason, initiator: Initiator.INITIATOR_SELF, step, forMs })

const nameOfStep = (address: string): string => stepName(address.slice(0, address.indexOf('/')))

/** Whether goodbyes are said and believed: always between those who have verified each other, else where the policy has it so. */
export function mayTalk({ options, level }: PeerConnectionContext): boolean {
  return !options.silent || level >= Level.LEVEL_ENHANCED
}

/** How the link ends by this event; `code` says it for timeouts and broken rules, which have no event that does. */
export function endingBy(context: PeerConnectionContext, event: PeerConnectionEvent, code: Code | undefined): EndingNow {
  if (code !== undefined) {
    const late = code === 'keepalive-timeout' || code === 'dial-timeout'
    const forMs = code === 'idle' ? context.options.idleMs : 0
    if (code === 'steps-differ') {
      const step = cleanText(differingStep(context, event) ?? '', STEP_CHARS)
      return bySelf(code, `one side demands the step '${step}', in which the other cannot take part`, step)
    }
    return { ...bySelf(code, codeEntry(code).means, code === 'verify-timeout' || code === 'pending-timeout' ? nameOfStep(context.step) : '', forMs), ...(late && { initiator: Initiator.INITIATOR_NETWORK }) }
  }
  switch (event.type) {
    case 'DialFailed':
      return { ...bySelf(cleanCode(event.body.code), event.body.reason), initiator: Initiator.INITIATOR_NETWORK }
    case 'LinkClosed':
      return { ...bySelf(cleanCode(event.body.code), event.body.reason), initiator: event.body.initiator }
    case 'Disconnect':
      if (!mayTalk(context)) return { ...bySelf('closed', codeEntry('closed').means), initiator: Initiator.INITIATOR_REMOTE }
      return {
        code: cleanCode(event.body.code),
        reason: cleanText(event.body.reason, REASON_CHARS),
        initiator: Initiator.INITIATOR_REMOTE,
        step: cleanText(event.body.step, STEP_CHARS),
        forMs: Math.floor(Math.min(Math.max(event.body.forMs, 0) || 0, FOR_MS_MAX))
      }
    case 'StepRefused':
      return bySelf(cleanCode(event.body.code), event.body.reason, event.body.step)
    case 'SpawnFailed':
      return bySelf('step-failed', event.body.reason, event.body.kind)
    case 'Terminated':
      return bySelf('step-failed', 'the step broke down', nameOfStep(event.body.address))
    case 'CloseRequested':
      return bySelf(event.body.code, event.body.reason || codeEntry(event.body.code).means, '', event.body.forMs)
    case 'Stop':
      return bySelf('shutdown', event.body.reason || codeEntry('shutdown').means)
    default:
      return bySelf('internal', `ended by ${event.type}`)
  }
}

// A static peer is dialled whatever it says; only our own will, or being it ourselves, ends that.
function retryOf({ options }: PeerConnectionContext, event: PeerConnectionEvent, code: string): Retry {
  if (options.direction === 'in' || event.type === 'CloseRequested' || event.type === 'Stop') return 'never'
  const { retry } = codeEntry(code)
  return retry === 'never' && options.persistent && code !== 'self' ? 'late' : retry
}

/** The end of the link, and whether and when the connection dials again. */
export function settle(context: PeerConnectionContext, event: PeerConnectionEvent, code: Code | undefined): Partial<PeerConnectionContext> {
  const { options } = context
  const now = endingBy(context, event, code)
  // Of a round's failures the one that a person can do something about is told.
  const ending = event.type !== 'CloseRequested' && event.type !== 'Stop' && context.level === 0 && codeEntry(context.ending.code || 'lost').refusal
    ? { ...now, code: context.ending.code, reason: context.ending.reason }
    : now
  const failures = context.failures + 1
  const retry = retryOf(context, event, ending.code)
  if (retry === 'never' || (failures > options.maxRetries && !options.persistent)) {
    return { ending: { ...ending, again: false }, failures, waitMs: 0 }
  }
  const base = retry === 'late' ? options.backoffMaxMs : backoffStep(failures, options)
  const [waitMs, random] = backoffJitter(context.random, base)
  return {
    ending: { ...ending, again: true },
    failures,
    random,
    waitMs: ending.initiator === Initiator.INITIATOR_REMOTE ? Math.max(waitMs, ending.forMs) : waitMs
  }
}

/** Keeps the failure of one place while the next one is tried; a refusal is not overwritten. */
export function noteFailure(context: PeerConnectionContext, event: PeerConnectionEvent, code: Code | undefined): Partial<PeerConnectionContext> {
  const failed = { ...notEnded, ...endingBy(context, event, code) }
  return codeEntry(context.ending.code || 'lost').refusal ? {} : { ending: failed }
}

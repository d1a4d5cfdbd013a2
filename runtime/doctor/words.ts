import { codeEntry } from '../../machines/codes.ts'
import type { Cause, Diagnosis } from './diagnosis.ts'
import { clause, hostOf, isDial, toldWhere, type By, type Note } from './note.ts'

type Found = Omit<Diagnosis, 'summary'>

const WHERE: Readonly<Record<By, string>> = { self: ' here', remote: ' at the other side', network: '' }

/** What to do about the cause; empty where there is nothing to do. */
export function adviceOf(cause: Cause | undefined): string {
  if (cause === undefined) return ''
  if (cause.lifted) return 'Wait until it calls or is dialled.'
  const { advice, adviceHere = advice } = codeEntry(cause.code)
  return (cause.by === 'self' ? adviceHere : advice).replace(/^Nothing\b[^.]*\.\s*/, '')
}

/** How it stands with a peer, in one sentence. */
export function summaryOf(found: Found, called: string, last: Note | undefined): string {
  const { standing, rung, since, cause, clockAheadMs } = found
  const from = new Date(since).toISOString()
  const clock = clockAheadMs > 0 ? `, and its clock is ahead of ours by ${roughly(clockAheadMs)} at least, or ours is behind` : ''
  if (standing === 'unknown') return `Nothing is known of ${called}.`
  if (standing === 'linked') {
    if (rung === 'enhanced') return `${called} is connected and both sides have verified each other, since ${from}${clock}.`
    if (rung === 'basic') return `${called} is connected; we have verified it, it has not verified us yet${clock}.`
    return `${called} has a link and no trust, since ${from}: it was withdrawn${last?.reason ? ` (${clause(last.reason)})` : ''}; verify it anew.`
  }
  if (standing === 'opening' && (cause === undefined || rung === 'pending')) return `${called} ${openingOf(found, last)}, since ${from}${clock}.`
  if (cause === undefined) return `${called} was heard and no link to it came about yet, since ${from}.`
  if (standing === 'ignored') {
    const heard = cause.place === '' ? `${called} is passed over` : `${called} is heard at ${cause.place} and passed over, since ${from}`
    return `${heard}: ${saidOf(cause)}${asClause(found.advice)}.`
  }
  if (standing === 'found') return `${called} was heard, since ${from}, and is not dialled: ${saidOf(cause)}${nextOf(found)}${asClause(found.advice)}.`
  return `There is no link to ${called} since ${from}: ${triedOf(cause)}, ${saidOf(cause)}${clock}${sinceOf(cause)}${nextOf(found)}${asClause(found.advice)}.`
}

function openingOf({ rung }: Found, last: Note | undefined): string {
  if (rung === 'pending') return `is being verified: the step ${last?.step ?? ''} waits for a decision ${last?.by === 'remote' ? 'at its side' : 'here'}`
  if (rung === 'verifying' || rung === 'admitting') return 'has identified itself and is being verified'
  return isDial(rung) ? 'is being dialled' : 'has answered and is to identify itself'
}

/** What was tried, and how far it came. */
export function triedOf({ code, place, inbound, rung, time, times, by }: Pick<Cause, 'code' | 'place' | 'inbound' | 'rung' | 'time' | 'times' | 'by'>): string {
  if (inbound && isDial(rung)) return `somebody called from ${hostOf(place)} ${times > 1 ? `${times} times, the last at` : 'at'} ${new Date(time).toISOString()} and was turned away ${toldWhere(rung)}`
  if (inbound) return `${times > 1 ? `${times} links that it dialled from ${hostOf(place)}` : `the link that it dialled from ${place}`} ended in '${rung}'`
  if (isDial(rung)) return `${times > 1 ? `${times} dials of ${place}` : `a dial of ${place || 'nowhere'}`} ended in '${rung}'`
  return `${times > 1 ? `${times} links to ${place}` : `the link to ${place}`} ended in '${rung}'${code === '' ? ` by ${by}` : ''}`
}

function saidOf(cause: Cause): string {
  return `${cause.code}: ${clause(cause.reason || codeEntry(cause.code).means)}, decided by ${deciderIn(cause)}`
}

/** What decided, and on which side. */
export function deciderIn({ decider: { kind, name, at } }: Cause): string {
  const where = WHERE[at]
  if (kind === 'network') return 'the network'
  if (kind === 'fault') return `a fault${where}`
  if (kind === 'person') return `a person${where}${name === '' ? '' : ` (${name})`}`
  return name === '' ? `a ${kind}${where} that it did not name` : `the ${kind} ${name}${where}`
}

function sinceOf({ dialsSince }: Cause): string {
  return dialsSince === 0 ? '' : `; ${dialsSince === 1 ? 'one dial has' : `${dialsSince} dials have`} failed since`
}

/** What happens next by itself. */
export function nextOf({ at, standing, rung, againAt, cause, undialled }: Found): string {
  if (standing === 'opening') return isDial(rung) ? '; it is being dialled now' : `; another link is in '${rung}' now`
  if (standing === 'waiting') return againAt > at ? `; it is dialled again in ${roughly(againAt - at)}` : '; it is dialled again now'
  if (cause !== undefined && cause.notBefore > at) return `; it asked not to be dialled for another ${roughly(cause.notBefore - at)}`
  if (undialled !== undefined && againAt > at) return `; it is dialled again in ${roughly(againAt - at)}`
  if (undialled !== undefined && undialled !== cause) return `; it is not dialled now: ${saidOf(undialled)}`
  return ''
}

/** `Check the cable.` within a longer sentence. */
function asClause(advice: string): string {
  return advice === '' ? '' : `; ${advice.replace(/\.$/, '').replace(/^./, first => first.toLowerCase())}`
}

/** A time in one unit, for people. */
export function roughly(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}
